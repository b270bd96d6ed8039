"""The columns of a comparison: each run's reconstructions and samples by epoch."""

import math
import re
from typing import NamedTuple

import pictures
from runs.directory import Run
from support.errors import InputError


class Column(NamedTuple):
    """Pictures of one kind from one run, and their epochs in ascending order."""

    title: str
    run: Run
    kind: str
    epochs: list

    def at(self, epoch):
        """The latest epoch with a picture that is not after `epoch`, or None."""
        return max((own for own in self.epochs if own <= epoch), default=None)

    def until_end(self, epoch):
        """The same up to the run's last epoch; None after it, and its last epoch at infinity."""
        return None if self.epochs[-1] < epoch < math.inf else self.at(epoch)

    def picture(self, epoch):
        """The grid of an epoch that `at` returned; None for None."""
        return None if epoch is None else pictures.load_grid(self.run.picture(self.kind, epoch))


def name_runs(compared):
    """(name, run) of each run: its model, or its directory if several runs have that model."""
    models = [run.config['model'] for run in compared]
    return [
        (model.upper() if models.count(model) == 1 else run.path.resolve().name, run)
        for model, run in zip(models, compared, strict=True)
    ]


def list_columns(named):
    """The columns after the target: each run's reconstructions, where it has any, and samples."""
    kinds = ('reconstructions', 'samples')
    columns = [Column(f'{n} {kind}', r, kind, r.epochs(kind)) for n, r in named for kind in kinds]
    return [column for column in columns if column.epochs]


def list_rows(columns, epochs, find):
    """(epoch, [`find(column, epoch)` of each column]) of `epochs`; equal rows become one."""
    rows = {}
    for epoch in epochs:
        rows.setdefault(tuple(find(column, epoch) for column in columns), epoch)
    return [(epoch, found) for found, epoch in rows.items()]


def parse_epoch(word):
    """A word of --epochs_shown as a number, `last` as infinity; raises InputError for others."""
    if word == 'last':
        return math.inf
    if not re.fullmatch('[0-9]{1,9}', word) or not int(word):
        told = repr(word if len(word) < 20 else f'{word[:20]}...')
        remedy = 'give positive whole numbers or last'
        raise InputError(f'--epochs_shown: {told} is not an epoch; {remedy}')
    return int(word)


def check_samples(run):
    """Raises InputError if the run has no samples yet."""
    if not run.epochs('samples'):
        command = 'python train.py --model={model} --dataset={dataset}'.format_map(run.config)
        raise InputError(f'{run.path}: has no samples yet; train it first: {command}')


def choose(shown, every):
    """The epochs of `shown` that some run has; raises InputError if there are none."""
    chosen = [epoch for epoch in shown if epoch == math.inf or epoch in every]
    if not chosen:
        found = f'no run has any of these epochs, the latest is {every[-1]}'
        raise InputError(f'--epochs_shown: {found}; add last')
    return chosen


def lay_out(target, columns, rows):
    """The rows as `pictures.table` takes them: labels, titles, pictures, captions.

    Only the first row has the target. A picture has a caption if its epoch is not the row's.
    """
    labels = ['last' if epoch == math.inf else f'epoch {epoch}' for epoch, _ in rows]
    titles = ['target', *(column.title for column in columns)]
    images = [[None, *map(Column.picture, columns, found)] for _, found in rows]
    images[0][0] = target
    captions = [['', *(news(epoch, own) for own in found)] for epoch, found in rows]
    return labels, titles, images, captions


def news(epoch, own):
    """The caption of a picture of the epoch `own` in the row of `epoch`."""
    return '' if own in (None, epoch) else f'epoch {own}'
