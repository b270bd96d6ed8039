"""Tables of pictures with titles and captions."""

import functools
import textwrap

import numpy as np

from pictures.files import save_png
from pictures.grids import grow

# A power of two, so that a size in pixels survives matplotlib's division into inches.
DPI = 128

# Pixels.
NARROWEST = 224
GAP = 12
LINE = 20
LABEL = 80
LETTER = 9

# Points.
TITLE = 8.5
CAPTION = 7.5


def figure(path, rows, columns, images, captions):
    """Writes `table(rows, columns, images, captions)` as a PNG.

    Raises InputError if the file cannot be written.
    """
    save_png(path, table(rows, columns, images, captions))


def table(rows, columns, images, captions, size=None):
    """A table of pictures on white: uint8 (H, W, 1) if every picture is grey, else (H, W, 3).

    `rows` are the labels on the left; if all are empty, there is no margin for them. `columns` are
    the titles on top; long ones are wrapped. `images[row][column]` is uint8 (h, w, 1 or 3), or None
    for an empty cell. Pictures narrower than 224 pixels are enlarged by a whole factor, so none is
    blurred. `captions[row][column]` goes below. A cell is as large as the largest picture, or has
    the `size` that `size_of` gives.
    """
    images = [[image if image is None else enlarge(image) for image in line] for line in images]
    size = size or size_of(images)
    lines = [_titles(columns, size)]
    for label, pictures, notes in zip(rows, images, captions, strict=True):
        cells = [_cell(picture, note, size) for picture, note in zip(pictures, notes, strict=True)]
        lines.append([_label(label, size), *cells])
    page = np.concatenate([np.concatenate(line, axis=1) for line in lines])
    labelled = _pad(page, (GAP, 0), (GAP, 0))
    return labelled if any(rows) else labelled[:, LABEL + GAP :]


def size_of(images):
    """The (H, W, C) of a cell that is large enough for each of `images[row][column]`."""
    shapes = [enlarge(image).shape for line in images for image in line if image is not None]
    return tuple(np.max(shapes, axis=0).tolist())


def _titles(columns, size):
    """The table's first line: an empty corner, then each title over its column."""
    _, width, channels = size
    titles = [textwrap.fill(title, width // LETTER) for title in columns]
    height = LINE * max(title.count('\n') + 1 for title in titles) + GAP // 2
    corner = text_block('', LABEL, height, TITLE, channels)
    blocks = [corner, *(text_block(title, width, height, TITLE, channels) for title in titles)]
    return [_pad(block, (0, 0), (0, GAP)) for block in blocks]


def _label(label, size):
    """A line's label, level with the middle of its pictures."""
    height, _, channels = size
    return _pad(text_block(label, LABEL, height, TITLE, channels), (0, LINE + GAP), (0, GAP))


def _cell(picture, caption, size):
    """A picture, or an empty cell, above its caption."""
    height, width, channels = size
    place = np.full(size, 255, np.uint8)
    if picture is not None:
        place[: picture.shape[0], : picture.shape[1]] = picture
    strip = text_block(caption, width, LINE, CAPTION, channels)
    return _pad(np.concatenate([place, strip]), (0, GAP), (0, GAP))


@functools.lru_cache(maxsize=256)
def text_block(text, width, height, points, channels):
    """Black text in the middle of white (height, width, channels)."""
    # Imported here, so that training does not wait for it.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawing = Figure((width / DPI, height / DPI), dpi=DPI)
    drawing.text(0.5, 0.5, text, fontsize=points, ha='center', va='center', parse_math=False)
    canvas = FigureCanvasAgg(drawing)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :channels]


def _pad(block, above_below, left_right):
    """The block with that many white pixels around it."""
    return np.pad(block, (above_below, left_right, (0, 0)), constant_values=255)


def enlarge(image):
    """The image enlarged by the largest whole factor that keeps it within 224 pixels."""
    return grow(image[None], max(1, NARROWEST // image.shape[1]))[0]
