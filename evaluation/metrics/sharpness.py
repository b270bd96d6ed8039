"""Sharpness: the variance of the Laplacian, the usual measure of focus."""

import numpy as np

ROWS = 500  # images that are looked at together, which changes no result


def sharpness(images, real_images):
    """Mean variance of the Laplacian of `images` over that of `real_images`.

    Pech-Pacheco et al. 2000, "Diatom autofocusing in brightfield microscopy": with the kernel
    [0 1 0; 1 -4 1; 0 1 0] over the inside of each grey image; colours are averaged first. Below 1
    is blurrier than real images. Above 1 may be noise, which is sharp, too.

    Args:
      images, real_images: (N, H, W, C) and (M, H, W, C) of one range, H and W at least 3; of the
        real images not all are constant.

    Returns:
      The ratio, at least 0; 0 for constant images.
    """
    return float(np.mean(_variances(images)) / np.mean(_variances(real_images)))


def _variances(images):
    """Variance (N,) of the Laplacian of each image."""
    parts = (images[start : start + ROWS] for start in range(0, len(images), ROWS))
    return np.concatenate([_variances_of(part) for part in parts])


def _variances_of(images):
    grey = np.mean(images, axis=3, dtype=np.float64)
    across = grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]
    down = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1]
    return np.var(across + down - 4.0 * grey[:, 1:-1, 1:-1], axis=(1, 2))
