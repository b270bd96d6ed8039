"""From settings to a run that trains: its data, its threads, its configuration."""

import contextlib
import functools
import os
import platform
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import datasets
from runs.directory import Run
from runs.restore import settings_of
from support import backend
from support.backend import cores
from support.errors import InputError
from training.team import ANEW, END, Team


def train(settings, command=()):
    """Trains a run with `settings`, from the start or from where it stopped; returns the status.

    Mistakes are reported before TensorFlow is loaded, and then nothing is written.

    Args:
      settings: of `flags.settings`.
      command: the words that were typed after `train.py`; none if a program calls.

    Raises:
      InputError: invalid settings, unavailable data, or a run that was started with other settings.
    """
    info = datasets.check(settings.dataset, settings.data_dir, settings.image_size)
    check_batch(settings, info.train_examples)
    run, team = run_of(settings), Team(settings.distribute)
    with team.reporting():
        return lead(run, settings, team, command) if team.chief else follow(run, settings, team)


def lead(run, settings, team, command):
    """Trains `run` as the only process, or as the chief of several; returns the exit status."""
    with run.locked():
        going_on = run.exists() and not settings.overwrite
        if going_on:
            run.check_settings(vars(settings_of(run)), vars(settings), settings.changeable)
        backend.limit_threads(threads(run) if going_on else cores())
        team.join()
        data, data_hash = load(settings)
        team.check(settings, data_hash)
        if going_on:
            run.check_data(data_hash)
            return proceed(run, settings, data, run.load(warn), team)
        config = configuration(settings, data, data_hash, command)
        return start(run, settings, data, None, team, functools.partial(run.begin, config))


def follow(run, settings, team):
    """Trains what the chief trains, silently; returns the exit status."""
    going_on = run.exists() and not settings.overwrite
    backend.limit_threads(run.config['threads'] if going_on else cores())
    with open(os.devnull, 'w') as nowhere, contextlib.redirect_stdout(nowhere):
        team.join()
        data, data_hash = load(settings)
        team.check(settings, data_hash)
        said, _ = team.agree(END, 0)
        if said == END:
            return team.leave() or 0
        arrays = None if said == ANEW else run.named(said - 2)
        from training.worker import Worker

        return Worker(run, settings, data, arrays, team).follow()


def proceed(run, settings, data, arrays, team):
    """Trains `run` from the checkpoint `arrays` (None: from the start), unless all is done."""
    if finished(run, settings, data, arrays):
        team.dismiss()
        found = finding(settings, data, arrays)
        print(f'{run.path}: {found}; a larger --epochs continues training')
        return 0
    run.rows()  # a damaged log is reported before TensorFlow is loaded
    return start(run, settings, data, arrays, team)


def start(run, settings, data, arrays, team, begin=None):
    """Loads TensorFlow and trains; `begin()` writes a new run, if the model takes its settings."""
    print(opening(run, settings, data, arrays), flush=True)
    backend.load_tensorflow()
    from training.trainer import Trainer

    team.agree(ANEW if arrays is None else 2 + int(arrays['step']), 0)
    trainer = Trainer(run, settings, data, arrays, begin, team)
    with team.leading():
        return trainer.train()


def run_of(settings):
    """The run directory that settings name."""
    return Run(Path(settings.output_dir) / settings.run_name)


def opening(run, settings, data, arrays):
    """One line: what is trained, on which data, and where it is saved."""
    images, steps = len(data.train_images), len(data.train_images) // settings.batch_size
    what = f'{settings.model} on {settings.dataset}: {images:,} images, {steps:,} steps per epoch'
    where = f'{settings.epochs:,} epoch{"s" * (settings.epochs > 1)}, saved in {run.path}'
    if arrays is not None:
        begun = epochs_of(settings, data, arrays)
        where = f'continues after {begun:.4g} of {settings.epochs:,} epochs in {run.path}'
    return f'{what}, {where}; compiling first, which takes a few seconds'


def epochs_of(settings, data, arrays):
    """How many epochs the checkpoint `arrays` has; an unfinished one counts as a fraction."""
    return arrays['step'] / (len(data.train_images) // settings.batch_size)


def finished(run, settings, data, arrays):
    """Whether the checkpoint `arrays` has all epochs asked for, and everything is written."""
    if arrays is None:
        return False
    more = epochs_of(settings, data, arrays) - settings.epochs
    return more > 0 or (more == 0 and run.final().exists())


def finding(settings, data, arrays):
    """In words, how many epochs a finished run has."""
    epochs = epochs_of(settings, data, arrays)
    if epochs > settings.epochs:
        return f'has {epochs:.4g} epochs, more than --epochs={settings.epochs}'
    return f'epoch {settings.epochs} of {settings.epochs} is done'


def warn(line):
    """Prints a warning to standard error."""
    print(line, file=sys.stderr)


def threads(run):
    """The number of threads that the run was started with: the last bits of sums depend on it."""
    begun = run.config['threads']
    if begun != cores():
        warn(
            f'{run.path}: continues with the {begun} threads it was started with; this machine has '
            f'{cores()} cores, so the last bits of the result may differ'
        )
    return begun


def check_batch(settings, examples):
    """Refuses a batch that is larger than the data set."""
    examples = min(examples or settings.train_size, settings.train_size)
    if settings.batch_size > examples:
        raise InputError(
            f'--batch_size={settings.batch_size}: more than the {examples} training images; '
            f'choose at most {examples}'
        )


def load(settings):
    """The data set, with at most --train_size training images, and the hash of all its data."""
    data = datasets.load(settings.dataset, settings.data_dir, settings.image_size)
    images, labels = datasets.subset(data.train_images, data.train_labels, settings.train_size)
    check_batch(settings, len(images))
    used = data._replace(train_images=images, train_labels=labels)
    return used, datasets.fingerprint(data)


def configuration(settings, data, data_hash, command=()):
    """The contents of config.json: every flag, the data, and what else reproduces the run."""
    packages = ('tensorflow', 'keras', 'tensorflow-datasets', 'numpy')
    return {
        'settings': vars(settings),
        'command': list(command),
        'model': settings.model,
        'dataset': settings.dataset,
        'image_shape': list(data.train_images.shape[1:]),
        'class_names': list(data.class_names),
        'train_images': len(data.train_images),
        'test_images': len(data.test_images),
        'data_hash': data_hash,
        'threads': cores(),
        'versions': {'python': platform.python_version()}
        | {name: metadata.version(name) for name in packages},
        'git_commit': commit(),
    }


def commit():
    """The git commit of this code, or None outside a checkout."""
    if not shutil.which('git'):
        return None
    command = ['git', '-C', str(Path(__file__).parent), 'rev-parse', 'HEAD']
    return subprocess.run(command, capture_output=True, text=True).stdout.strip() or None
