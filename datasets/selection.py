"""Some rows of images that may be larger than memory."""

import numpy as np

IN_MEMORY = 2**29  # bytes of images that are copied into memory: about what TensorFlow takes itself


class Selection:
    """Rows of images on disk, read when they are asked for.

    It is indexed by an integer, a slice, a mask or integers, like the array that it stands for, and
    gives arrays.
    """

    def __init__(self, images, rows):
        """Of images (N, ...) and integers `rows` (M,) below N."""
        self.images, self.rows = images, rows
        self.shape, self.dtype = (len(rows), *images.shape[1:]), images.dtype
        self.nbytes = int(np.prod(self.shape)) * self.dtype.itemsize

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, key):
        return self.images[self.rows[key]]

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.images[self.rows], dtype)


def select(images, rows):
    """The images at `rows` (M,): an array up to 512 MiB, a `Selection` above that."""
    found = Selection(images, rows)
    return found[:] if found.nbytes <= IN_MEMORY else found


def parts(array, size):
    """An array, or what is indexed like one, in pieces of `size` rows; the last may be shorter."""
    return (array[start : start + size] for start in range(0, len(array), size))
