"""Puts the pictures of several runs side by side: a figure of some epochs, a GIF of them all.

    python compare.py --runs=outputs/vae-mnist,outputs/gan-mnist
    python compare.py --runs=outputs/vae-mnist,outputs/gan-mnist --html

A row is an epoch. The first column is the target, test images of the data set; every run follows
with its reconstructions, if it makes any, and its samples. A run that has no picture of a row's
epoch shows the nearest before it, and a caption tells which; in the figure a run that has ended is
left blank. With --html they stand in a page at a slider over the epochs, with the runs' losses,
scores and commands.
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
from health import warn

FILES = ('figure.png', 'comparison.gif', 'index.html')


class Column(NamedTuple):
    """Pictures of one kind that one run made, and the ascending epochs it made them at."""

    title: str
    run: runs.Run
    kind: str
    epochs: list

    def at(self, epoch):
        """The latest epoch with a picture that is not after `epoch`, or None."""
        return max((own for own in self.epochs if own <= epoch), default=None)

    def until_end(self, epoch):
        """The same while the run goes on; after its end None, and at infinity its last."""
        return None if self.epochs[-1] < epoch < math.inf else self.at(epoch)

    def picture(self, epoch):
        """The grid of an epoch that `at` found; None for None."""
        return None if epoch is None else export.load_grid(self.run.picture(self.kind, epoch))


def main(argv):
    """Writes figure.png, comparison.gif and, if asked, index.html; prints where; returns 0.

    Raises InputError, before anything is written, for flags or runs that make no comparison.
    """
    values = flags.parse(argv, __doc__, define_flags)
    shown = [parse_epoch(word.strip()) for word in values.epochs_shown.split(',')]
    compared = runs.open_runs(values.runs)
    for run in compared:
        check(run)
        warn(run)
    named = name_runs(compared)
    columns = list_columns(named)
    out = place(values, compared[0])
    every = sorted({epoch for column in columns for epoch in column.epochs})
    target = export.load_grid(compared[0].path / 'target.png')

    figure = lay_out(target, columns, list_rows(columns, choose(shown, every), Column.until_end))
    steps = list_rows(columns, export.spaced(every, values.frames), Column.at)
    frames = [export.table(*lay_out(target, columns, [step])) for step in steps]
    text = page.render(target, columns, named) if values.html else None

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
    meaning = (
        'directories of runs of one data set, or names in outputs, in the order of their columns'
    )
    flags.define(values, group, 'runs', None, meaning)
    meaning = 'rows of the figure, positive integers or last; what no run has is left out'
    flags.define(values, group, 'epochs_shown', '1,2,3,4,100,last', meaning)
    meaning = 'frames of the GIF at most, evenly apart in the logarithm of the epoch'
    flags.define(values, group, 'frames', 60, meaning, flags.Number(int, 2))
    meaning = 'write index.html too, one file that needs no network'
    flags.define_switch(values, group, 'html', meaning)
    meaning = 'directory to write to; by default comparison-<dataset> beside the first run'
    flags.define(values, group, 'out', None, meaning)
    flags.define_overwrite(values, group)


def place(values, first):
    """The directory to write to; InputError where --out names one that holds such files."""
    name = f'comparison-{Path(first.config["dataset"]).name}'
    beside = Path(os.path.normpath(first.path / '..' / name))
    if not values.out:
        return beside
    out = Path(values.out)
    names = FILES if values.html else FILES[:2]
    flags.check_out(values, *(out / name for name in names), default=beside)
    return out


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


def list_rows(columns, epochs, find):
    """(epoch, what `find(column, epoch)` gives for each) of `epochs`; equal rows are one."""
    rows = {}
    for epoch in epochs:
        rows.setdefault(tuple(find(column, epoch) for column in columns), epoch)
    return [(epoch, found) for found, epoch in rows.items()]


def lay_out(target, columns, rows):
    """The rows as `export.table` takes them: labels, titles, pictures, captions.

    The target stands in the first row alone, and a caption where its epoch is not the row's.
    """
    labels = ['last' if epoch == math.inf else f'epoch {epoch}' for epoch, _ in rows]
    titles = ['target', *(column.title for column in columns)]
    pictures = [[None, *map(Column.picture, columns, found)] for _, found in rows]
    pictures[0][0] = target
    captions = [['', *(news(epoch, own) for own in found)] for epoch, found in rows]
    return labels, titles, pictures, captions


def news(epoch, own):
    """What a caption tells of a picture of the epoch `own` in the row of `epoch`."""
    return '' if own in (None, epoch) else f'epoch {own}'


if __name__ == '__main__':
    start(main)
