"""What a run needs before TensorFlow is loaded: its data, its threads, what it says of itself."""

import importlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import datasets
from support.errors import InputError


def warn(line):
    """Tells what the user should know though the run goes on."""
    print(line, file=sys.stderr)


def cores():
    """How many cores this process may use."""
    alive = getattr(os, 'sched_getaffinity', lambda _: range(os.cpu_count()))
    return len(alive(0))


def threads(run):
    """As many threads as the run was begun with: the bits of a sum depend on their number."""
    begun = run.config['threads']
    if begun != cores():
        warn(
            f'{run.path}: goes on with the {begun} threads it was begun with; on another machine, '
            f'here of {cores()} cores, the last bits may differ'
        )
    return begun


def check_batch(settings, examples):
    """Refuses a batch that is larger than the data set."""
    examples = min(examples or settings.train_size, settings.train_size)
    if settings.batch_size > examples:
        raise InputError(
            f'--batch_size={settings.batch_size}: more than the {examples} training images; '
            f'choose {examples} at most'
        )


def load(settings):
    """The data set, of its training split no more than the settings allow; and its hash."""
    data = datasets.load(settings.dataset, settings.data_dir, settings.image_size)
    images, labels = datasets.subset(data.train_images, data.train_labels, settings.train_size)
    check_batch(settings, len(images))
    used = data._replace(train_images=images, train_labels=labels)
    return used, datasets.fingerprint(data)


def configuration(settings, data, data_hash, command=()):
    """What a run says of itself: every flag, the data, and what would reproduce it.

    `command` are the words that were typed behind `train.py`; none where a program began the run.
    """
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
        | {name: importlib.metadata.version(name) for name in packages},
        'git_commit': commit(),
    }


def commit():
    """The git commit of this code, or None outside a checkout."""
    if not shutil.which('git'):
        return None
    command = ['git', '-C', str(Path(__file__).parent), 'rev-parse', 'HEAD']
    return subprocess.run(command, capture_output=True, text=True).stdout.strip() or None
