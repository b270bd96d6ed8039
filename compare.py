"""Puts the pictures of several runs side by side: a figure of some epochs and a GIF of all.

    python compare.py --runs=outputs/vae-mnist,outputs/gan-mnist
    python compare.py --runs=outputs/vae-mnist,outputs/gan-mnist --html

Each row is one epoch. The first column is the target: test images of the data set. The columns of
each run follow: its reconstructions, if it makes any, and its samples. Where a run has no picture
of an epoch, its latest picture before that is shown, and a caption gives the epoch. In the figure,
cells after the last epoch of a run stay blank. --html also writes a page that shows the pictures
with a slider over the epochs, and the losses, scores and commands of the runs.
"""

if __name__ == '__main__':  # before the imports below, which take a while
    import os
    import sys

    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # python -I leaves it out
    from support import startup

    startup.begin()

import os
from pathlib import Path

import flags
import pictures
from pages import comparison
from pages.columns import (
    Column,
    check_samples,
    choose,
    lay_out,
    list_columns,
    list_rows,
    name_runs,
    parse_epoch,
)
from runs import directory
from runs.health import warn
from support.terminal import start

FILES = ('figure.png', 'comparison.gif', 'index.html')


def main(argv):
    """Writes figure.png, comparison.gif and, if asked, index.html; prints the paths; returns 0.

    Raises InputError, before anything is written, for flags or runs that cannot be compared.
    """
    settings = flags.parse(argv, __doc__, define_flags)
    shown = [parse_epoch(word.strip()) for word in settings.epochs_shown.split(',')]
    compared = directory.open_runs(settings.runs)
    for run in compared:
        check_samples(run)
        warn(run)
    named = name_runs(compared)
    columns = list_columns(named)
    out = place(settings, compared[0])
    every = sorted({epoch for column in columns for epoch in column.epochs})
    target = pictures.load_grid(compared[0].path / 'target.png')

    figure = lay_out(target, columns, list_rows(columns, choose(shown, every), Column.until_end))
    steps = list_rows(columns, pictures.spaced(every, settings.frames), Column.at)
    laid = [lay_out(target, columns, [step]) for step in steps]
    size = pictures.size_of([line for frame in laid for line in frame[2]])
    frames = [pictures.table(*frame, size) for frame in laid]
    text = comparison.render(target, columns, named) if settings.html else None

    pictures.figure(out / 'figure.png', *figure)
    pictures.save_gif(out / 'comparison.gif', frames)
    print(out / 'figure.png', out / 'comparison.gif', sep='\n')
    if settings.html:
        comparison.save(out / 'index.html', text)
        print(out / 'index.html')
    return 0


def define_flags(table):
    """Defines this command's flags on `table`."""
    group = 'What to compare'
    meaning = 'directories of runs of one data set, or their names in outputs/, separated by '
    meaning += 'commas, in the order of their columns'
    flags.define(table, group, 'runs', None, meaning)
    meaning = 'rows of the figure: positive whole numbers or last; epochs that no run has are '
    meaning += 'left out'
    flags.define(table, group, 'epochs_shown', '1,2,3,4,100,last', meaning)
    meaning = 'largest number of frames in the GIF, evenly spaced in the logarithm of the epoch'
    flags.define(table, group, 'frames', 60, meaning, flags.Number(int, 2))
    meaning = 'also write index.html, a single file that needs no network'
    flags.define_switch(table, group, 'html', meaning)
    meaning = 'directory to write to; by default comparison-<dataset> next to the first run'
    flags.define(table, group, 'out', None, meaning)
    flags.define_overwrite(table, group)


def place(settings, first):
    """The directory to write to; InputError if --out names one where such files exist."""
    name = f'comparison-{Path(first.config["dataset"]).name}'
    beside = Path(os.path.normpath(first.path / '..' / name))
    if not settings.out:
        return beside
    out = Path(settings.out)
    names = FILES if settings.html else FILES[:2]
    flags.check_out(settings, *(out / name for name in names), default=beside)
    return out


if __name__ == '__main__':
    start(main)
