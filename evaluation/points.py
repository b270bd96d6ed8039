"""Images as points, of which there may be more than memory holds."""

import numpy as np

IN_MEMORY = 2**28  # bytes of points; a metric takes twice that, in float64


class Points:
    """uint8 images (N, H, W, C) as points (N, H W C) in [0, 1], float32.

    They are computed when they are asked for. Indexed like the array that it stands for, it gives
    arrays.
    """

    def __init__(self, images):
        self.images, self.dtype = images, np.dtype(np.float32)
        self.shape = len(images), int(np.prod(images.shape[1:]))

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, key):
        images = self.images[key]
        return images.reshape(*images.shape[:-3], self.shape[1]).astype(np.float32) / 255

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self[:], dtype)


def as_points(images):
    """Images as points: an array up to 256 MiB, `Points` above that."""
    points = Points(images)
    return points[:] if 4 * np.prod(points.shape) <= IN_MEMORY else points
