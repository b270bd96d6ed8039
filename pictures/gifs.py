"""Animated pictures."""

import imageio.v3 as imageio
import numpy as np

from pictures.tables import CAPTION, LINE, enlarge, text_block
from support.errors import InputError
from support.files import atomic

# 32 greys instead of 256 make the GIF of a training run five times smaller.
GREYS = (np.arange(256) // 8 * 255 // 31).astype(np.uint8)


def spaced(values, most):
    """At most `most` (2 or more) of ascending positive `values`, evenly spaced in their logarithms.

    They include the first and the last, and none twice; a short list is returned unchanged.
    """
    if len(values) <= most:
        return list(values)
    logs = np.log(values)
    wanted = np.linspace(logs[0], logs[-1], most)
    nearest = np.abs(logs[:, None] - wanted).argmin(axis=0)
    return [values[index] for index in np.unique(nearest)]


def save_gif(path, frames, captions=None, seconds=0.2, last_seconds=2.0):
    """Writes uint8 frames, all (H, W, 1) or all (H, W, 3), as a GIF that loops forever.

    Each frame is shown for `seconds`, the last for `last_seconds`. Frames narrower than 224 pixels
    are enlarged by a whole factor. `captions`, one per frame, are put in a strip of 20 pixels
    above. The GIF has few colours: 32 shades of grey including black and white, or 256 colours
    per frame. Raises InputError if the file cannot be written, or frames differ in size.
    """
    frames = [enlarge(frame) for frame in frames]
    if captions is not None:
        frames = [_stamp(frame, caption) for frame, caption in zip(frames, captions, strict=True)]
    frames = [GREYS[f[..., 0]] if f.shape[-1] == 1 else f for f in frames]
    if len({frame.shape for frame in frames}) > 1:
        raise InputError(
            f'{path}: its pictures differ in size; one of them is damaged, so train the run again'
        )
    durations = [1000 * seconds] * (len(frames) - 1) + [1000 * last_seconds]
    with atomic(path) as partial:
        # All at once, since imageio cannot append to a GIF.
        told = {'save_all': True, 'duration': durations, 'loop': 0}
        imageio.imwrite(partial, frames, plugin='pillow', **told)


def _stamp(frame, caption):
    """The frame below a strip with its caption."""
    _, width, channels = frame.shape
    return np.concatenate([text_block(caption, width, LINE, CAPTION, channels), frame])
