"""A lesson's figure: where it goes, what it looks like, how it is written."""

import functools
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from PIL import Image

import flags
import pictures
from support.errors import InputError
from support.files import atomic

SUFFIXES = ('.webp', '.png')
QUALITY = 90  # of WebP: thin lines stay clean


def parse(argv, lesson, description, *definitions):
    """The flags that `definitions` add, and --out, which is `outputs/lessons/<lesson>.webp`.

    Raises:
      InputError: as `flags.parse`; --out names no picture, or a file that lies there.
    """
    out = functools.partial(define_out, lesson=lesson)
    settings = flags.parse(argv, description, *definitions, out)
    if Path(settings.out).suffix not in SUFFIXES:
        raise InputError(f'--out={settings.out}: must end in {" or ".join(SUFFIXES)}')
    flags.check_out(settings, settings.out, default=settings['out'].default)
    return settings


def define_out(table, lesson):
    """Defines --out on `table`."""
    default = f'outputs/lessons/{lesson}.webp'
    flags.define(table, 'Where to write', 'out', default, 'the figure, a .webp or a .png')
    flags.define_overwrite(table, 'Where to write')


def page(width, height):
    """An empty white figure, in inches of 128 pixels; white, so that a dark page shows it too."""
    return Figure((width, height), dpi=pictures.DPI, layout='constrained', facecolor='white')


def pixels(drawing):
    """A figure as uint8 (H, W, 3)."""
    canvas = FigureCanvasAgg(drawing)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def save(path, drawing):
    """Writes a figure and prints where; raises InputError when the file cannot be written."""
    save_pixels(path, pixels(drawing))


def save_pixels(path, picture):
    """The same of a uint8 picture (H, W, 1 or 3)."""
    with atomic(path) as partial:
        Image.fromarray(picture.squeeze()).save(partial, quality=QUALITY, method=6)
    print(path)


def show(axes, image, title):
    """Puts a uint8 picture (H, W, 1 or 3) on axes that have no scales."""
    axes.imshow(image.squeeze(), cmap='gray', vmin=0, vmax=255, interpolation='nearest')
    axes.set_title(title, fontsize='medium')
    axes.set_axis_off()


def plain_ticks(*axes):
    """Writes the ticks of both scales as plain numbers: 1000, not 10^3."""
    for scale in (scale for one in axes for scale in (one.xaxis, one.yaxis)):
        scale.set_major_formatter(FuncFormatter(lambda value, _: f'{value:g}'))
        if scale.get_scale() != 'linear':
            scale.set_minor_formatter(NullFormatter())


def by_decades(axes):
    """Makes the upright scale logarithmic, with ticks at 1, 2 and 5 of every power of ten."""
    axes.set_yscale('log')
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    plain_ticks(axes)
