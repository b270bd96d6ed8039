"""Lesson 18: learning curves of runs, and what three lengths of one run promise for a longer one.

  python -m lessons.longer --runs=outputs/pixelcnn-mnist,outputs/pixelrnn-mnist

The curves are a column of the logs by images seen. While the learning rate falls, a curve becomes
flat before its end whatever is left to learn, so no curve is continued. Runs whose rate falls in
the same way over three lengths end at three values: through these goes value = a + b n^-c, n the
images seen. Three numbers from three points: nothing is left that could tell how wrong it is.
"""

import itertools
import math

import flags
from lessons import figure
from pages.columns import name_runs
from runs import directory
from support import terminal
from support.errors import InputError


def main(argv):
    """Draws the curves, prints the extrapolation; returns 0; raises InputError."""
    settings = figure.parse(argv, 'longer', __doc__, define_flags)
    named = name_runs(directory.open_runs(settings.runs))
    curves = {name: curve(run, settings.score) for name, run in named}
    lengths = directory.open_runs(settings.lengths) if settings.lengths else []
    ends = [curve(run, settings.score)[-1] for run in lengths]
    found = power_law(ends) if ends else None
    figure.save(settings.out, draw(curves, settings.score, ends))
    if found:
        a, b, c = found
        there = a + b * settings.to**-c
        print(f'{a:.2f} + {b:.3g} n^-{c:.3f}: {there:.2f} after {settings.to:,} images')
    return 0


def define_flags(table):
    """Defines this command's flags on `table`."""
    group = 'What to draw'
    flags.define(table, group, 'runs', None, 'directories of runs of one data set')
    flags.define(table, group, 'score', 'test_nats', 'the column of their logs')
    meaning = 'three runs that differ in their length, the last values of which are continued'
    flags.define(table, group, 'lengths', None, meaning)
    meaning = 'images seen, to which --lengths are continued'
    flags.define(table, group, 'to', 27_420_000, meaning, flags.Number(int, 1))


def curve(run, score):
    """[(images seen, value)] of each epoch of a run that has the score in its log.

    Raises:
      InputError: no epoch has.
    """
    found = [(int(row['epoch']), float(row[score])) for row in run.rows() if row.get(score)]
    if not found:
        raise InputError(f'--score={score}: {run.path}/log.csv has no such column, or no rows')
    batch = run.config['settings']['batch_size']
    images = run.config['train_images'] // batch * batch
    return [(images * epoch, value) for epoch, value in found]


def power_law(ends):
    """(a, b, c) of the value a + b n^-c through three points (n, value), by bisection of c.

    Raises:
      InputError: there are not three, or no such curve goes through them: it falls ever faster.
    """
    if len(ends) != 3:
        raise InputError('--lengths: must name three runs, of different lengths')
    (n1, y1), (n2, y2), (n3, y3) = sorted(ends)
    if not (n1 < n2 < n3 and y1 > y2 > y3):
        raise InputError('--lengths: a longer run must end at a lower value')
    fall = (y1 - y2) / (y2 - y3)
    if fall <= math.log(n2 / n1) / math.log(n3 / n2):
        raise InputError('--lengths: the values do not fall ever more slowly; nothing to continue')
    low, high = 1e-9, 50.0
    while high - low > 1e-12:
        c = (low + high) / 2
        steeper = (n1**-c - n2**-c) / (n2**-c - n3**-c) > fall
        low, high = (low, c) if steeper else (c, high)
    b = (y1 - y2) / (n1**-c - n2**-c)
    return y1 - b * n1**-c, b, c


def draw(curves, score, ends):
    """A line per run, and the ends of --lengths as points."""
    drawing = figure.page(7, 4)
    axes = drawing.subplots()
    for (name, points), style in zip(curves.items(), itertools.cycle(['-', '--']), strict=False):
        axes.plot(*zip(*points, strict=True), style, marker='.', label=name)
    if ends:
        axes.plot(*zip(*ends, strict=True), 'k+', markersize=12, label='ends')
    axes.set_xscale('log')
    axes.set_xlabel('images seen')
    axes.set_ylabel(score)
    axes.grid(alpha=0.3)
    axes.legend()
    return drawing


if __name__ == '__main__':
    terminal.start(main)
