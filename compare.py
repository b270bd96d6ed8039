"""Puts the pictures of several runs side by side: a figure of some epochs, a GIF of them all.

    python compare.py --runs=outputs/vae-mnist,outputs/gan-mnist
    python compare.py --runs=outputs/vae-mnist,outputs/gan-mnist --html

A row is an epoch. The first column is the target, test images of the data set; every run follows
with its reconstructions, if it makes any, and its samples. A run that has no picture of a row's
epoch shows the nearest before it, and every caption tells the epoch that is shown. With --html
they stand in a page at a slider over the epochs, with the runs' losses, scores and commands.
"""

if __name__ == '__main__':  # before the imports below, which take a while
    import os
    import sys

    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # python -I leaves it out
    import startup

    startup.begin()

import math
import os
from pathlib import Path
from typing import NamedTuple

import export
import flags
import page
import runs
from console import InputError, start


class Column(NamedTuple):
    """Pictures of one kind that one run made, and the ascending epochs it made them at."""

    title: str
    run: runs.Run
    kind: str
    epochs: list

    def at(self, epoch):
        """The latest epoch with a picture that is not after `epoch`, or None."""
        return max((own for own in self.epochs if own <= epoch), default=None)

    def cell(self, epoch):
        """The picture of an epoch that `at` found, with its caption; no picture for None."""
        if epoch is None:
            return None, 'no picture yet'
        return export.load_png(self.run.picture(self.kind, epoch)), f'epoch {epoch}'


def main(argv):
    """Writes figure.png, comparison.gif and, if asked, index.html; prints where; returns 0.

    Raises InputError, before anything is written, for flags or runs that make no comparison.
    """
    values = flags.parse(argv, __doc__, define_flags)
    shown = [parse_epoch(word.strip()) for word in values.epochs_shown.split(',')]
    compared = runs.open_runs(values.runs)
    for run in compared:
        check(run)
    named = name_runs(compared)
    columns = list_columns(named)
    every = sorted({epoch for column in columns for epoch in column.epochs})
    target = export.load_png(compared[0].path / 'target.png')

    figure = lay_out(target, columns, list_rows(columns, choose(shown, every)))
    steps = list_rows(columns, export.spaced(every, values.frames))
    frames = [export.table(*lay_out(target, columns, [step])) for step in steps]
    text = page.render(target, columns, named) if values.html else None

    name = f'comparison-{Path(compared[0].config["dataset"]).name}'
    out = Path(values.out or os.path.normpath(compared[0].path / '..' / name))
    export.figure(out / 'figure.png', *figure)
    export.save_gif(out / 'comparison.gif', frames)
    print(out / 'figure.png', out / 'comparison.gif', sep='\n')
    if values.html:
        page.save(out / 'index.html', text)
        print(out / 'index.html')
    return 0


def define_flags(values):
    """Defines this command's flags on `values`."""
    group = 'What to compare'
    meaning = 'directories of runs of one data set, in the order of their columns'
    flags.define(values, group, 'runs', None, meaning)
    meaning = 'rows of the figure, positive integers or last; what no run has is left out'
    flags.define(values, group, 'epochs_shown', '1,2,3,4,100,last', meaning)
    meaning = 'frames of the GIF at most, evenly apart in the logarithm of the epoch'
    flags.define(values, group, 'frames', 60, meaning, flags.Number(int, 2))
    meaning = 'write index.html too, one file that needs no network'
    flags.define_switch(values, group, 'html', meaning)
    meaning = 'directory to write to; by default comparison-<dataset> beside the first run'
    flags.define(values, group, 'out', None, meaning)


def parse_epoch(word):
    """A word of --epochs_shown as a number, `last` as infinity; raises InputError otherwise."""
    if word == 'last':
        return math.inf
    try:
        return flags.Number(int, 1).parse(word)
    except ValueError:
        told = repr(word if len(word) < 20 else f'{word[:20]}...')
        line = f'--epochs_shown: {told} is no epoch; give positive integers or last'
        raise InputError(line) from None


def check(run):
    """Raises InputError when the run has nothing to show."""
    if not run.epochs('samples'):
        command = 'python train.py --model={model} --dataset={dataset}'.format_map(run.config)
        raise InputError(f'{run.path}: has no samples yet; train it first: {command}')


def name_runs(compared):
    """A (name, run) each: the model, or the directory where another run is of that model too."""
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


def choose(shown, every):
    """Those epochs of `shown` that some run has; raises InputError when there is none."""
    chosen = [epoch for epoch in shown if epoch == math.inf or epoch in every]
    if not chosen:
        raise InputError(f'--epochs_shown: no run has these, the latest is {every[-1]}; add last')
    return chosen


def list_rows(columns, epochs):
    """A (label, epoch in every column) for each of `epochs`; rows that show the same are one."""
    rows = {}
    for epoch in epochs:
        label = 'last' if epoch == math.inf else f'epoch {epoch}'
        rows.setdefault(tuple(column.at(epoch) for column in columns), label)
    return [(label, found) for found, label in rows.items()]


def lay_out(target, columns, rows):
    """The rows as `export.table` takes them: labels, titles, pictures, captions."""
    titles = ['target', *(column.title for column in columns)]
    lines = [[(target, ''), *map(Column.cell, columns, epochs)] for _, epochs in rows]
    pictures = [[picture for picture, _ in line] for line in lines]
    captions = [[caption for _, caption in line] for line in lines]
    return [label for label, _ in rows], titles, pictures, captions


if __name__ == '__main__':
    start(main)
