"""From uint8 arrays to pictures on disk: grids, GIFs, and tables of pictures with captions."""

import functools
import io
import math
import textwrap
import warnings

import numpy as np
from PIL import Image

from console import InputError, reading
from runs import atomic

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

# 32 greys instead of 256 make the GIF of a training run five times smaller.
GREYS = (np.arange(256) // 8 * 255 // 31).astype(np.uint8)

# Of WebP. A grid of MNIST takes 9 kB so, 22 kB without loss, and is 39 dB from what it was.
QUALITY = 80

BOMBS = Image.DecompressionBombWarning, Image.DecompressionBombError


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


def spaced(values, most):
    """At most `most` (2 or more) of ascending positive `values`, evenly apart in their logarithms.

    The first and the last are always among them, none twice; a short list comes back whole.
    """
    if len(values) <= most:
        return list(values)
    logs = np.log(values)
    wanted = np.linspace(logs[0], logs[-1], most)
    nearest = np.abs(logs[:, None] - wanted).argmin(axis=0)
    return [values[index] for index in np.unique(nearest)]


def save_png(path, image):
    """Writes a uint8 image (H, W, 1) or (H, W, 3), whole or not at all.

    Raises InputError when the file cannot be written.
    """
    with atomic(path) as partial:
        _to_pillow(image).save(partial, optimize=True)


def webp(image):
    """A uint8 image (H, W, 1) or (H, W, 3) as the bytes of a WebP file, nearly as it was."""
    buffer = io.BytesIO()
    _to_pillow(image).save(buffer, 'WEBP', quality=QUALITY, method=6)
    return buffer.getvalue()


def load_png(path):
    """Reads a picture as uint8 (H, W, 1) when it is grey, else (H, W, 3).

    Raises InputError when the file is missing or damaged, too large to be one of ours (Pillow's
    limit of 89 million pixels), or cannot be read.
    """
    try:
        with reading(path), open(path, 'rb') as file:
            data = io.BytesIO(file.read())
        with warnings.catch_warnings():
            warnings.simplefilter('error', Image.DecompressionBombWarning)
            with Image.open(data) as image:
                pixels = np.asarray(image.convert('L' if image.mode in ('1', 'L') else 'RGB'))
    except FileNotFoundError:
        raise InputError(f'{path}: no such picture; make the run again') from None
    except (OSError, SyntaxError, ValueError, *BOMBS) as error:
        reason = f'damaged, or no picture; delete it and make it again ({type(error).__name__})'
        raise InputError(f'{path}: {reason}') from None
    return pixels.reshape(*pixels.shape[:2], -1)


def save_gif(path, frames, captions=None, seconds=0.2, last_seconds=2.0):
    """Writes uint8 frames, all (H, W, 1) or all (H, W, 3), as a GIF that loops for ever.

    Each frame shows for `seconds`, the last for `last_seconds`. Frames narrower than 224 pixels
    grow by a whole factor; `captions`, one a frame, are set in a strip of 20 pixels above. GIF
    knows few colours: 32 shades of grey, black and white among them, or 256 colours a frame.
    Raises InputError when the file cannot be written.
    """
    frames = [_enlarge(frame) for frame in frames]
    if captions is not None:
        frames = [_stamp(frame, caption) for frame, caption in zip(frames, captions, strict=True)]
    first, *rest = [_to_pillow(GREYS[f] if f.shape[-1] == 1 else f) for f in frames]
    durations = [1000 * seconds] * len(rest) + [1000 * last_seconds]
    with atomic(path) as partial:
        first.save(partial, save_all=True, append_images=rest, duration=durations, loop=0)


def figure(path, rows, columns, images, captions):
    """Writes `table(rows, columns, images, captions)` as a PNG.

    Raises InputError when the file cannot be written.
    """
    save_png(path, table(rows, columns, images, captions))


def table(rows, columns, images, captions):
    """A table of pictures on white: uint8 (H, W, 1) when every picture is grey, else (H, W, 3).

    `rows` are the labels on the left, `columns` the titles on top, wrapped where they are long.
    `images[row][column]` is uint8 (h, w, 1 or 3), or None for a cell left empty; pictures narrower
    than 224 pixels grow by a whole factor, none is blurred. `captions[row][column]` goes below.
    """
    images = [[image if image is None else _enlarge(image) for image in line] for line in images]
    shapes = [image.shape for line in images for image in line if image is not None]
    size = tuple(np.max(shapes, axis=0).tolist())
    lines = [_titles(columns, size)]
    for label, pictures, notes in zip(rows, images, captions, strict=True):
        cells = [_cell(picture, note, size) for picture, note in zip(pictures, notes, strict=True)]
        lines.append([_label(label, size), *cells])
    page = np.concatenate([np.concatenate(line, axis=1) for line in lines])
    return _pad(page, (GAP, 0), (GAP, 0))


def _titles(columns, size):
    """The table's first line: an empty corner, then each title over its column."""
    _, width, channels = size
    titles = [textwrap.fill(title, width // LETTER) for title in columns]
    height = LINE * max(title.count('\n') + 1 for title in titles) + GAP // 2
    corner = _text('', LABEL, height, TITLE, channels)
    blocks = [corner, *(_text(title, width, height, TITLE, channels) for title in titles)]
    return [_pad(block, (0, 0), (0, GAP)) for block in blocks]


def _label(label, size):
    """A line's label, level with the middle of its pictures."""
    height, _, channels = size
    return _pad(_text(label, LABEL, height, TITLE, channels), (0, LINE + GAP), (0, GAP))


def _cell(picture, caption, size):
    """A picture, or its empty place, over its caption."""
    height, width, channels = size
    place = np.full(size, 255, np.uint8)
    if picture is not None:
        place[: picture.shape[0], : picture.shape[1]] = picture
    strip = _text(caption, width, LINE, CAPTION, channels)
    return _pad(np.concatenate([place, strip]), (0, GAP), (0, GAP))


def _stamp(frame, caption):
    """The frame below a strip that holds its caption."""
    _, width, channels = frame.shape
    return np.concatenate([_text(caption, width, LINE, CAPTION, channels), frame])


@functools.lru_cache(maxsize=256)
def _text(text, width, height, points, channels):
    """Black text in the middle of white (height, width, channels)."""
    # Here, so that training need not wait for the import.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawing = Figure((width / DPI, height / DPI), dpi=DPI)
    drawing.text(0.5, 0.5, text, fontsize=points, ha='center', va='center', parse_math=False)
    canvas = FigureCanvasAgg(drawing)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :channels]


def _pad(block, above_below, left_right):
    """The block with so many pixels of white around it."""
    return np.pad(block, (above_below, left_right, (0, 0)), constant_values=255)


def _enlarge(image):
    """The image with every pixel repeated as often as keeps it within the narrowest width."""
    factor = max(1, NARROWEST // image.shape[1])
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def _to_pillow(image):
    """Pillow wants grey without its channel axis."""
    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
