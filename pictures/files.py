"""uint8 arrays to picture files and back."""

import io
import warnings

import numpy as np
from PIL import Image

from support.errors import InputError, reading
from support.files import atomic

# The note in a grid's PNG: height and width of an image, and how often each pixel is repeated.
CELL = 'cell'
# Of WebP. A grid of MNIST takes 9 kB instead of 22 kB, with a peak signal-to-noise ratio of 39 dB.
QUALITY = 80
BOMBS = Image.DecompressionBombWarning, Image.DecompressionBombError


def save_png(path, image):
    """Writes a uint8 image (H, W, 1) or (H, W, 3), completely or not at all.

    Raises InputError if the file cannot be written.
    """
    with atomic(path) as partial:
        to_pillow(image).save(partial, optimize=True)


def webp(image):
    """A uint8 image (H, W, 1) or (H, W, 3) as the bytes of a WebP file, nearly without loss."""
    buffer = io.BytesIO()
    to_pillow(image).save(buffer, 'WEBP', quality=QUALITY, method=6)
    return buffer.getvalue()


def load_png(path):
    """Reads a picture as uint8 (H, W, 1) if it is grey, else (H, W, 3).

    Raises InputError if the file is missing or damaged, larger than Pillow's limit of 89 million
    pixels, or cannot be read.
    """
    return load_picture(path, lambda pixels, note: pixels)


def load_picture(path, see):
    """Returns `see(pixels, note)` of a picture; its note on cells is None if there is none."""
    try:
        with reading(path), open(path, 'rb') as file:
            data = io.BytesIO(file.read())
        with warnings.catch_warnings():
            warnings.simplefilter('error', Image.DecompressionBombWarning)
            with Image.open(data) as image:
                pixels = np.asarray(image.convert('L' if image.mode in ('1', 'L') else 'RGB'))
                return see(pixels.reshape(*pixels.shape[:2], -1), image.info.get(CELL))
    except FileNotFoundError:
        raise InputError(f'{path}: no such picture; train the run again') from None
    except (OSError, SyntaxError, ValueError, *BOMBS) as error:
        reason = f'damaged, or not a picture ({type(error).__name__})'
        raise InputError(f'{path}: {reason}; delete it and draw it again') from None


def to_pillow(image):
    """An image as Pillow takes it: grey images without a channel axis."""
    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
