"""Images laid out as grids, written for the eye and cut back."""

import math

import numpy as np
from PIL import PngImagePlugin

from pictures.files import CELL, load_picture, to_pillow
from support.errors import InputError
from support.files import atomic

# Of the lines between cells: seen beside black as beside white.
SEAM = 96
# The least width of a picture for the eye, in pixels.
WIDE = 448
# Of zlib. The highest level takes 25 times as long for a grid that is 1 % smaller.
QUICK = 4


def grid(images, columns=None):
    """Lays images (N, H, W, C) out as one (rows * H, columns * W, C), row by row, left to right.

    Takes ceil(sqrt(N)) columns unless told; cells that no image fills stay black.
    """
    count, height, width, channels = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    cells = np.zeros((rows * columns, height, width, channels), images.dtype)
    cells[:count] = images
    cells = cells.reshape(rows, columns, height, width, channels)
    return cells.swapaxes(1, 2).reshape(rows * height, columns * width, channels)


def cells(picture, height, width):
    """The images (N, height, width, C) that `grid` laid out, those of unfilled cells included."""
    parts = picture.reshape(len(picture) // height, height, -1, width, picture.shape[-1])
    return parts.swapaxes(1, 2).reshape(-1, height, width, picture.shape[-1])


def enlarged(images, columns=None):
    """Images (N, H, W, C) as one picture for the eye, laid out as `grid` does.

    It grows by a whole factor to 448 pixels or more, and a line of one pixel keeps its cells apart.
    """
    grown = grow(images, _factor(images, columns))
    apart = np.pad(grown, ((0, 0), (0, 1), (0, 1), (0, 0)), constant_values=SEAM)
    return grid(apart, columns)[:-1, :-1]


def _factor(images, columns):
    """How often `enlarged` repeats a pixel."""
    count, _, width, _ = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    return max(1, math.ceil((WIDE - columns + 1) / (columns * width)))


def save_grid(path, images, columns=None):
    """Writes images (N, H, W, C) as `enlarged` does, noting what `load_grid` needs to cut it back.

    Raises InputError when the file cannot be written.
    """
    _, height, width, _ = images.shape
    note = PngImagePlugin.PngInfo()
    note.add_text(CELL, f'{height} {width} {_factor(images, columns)}')
    with atomic(path) as partial:
        to_pillow(enlarged(images, columns)).save(partial, compress_level=QUICK, pnginfo=note)


def load_grid(path):
    """Reads what `save_grid` wrote as `grid` lays it out; a picture without its note as it is.

    Raises InputError when the file is missing or damaged.
    """
    return load_picture(path, _cut)


def load_cells(path, height, width):
    """Reads the images (N, height, width, C) of what `save_grid` wrote, unfilled cells included.

    Raises InputError when the file is missing or damaged, or holds other images.
    """
    try:
        return cells(load_grid(path), height, width)
    except ValueError:
        reason = f'not a grid of images of {height}x{width} pixels'
        raise InputError(f'{path}: {reason}; train the run again') from None


def _cut(pixels, note):
    """The grid without lines between its cells, and as small as its images."""
    if note is None:
        return pixels
    height, width, factor = map(int, note.split())
    if min(height, width, factor) < 1:
        raise ValueError('cells without pixels')
    tall, wide, channels = height * factor + 1, width * factor + 1, pixels.shape[-1]
    whole = np.pad(pixels, ((0, 1), (0, 1), (0, 0)))
    parts = whole.reshape(len(whole) // tall, tall, -1, wide, channels)
    return parts[:, :-1:factor, :, :-1:factor].reshape(len(whole) // tall * height, -1, channels)


def grow(images, factor):
    """Images (N, H, W, C) with every pixel repeated `factor` times either way."""
    return images.repeat(factor, axis=1).repeat(factor, axis=2)
