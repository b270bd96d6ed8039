"""Trains a model and draws what it has learnt, epoch by epoch.

  python train.py --model=vae --dataset=mnist

writes outputs/vae-mnist/. Typed again, the command continues where it stopped.
"""

if __name__ == '__main__':  # before the imports below, which take a while
    import os
    import sys

    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # python -I leaves it out
    from support import startup

    startup.begin()

import os
import sys
from pathlib import Path

import datasets
import flags
from runs.directory import Run
from support import backend, terminal
from training.setup import check_batch, configuration, cores, load, threads, warn


def main(argv):
    """Runs the command line `argv`; returns the exit status."""
    settings = flags.training(argv, __doc__)
    info = datasets.check(settings.dataset, settings.data_dir, settings.image_size)
    check_batch(settings, info.train_examples)
    run = Run(Path(settings.output_dir) / settings.run_name)
    with run.locked():
        going_on = run.exists() and not settings.overwrite
        if going_on:
            run.check_settings(vars(settings), flags.changeable())
        backend.limit_threads(threads(run) if going_on else cores())
        data, data_hash = load(settings)
        arrays = None
        if going_on:
            run.check_data(data_hash)
            arrays = run.load(warn)
        else:
            run.begin(configuration(settings, data, data_hash, flags.words(argv[1:])))
        if finished(run, settings, data, arrays):
            print(f'{run.path}: {finding(settings, data, arrays)}; a larger --epochs trains on')
            return 0
        run.rows()  # a damaged log is refused before the wait for TensorFlow
        print(opening(run, settings, data, arrays), flush=True)
        backend.load_tensorflow()
        from training.trainer import Session

        return Session(run, settings, data, arrays).train()


def opening(run, settings, data, arrays):
    """What is trained, on what and where, in one line."""
    images, steps = len(data.train_images), len(data.train_images) // settings.batch_size
    what = f'{settings.model} on {settings.dataset}: {images:,} images, {steps:,} steps an epoch'
    where = f'{settings.epochs:,} epochs into {run.path}'
    if arrays is not None:
        begun = epochs_of(settings, data, arrays)
        where = f'goes on after {begun:.4g} of {settings.epochs:,} epochs in {run.path}'
    return f'{what}, {where}; compiling first, which takes some seconds'


def epochs_of(settings, data, arrays):
    """How many epochs the checkpoint `arrays` has, the begun one as a part of one."""
    return arrays['step'] / (len(data.train_images) // settings.batch_size)


def finished(run, settings, data, arrays):
    """Whether the checkpoint `arrays` stands at the last epoch asked for, and all is written."""
    if arrays is None:
        return False
    more = epochs_of(settings, data, arrays) - settings.epochs
    return more > 0 or (more == 0 and run.final().exists())


def finding(settings, data, arrays):
    """What a run that has all epochs asked for has."""
    epochs = epochs_of(settings, data, arrays)
    if epochs > settings.epochs:
        return f'has {epochs:.4g} epochs, more than --epochs={settings.epochs}'
    return f'all {settings.epochs} epochs are done'


if __name__ == '__main__':
    terminal.start(main)
