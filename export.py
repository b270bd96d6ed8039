"""From uint8 arrays to pictures on disk: grids, GIFs, and tables of pictures with captions."""

import functools
import io
import math
import textwrap
import warnings

import imageio.v3 as imageio
import numpy as np
from PIL import Image, PngImagePlugin

from console import InputError, reading
from runs import atomic

# A power of two, so that a size in pixels survives matplotlib's division into inches.
DPI = 128

# Pixels.
WIDE = 448
NARROWEST = 224
GAP = 12
LINE = 20
LABEL = 80
LETTER = 9

# Points.
TITLE = 8.5
CAPTION = 7.5

# The note in a grid's PNG: height and width of an image, and how often each pixel is repeated.
CELL = 'cell'

# 32 greys instead of 256 make the GIF of a training run five times smaller.
GREYS = (np.arange(256) // 8 * 255 // 31).astype(np.uint8)

# Of the lines between cells: seen beside black as beside white.
SEAM = 96

# Of zlib. The highest level takes 25 times as long for a grid that is 1 % smaller.
QUICK = 4

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


def cells(picture, height, width):
    """The images (N, height, width, C) that `grid` laid out, those of unfilled cells included."""
    parts = picture.reshape(len(picture) // height, height, -1, width, picture.shape[-1])
    return parts.swapaxes(1, 2).reshape(-1, height, width, picture.shape[-1])


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


def spread(images):
    """Images (N, H, W, C) as one picture for the eye, laid out as `grid` does.

    It grows by a whole factor to 448 pixels or more, and a line of one pixel keeps its cells apart.
    """
    grown = _grow(images, _factor(images))
    apart = np.pad(grown, ((0, 0), (0, 1), (0, 1), (0, 0)), constant_values=SEAM)
    return grid(apart)[:-1, :-1]


def _factor(images):
    """How often `spread` repeats a pixel."""
    count, _, width, _ = images.shape
    columns = math.ceil(math.sqrt(count))
    return max(1, math.ceil((WIDE - columns + 1) / (columns * width)))


def save_grid(path, images):
    """Writes images (N, H, W, C) as `spread` does, noting what `load_grid` needs to cut it back.

    Raises InputError when the file cannot be written.
    """
    _, height, width, _ = images.shape
    note = PngImagePlugin.PngInfo()
    note.add_text(CELL, f'{height} {width} {_factor(images)}')
    with atomic(path) as partial:
        _to_pillow(spread(images)).save(partial, compress_level=QUICK, pnginfo=note)


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
    return _load(path, lambda pixels, note: pixels)


def load_grid(path):
    """Reads what `save_grid` wrote as `grid` lays it out; a picture without its note as it is.

    Raises InputError when the file is missing or damaged.
    """
    return _load(path, _cut)


def _load(path, see):
    """What `see(pixels, note)` makes of a picture and of its note on cells, None without one."""
    try:
        with reading(path), open(path, 'rb') as file:
            data = io.BytesIO(file.read())
        with warnings.catch_warnings():
            warnings.simplefilter('error', Image.DecompressionBombWarning)
            with Image.open(data) as image:
                pixels = np.asarray(image.convert('L' if image.mode in ('1', 'L') else 'RGB'))
                return see(pixels.reshape(*pixels.shape[:2], -1), image.info.get(CELL))
    except FileNotFoundError:
        raise InputError(f'{path}: no such picture; make the run again') from None
    except (OSError, SyntaxError, ValueError, *BOMBS) as error:
        reason = f'damaged, or no picture; delete it and make it again ({type(error).__name__})'
        raise InputError(f'{path}: {reason}') from None


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


def save_gif(path, frames, captions=None, seconds=0.2, last_seconds=2.0):
    """Writes uint8 frames, all (H, W, 1) or all (H, W, 3), as a GIF that loops for ever.

    Each frame shows for `seconds`, the last for `last_seconds`. Frames narrower than 224 pixels
    grow by a whole factor; `captions`, one a frame, are set in a strip of 20 pixels above. GIF
    knows few colours: 32 shades of grey, black and white among them, or 256 colours a frame.
    Raises InputError when the file cannot be written, or frames differ in size.
    """
    frames = [_enlarge(frame) for frame in frames]
    if captions is not None:
        frames = [_stamp(frame, caption) for frame, caption in zip(frames, captions, strict=True)]
    frames = [GREYS[f[..., 0]] if f.shape[-1] == 1 else f for f in frames]
    if len({frame.shape for frame in frames}) > 1:
        raise InputError(
            f'{path}: its pictures differ in size; one of them is damaged, so make the run again'
        )
    durations = [1000 * seconds] * (len(frames) - 1) + [1000 * last_seconds]
    with atomic(path) as partial:
        # All at once, since imageio cannot append to a GIF.
        told = {'save_all': True, 'duration': durations, 'loop': 0}
        imageio.imwrite(partial, frames, plugin='pillow', **told)


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
    return _grow(image[None], max(1, NARROWEST // image.shape[1]))[0]


def _grow(images, factor):
    """Images (N, H, W, C) with every pixel repeated `factor` times either way."""
    return images.repeat(factor, axis=1).repeat(factor, axis=2)


def _to_pillow(image):
    """Pillow wants grey without its channel axis."""
    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
