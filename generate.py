"""Draws new images with a trained model, or gives its generator away.

  python generate.py --run=outputs/vae-mnist --num=64 --seed=1
  python generate.py --run=outputs/vae-mnist --num=10000 --out=samples.npz
  python generate.py --run=outputs/vae-mnist --export=generator.keras

The run's newest checkpoint is used, also while it trains. The exported generator needs nothing of
this project: it turns float latents (N, D) into float images (N, H, W, C) in [0, 1]. The latents
of an autoencoder are standard normal, those of a GAN uniform in [-1, 1].
"""

if __name__ == '__main__':  # before the imports below, which take a while
    import os
    import sys

    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # python -I leaves it out
    from support import startup

    startup.begin()

import sys
import tempfile
from pathlib import Path

import numpy as np

import flags
import pictures
from runs import directory
from runs.health import warn
from runs.restore import checkpoint, restore
from support import backend, files, terminal
from support.errors import InputError
from support.files import atomic, writing

MOST = 1_000_000  # images of 32x32 in colour: 3 GB


def main(argv):
    """Writes what the command line `argv` asks for, prints where; returns the exit status 0.

    Raises:
      InputError: before TensorFlow is loaded, for flags or a run that cannot be meant; later, for
        a checkpoint of another version and for a file that cannot be written.
    """
    values = flags.parse(argv, __doc__, define_flags)
    run = directory.open_run(values.run)
    out, exported = paths(values, run)
    config, arrays = run.config, checkpoint(run)
    warn(run)
    backend.load_tensorflow()
    from runs.drawing import draw

    model = restore(run, config, arrays)
    if exported:
        save_generator(exported, model)
        print(exported)
    if out:
        save_images(out, draw(model, model.latents(values.num, values.seed)))
        print(out)
    return 0


def define_flags(values):
    """Defines this command's flags on `values`."""
    group = 'What to draw'
    flags.define(values, group, 'run', None, 'directory of a trained run, or its name in outputs')
    flags.define(values, group, 'num', 64, 'images', flags.Number(int, 1, MOST))
    meaning = 'of the latents; image i depends on seed and i alone'
    flags.define(values, group, 'seed', 0, meaning, flags.Number(int, 0, flags.LARGEST_SEED))
    group = 'Where to write'
    meaning = 'a .png, for a grid, or a .npz, for the array `images` (N, H, W, C) of uint8; by '
    meaning += 'default <run>/generated.png, but with --export no images at all'
    flags.define(values, group, 'out', None, meaning)
    flags.define_overwrite(values, group)
    meaning = 'where to keep the generator: <name>.keras is a file for keras.models.load_model, '
    meaning += 'any other name a new directory for tf.saved_model.load'
    flags.define(values, group, 'export', None, meaning)


def paths(values, run):
    """Where images and generator go, each None if not wanted; raises InputError for bad names."""
    drawn = run.path / 'generated.png'
    out = Path(values.out) if values.out else None
    exported = Path(values.export) if values.export else None
    if out and out.suffix not in ('.png', '.npz'):
        raise InputError(f'--out={out}: must end in .png or .npz')
    if out:
        flags.check_out(values, out, default=drawn)
    if exported and exported.suffix != '.keras' and exported.exists():
        raise InputError(f'--export={exported}: exists; remove it or choose another name')
    return out or (None if exported else drawn), exported


def save_images(path, pixels):
    """Writes uint8 images (N, H, W, C) as the suffix of `path` says."""
    if path.suffix == '.png':
        pictures.save_grid(path, pixels)
    else:
        with atomic(path) as partial:
            np.savez_compressed(partial, images=pixels)


def save_generator(path, model):
    """Writes latents -> images in [0, 1] as a .keras file, or as a SavedModel elsewhere."""
    generator = in_unit_range(model)
    if path.suffix == '.keras':
        with atomic(path) as partial:
            generator.save(partial)
        return
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=files.UNFINISHED, dir=path.parent) as partial:
            save_model(Path(partial) / 'model', generator)
            (Path(partial) / 'model').rename(path)


def save_model(path, generator):
    """Writes a SavedModel; raises OSError, as the rest of Python does, when it cannot."""
    from tensorflow import errors

    try:
        with backend.quiet():
            generator.export(path, verbose=False)
    except errors.OpError as error:
        reason = error.message.rpartition('; ')[2].partition(' [Op:')[0]
        raise OSError(reason) from error


def in_unit_range(model):
    """The part of the model that draws, as a keras.Model: latents -> images in [0, 1]."""
    import keras

    low, high = model.value_range
    if (low, high) == (0.0, 1.0):
        return model.export()
    rescaling = keras.layers.Rescaling(1.0 / (high - low), offset=-low / (high - low))
    return keras.Sequential([model.export(), rescaling])


if __name__ == '__main__':
    terminal.start(main)
