"""From pictures of any size and kind to square uint8 arrays."""

import numpy as np
from PIL import Image, ImageOps


def fit_all(images, shape):
    """The images fitted to `shape`; batches that have it already, like MNIST's, are unchanged."""
    if images.shape[1:] == shape:
        return images
    return np.stack([fit(Image.fromarray(np.squeeze(image)), shape) for image in images])


def fit(picture, shape):
    """The central square of a PIL picture as uint8 of `shape`, without aliasing."""
    side, _, channels = shape
    if picture.mode.startswith('I'):  # 16 bits, which PIL would clip at 255 instead of scaling
        wide = np.clip(np.asarray(picture), 0, 65535)
        picture = Image.fromarray((wide // 257).astype(np.uint8))
    if picture.has_transparency_data:  # invisible pixels may have any colour: show white instead
        picture = picture.convert('RGBA')
        white = Image.new('RGBA', picture.size, 'white')
        picture = Image.alpha_composite(white, picture)
    picture = picture.convert('L' if channels == 1 else 'RGB')
    square = ImageOps.fit(picture, (side, side), Image.LANCZOS)
    return np.asarray(square).reshape(shape)
