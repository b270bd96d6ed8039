"""Images laid out as grids: saved enlarged, and read back as images."""

import math

import numpy as np
from PIL import PngImagePlugin

from pictures.files import CELL, load_picture, to_pillow
from support.errors import InputError
from support.files import atomic

# Grey of the lines between cells, visible next to black and next to white.
SEAM = 96
# The smallest width of an enlarged picture, in pixels.
WIDE = 448
# Of zlib. The highest level takes 25 times as long for a grid that is 1 % smaller.
QUICK = 4


def grid(images, columns=None):
    """Lays images (N, H, W, C) out as one (rows * H, columns * W, C), row by row, left to right.

    By default there are ceil(sqrt(N)) columns; empty cells stay black.
    """
    count, height, width, channels = images.shape
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    cells = np.zeros((rows * columns, height, width, channels), images.dtype)
    cells[:count] = images
    cells = cells.reshape(rows, columns, height, width, channels)
    return cells.swapaxes(1, 2).reshape(rows * height, columns * width, channels)


def cells(picture, height, width):
    """The images (N, height, width, C) that `grid` laid out, including empty cells."""
    parts = picture.reshape(len(picture) // height, height, -1, width, picture.shape[-1])
    return parts.swapaxes(1, 2).reshape(-1, height, width, picture.shape[-1])


def enlarged(images, columns=None):
    """Images (N, H, W, C) as one enlarged picture, laid out as by `grid`.

    A whole factor makes it at least 448 pixels wide; a line of one pixel separates the cells.
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
    """Writes the `enlarged` images (N, H, W, C), with the note that `load_grid` needs.

    Raises InputError if the file cannot be written.
    """
    _, height, width, _ = images.shape
    note = PngImagePlugin.PngInfo()
    note.add_text(CELL, f'{height} {width} {_factor(images, columns)}')
    with atomic(path) as partial:
        to_pillow(enlarged(images, columns)).save(partial, compress_level=QUICK, pnginfo=note)


def load_grid(path):
    """Reads what `save_grid` wrote, in the layout of `grid`; without a note, the picture itself.

    Raises InputError if the file is missing or damaged.
    """
    return load_picture(path, _cut)


def load_cells(path, height, width):
    """Reads the images (N, height, width, C) that `save_grid` wrote, including empty cells.

    Raises InputError if the file is missing or damaged, or has images of another size.
    """
    try:
        return cells(load_grid(path), height, width)
    except ValueError:
        reason = f'not a grid of images of {height}x{width} pixels'
        raise InputError(f'{path}: {reason}; train the run again') from None


def _cut(pixels, note):
    """The grid at its original size, without the lines between its cells."""
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
    """Images (N, H, W, C) with every pixel repeated `factor` times in both directions."""
    return images.repeat(factor, axis=1).repeat(factor, axis=2)
