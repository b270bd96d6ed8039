"""The 8x8 digits that come with scikit-learn, in the layout of MNIST."""

import numpy as np
from PIL import Image

from datasets.images import fit_all
from datasets.source import SIZES, Info, Source, side_of

DIGITS, DIGITS_TEST, DIGITS_COPIES = 1797, 360, 7


def digits_source(image_size):
    """The `Source` of `digits`, its images resized to `image_size` pixels per side."""
    side = side_of(image_size, SIZES[0])
    shape, train = (side, side, 1), (DIGITS - DIGITS_TEST) * DIGITS_COPIES
    info = Info(shape, tuple('0123456789'), train, DIGITS_TEST)
    return Source(info, ('digits', shape), lambda: _decode_digits(shape))


def _decode_digits(shape):
    """What Source.decode gives, for the 8x8 digits that come with scikit-learn."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    train, test, train_labels, test_labels = train_test_split(
        images, labels, test_size=DIGITS_TEST, stratify=labels, random_state=0
    )
    variants = np.tile(train, (DIGITS_COPIES - 1, 1)), np.tile(train_labels, DIGITS_COPIES - 1)
    batches = [
        (_enlarge(train), train_labels),
        (_enlarge(variants[0], vary=True), variants[1]),
        (_enlarge(test), test_labels),
    ]
    is_test = np.repeat([False, False, True], [len(labels) for _, labels in batches])
    return is_test, ((fit_all(images, shape), labels) for images, labels in batches)


def _enlarge(images, vary=False):
    """(N, 64) in 0..16 to uint8 (N, 28, 28, 1), each turned, scaled and shifted if `vary`."""
    # Padding before the enlargement lets strokes that touch the 8x8 border fade out softly.
    small = np.pad(images.reshape(-1, 8, 8), ((0, 0), (2, 2), (2, 2))).astype(np.float32)
    maps = _affine_maps(len(images), *((0.17, 0.1, 1) if vary else (0, 0, 0)))
    large = np.stack([_warp(image, row) for image, row in zip(small, maps, strict=True)])
    # Enlarging blurs the strokes; more contrast makes their cores white again, as in MNIST.
    return np.clip(1.5 * (large * (255 / 16) - 127.5) + 127.5, 0, 255).astype(np.uint8)[..., None]


def _warp(image, affine_map):
    """12x12 to 30x30, of which the map takes 28x28."""
    large = Image.fromarray(image).resize((30, 30), Image.BICUBIC)
    return np.asarray(large.transform((28, 28), Image.AFFINE, affine_map, Image.BICUBIC))


def _affine_maps(count, angle, scale, shift):
    """PIL's six coefficients (count, 6) from 28x28 to 30x30, drawn within these bounds."""
    draw = np.random.RandomState(0).uniform
    angles, scales = draw(-angle, angle, count), draw(1 - scale, 1 + scale, count)
    cos, sin = np.cos(angles) / scales, np.sin(angles) / scales
    x, y = 14 + draw(-shift, shift, (2, count))
    return np.stack([cos, sin, 15 - cos * x - sin * y, -sin, cos, 15 + sin * x - cos * y], axis=1)
