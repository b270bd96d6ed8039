"""Draws new images with a trained model, or exports its generator.

  python generate.py --run=outputs/vae-mnist --num=64 --seed=1
  python generate.py --run=outputs/vae-mnist --num=10000 --out=samples.npz
  python generate.py --run=outputs/vae-mnist --export=generator.keras
  python generate.py --run=outputs/pixelcnn-mnist --complete=7 --rows=14

The newest checkpoint of the run is used, even while the run is still training. The exported
generator works without this project: it turns float latents (N, ...) into float images
(N, H, W, C) in [0, 1]. The latents of an autoencoder are standard normal. Those of a GAN are
uniform in [-1, 1], unless it was trained with --latent=normal.

Some models draw by label (--label, --labels), from images (--images) or pixel by pixel (--complete,
--progress_gif); others refuse these flags.
"""

if __name__ == '__main__':  # before the imports below, which take a while
    import os
    import sys

    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # python -I leaves it out
    from support import startup

    startup.begin()

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

import datasets
import flags
import pictures
from runs import directory
from runs.health import warn
from runs.restore import checkpoint, restore
from support import backend, terminal
from support.errors import InputError
from support.files import atomic

MOST = 1_000_000  # images of 32x32 in colour: 3 GB
USUAL, EACH = 64, 8  # images; per class where --labels names several, or of --complete


def main(argv):
    """Writes what the command line `argv` asks for, prints the paths; returns the exit status 0.

    Raises:
      InputError: before TensorFlow is loaded, for invalid flags or runs; later, for a model that
        takes no such input, a checkpoint of another version, or a file that cannot be written.
    """
    settings, [drawing] = flags.parse_with_drawing(argv, __doc__, define_flags, runs_of)
    run = directory.open_run(settings.run)
    out, exported = paths(settings, run)
    inputs = inputs_of(settings, run)
    arrays = checkpoint(run)
    warn(run)
    backend.load_tensorflow()
    from runs.export import save_generator

    model = restore(run, arrays)
    if out:
        check(model, inputs, settings)
    if exported:
        save_generator(exported, model, drawing)
        print(exported)
    if out:
        columns = len(inputs.labels) if inputs.labels and len(inputs.labels) > 1 else None
        drawn = draw(model, inputs, settings, drawing)
        save_images(out, drawn, columns)
        print(out)
        save_progress(settings.progress_gif, drawn, columns)
    return 0


class Inputs(NamedTuple):
    """What the flags give a model to draw from, each None without it.

    Attributes:
      labels: numbers of classes.
      images: uint8 (N, H, W, C) to start from.
      half: uint8 (H, W, C) to complete, and how many of its rows to keep.
    """

    labels: list | None
    images: np.ndarray | None
    half: tuple | None


def inputs_of(settings, run):
    """The `Inputs` of a run; raises InputError for what is none."""
    labels = labels_of(settings, run.config['class_names'])
    images = images_of(settings.images, run.config['image_shape'])
    return Inputs(labels, images, half_of(settings, run))


def check(model, inputs, settings):
    """Refuses what the model does not take, and images that it needs and does not get."""
    from runs.drawing import check_given, check_sequential

    check_given(model, inputs.labels, inputs.images)
    if inputs.half or settings.progress_gif:
        check_sequential(model)


def draw(model, inputs, settings, drawing):
    """The images that the flags ask for: uint8 (N, H, W, C)."""
    from runs.drawing import complete, paint

    count = count_of(settings, inputs)
    if inputs.half:
        return complete(model, *inputs.half, count, settings.seed, inputs.labels)
    return paint(model, count, settings.seed, inputs.labels, inputs.images, drawing)


def save_progress(path, images, columns):
    """Writes how the images came to be, row by row, if a path is given."""
    from runs.drawing import by_row

    if path:
        frames = [pictures.grid(drawn, columns) for drawn in by_row(images)]
        pictures.save_gif(path, frames, seconds=0.1)
        print(path)


def define_flags(table):
    """Defines this command's flags on `table`."""
    group = 'What to draw'
    flags.define(table, group, 'run', None, 'directory of a trained run, or its name in outputs/')
    meaning = f'number of images; by default {USUAL}, or {EACH} per class in --labels, or one per '
    meaning += 'image in --images'
    flags.define(table, group, 'num', None, meaning, flags.Number(int, 1, MOST))
    meaning = 'seed of the latents; image i depends only on the seed and on i'
    flags.define(table, group, 'seed', 0, meaning, flags.Number(int, 0, flags.LARGEST_SEED))
    flags.define(table, group, 'label', None, 'class to draw, by name or number')
    meaning = 'classes to draw, one column each, by name or number: 0-9, or 3,1,4'
    flags.define(table, group, 'labels', None, meaning)
    meaning = 'images to start from: a folder of images, or a run, whose target is used'
    flags.define(table, group, 'images', None, meaning)
    meaning = f'an image to complete, the number of a test image or a file; {EACH} times unless '
    meaning += '--num says otherwise'
    flags.define(table, group, 'complete', None, meaning)
    meaning = 'how many of its rows are kept; by default half of them'
    flags.define(table, group, 'rows', None, meaning, flags.Number(int))
    group = 'Where to write'
    meaning = 'a .png for a grid, or a .npz for the uint8 array `images` (N, H, W, C); by default '
    meaning += '<run>/generated.png; with --export alone no images are drawn'
    flags.define(table, group, 'out', None, meaning)
    flags.define_overwrite(table, group)
    meaning = 'a .gif that shows the images as they are drawn, row by row'
    flags.define(table, group, 'progress_gif', None, meaning)
    meaning = 'where to save the generator: <name>.keras is a file for keras.models.load_model; '
    meaning += 'any other name is a new directory for tf.saved_model.load'
    flags.define(table, group, 'export', None, meaning)


def runs_of(settings):
    """The runs that a command line names."""
    return [directory.open_run(settings.run)]


def paths(settings, run):
    """The paths of images and generator, None if not wanted; raises InputError for bad names."""
    drawn = run.path / 'generated.png'
    out = Path(settings.out) if settings.out else None
    exported = Path(settings.export) if settings.export else None
    if out and out.suffix not in ('.png', '.npz'):
        raise InputError(f'--out={out}: must end in .png or .npz')
    if out:
        flags.check_out(settings, out, default=drawn)
    if exported and exported.suffix != '.keras' and exported.exists():
        raise InputError(f'--export={exported}: exists; remove it or choose another name')
    if settings.progress_gif and not settings.progress_gif.endswith('.gif'):
        raise InputError(f'--progress_gif={settings.progress_gif}: must end in .gif')
    named = ('label', 'labels', 'images', 'complete', 'progress_gif')
    if exported and not out and any(getattr(settings, name) for name in named):
        told = ', '.join(f'--{name}' for name in named)
        raise InputError(f'{told}: --export alone draws nothing; add --out')
    return out or (None if exported else drawn), exported


def labels_of(settings, names):
    """The numbers of the classes in --label or --labels, or None without them.

    Raises:
      InputError: both are given, or a word does not name a class.
    """
    if settings.label and settings.labels:
        raise InputError(f'--label={settings.label}: given together with --labels; leave one out')
    if settings.label:
        return [number_of('label', settings.label, names)]
    if not settings.labels:
        return None
    found = []
    for word in settings.labels.split(','):
        span = None if word in names else re.fullmatch('([0-9]+)-([0-9]+)', word)
        ends = span.groups() if span else (word, word)
        first, last = (number_of('labels', end, names) for end in ends)
        if first > last:
            raise InputError(f'--labels={word}: counts down; write it as {last}-{first}')
        found += range(first, last + 1)
    return found


def number_of(flag, word, names):
    """The number of the class that a word names; raises InputError if there is no such class."""
    if word in names:
        return names.index(word)
    if re.fullmatch('[0-9]{1,6}', word) and int(word) < len(names):
        return int(word)
    known = ', '.join(names) if len(names) <= 20 else f'0 to {len(names) - 1}'
    raise InputError(f'--{flag}={word}: not a class of the data; choose from {known}')


def images_of(path, image_shape):
    """The uint8 images (N, H, W, C) that --images names, or None without it.

    Raises:
      InputError: there are none, or the images of a run have another shape.
    """
    if not path:
        return None
    run = directory.located(path)
    if not run.exists():
        return datasets.read_folder(path, tuple(image_shape))
    height, width, channels = image_shape
    if run.config['image_shape'] != list(image_shape):
        size = f'{height}x{width}x{channels}'
        raise InputError(f'--images={path}: its images are not {size}; choose another run')
    cells = pictures.load_cells(run.path / 'target.png', height, width)
    return cells[: run.config['test_images']]  # a grid of fewer has black cells at its end


def half_of(settings, run):
    """The image that --complete names, uint8 (H, W, C), and the rows to keep; None without it.

    Raises:
      InputError: there is no such image, or it has no so many rows.
    """
    word, rows = settings.complete, settings.rows
    shape = tuple(run.config['image_shape'])
    if word is None:
        if rows is not None:
            raise InputError(f'--rows={rows}: keeps rows of an image; name one by --complete')
        return None
    rows = shape[0] // 2 if rows is None else rows
    if not 0 < rows < shape[0]:
        raise InputError(f'--rows={rows}: must be from 1 to {shape[0] - 1}')
    if word.isdecimal():
        return test_image(run, int(word)), rows
    if not Path(word).is_file():
        raise InputError(f'--complete={word}: neither the number of a test image nor a file')
    return datasets.read_image(word, shape), rows


def test_image(run, number):
    """The test image of that number in the data of the run; raises InputError without it."""
    settings, count = run.config['settings'], run.config['test_images']
    if number >= count:
        raise InputError(f'--complete={number}: the test images are 0 to {count - 1}')
    place = settings['data_dir'], settings['image_size']
    return datasets.load(settings['dataset'], *place).test_images[number]


def count_of(settings, inputs):
    """How many images to draw."""
    if settings.num or inputs.images is not None:
        return settings.num or len(inputs.images)
    if inputs.labels and len(inputs.labels) > 1:
        return EACH * len(inputs.labels)
    return EACH if inputs.half else USUAL


def save_images(path, pixels, columns=None):
    """Writes uint8 images (N, H, W, C) in the format of the suffix of `path`."""
    if path.suffix == '.png':
        pictures.save_grid(path, pixels, columns)
    else:
        with atomic(path) as partial:
            np.savez_compressed(partial, images=pixels)


if __name__ == '__main__':
    terminal.start(main)
