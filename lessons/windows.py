"""Must the discriminator see the whole digit? DCGANs whose discriminators see smaller windows.

  python -m lessons.windows --runs=outputs/d4,outputs/d7,outputs/d4-seed1,outputs/d7-seed1

A unit of the discriminator's smallest maps looks at a window of the image, and the logit is a
weighted sum over these units. `--discriminator_maps` sets where the maps end, and with it the
window; `--generator_maps` does the same for the generator. On the left, FID by epoch, a line a
run; on the right, samples of the first run of each kind, at the last epoch that all runs have. FID
is the log's, so train with --eval_every=1.
"""

from typing import NamedTuple

import numpy as np

import flags
import pictures
from lessons import figure
from lessons.tables import tell
from models import dcgan
from runs import directory
from runs.restore import settings_of
from support import terminal
from support.errors import InputError

LINES = 2  # of pictures
HEADS = ('run', 'window of D', 'maps of G', 'seed', 'epoch', 'loss of D', 'loss of G', 'FID')


class Trained(NamedTuple):
    """A run: its window and its generator's smallest maps, in pixels a side, and its log by epoch.

    `losses` are {epoch: (of D, of G)} and `fid` {epoch: value}.
    """

    run: directory.Run
    window: int
    maps: int
    seed: int
    losses: dict
    fid: dict

    @property
    def kind(self):
        """What the runs differ in besides the seed, as the legend and the titles say it."""
        return f'D sees {self.window}, G from {self.maps}'


def main(argv):
    """Draws the figure, prints its numbers; returns the exit status 0; raises InputError."""
    settings = figure.parse(argv, 'windows', __doc__, define_flags)
    found = [read(run) for run in directory.open_runs(settings.runs)]
    epoch = last_of_all(found)
    tell(HEADS, [summary(one, epoch) for one in found])
    figure.save(settings.out, draw(found, epoch))
    return 0


def define_flags(table):
    """Defines this lesson's flags on `table`."""
    meaning = 'directories of runs of dcgan, trained with --eval_every=1'
    flags.define(table, 'What to compare', 'runs', None, meaning)


def read(run):
    """What is drawn of a run; raises InputError where it is of another model or has no FID."""
    if run.config['model'] != 'dcgan':
        raise InputError(f'{run.path}: no run of dcgan; name runs of dcgan')
    rows = {int(row['epoch']): row for row in run.rows() if row.get('eval_fid')}
    if not rows:
        raise InputError(f'{run.path}/log.csv: no eval_fid; train with --eval_every=1')
    settings, side = settings_of(run), run.config['image_shape'][0]
    names = 'discriminator_loss', 'generator_loss'
    losses = {epoch: tuple(float(row[name]) for name in names) for epoch, row in rows.items()}
    fid = {epoch: float(row['eval_fid']) for epoch, row in rows.items()}
    maps = dcgan.sides_of(side, settings.generator_maps)[-1]
    return Trained(run, window(side, settings.discriminator_maps), maps, settings.seed, losses, fid)


def window(side, smallest):
    """Pixels a side that a unit of the discriminator's smallest maps looks at, all at most.

    A convolution of kernel K sees K units of the maps before it, each `step` pixels further on.
    """
    seen, step = 1, 1
    for _ in dcgan.sides_of(side, smallest)[1:]:
        seen, step = seen + (dcgan.KERNEL - 1) * step, 2 * step
    return min(seen, side)


def last_of_all(found):
    """The last epoch at which every run has a FID; raises InputError where there is none."""
    shared = set.intersection(*(set(one.fid) for one in found))
    if not shared:
        raise InputError('--runs: no epoch at which all have a FID; train with --eval_every=1')
    return max(shared)


def summary(one, epoch):
    """The printed row of a run, as HEADS names its cells."""
    place = one.run.path.name, str(one.window), str(one.maps), str(one.seed), str(epoch)
    return *place, *one.losses[epoch], one.fid[epoch]


def draw(found, epoch):
    """The figure: FID by epoch, and samples of the first run of each kind."""
    firsts = {one.kind: one for one in reversed(found)}
    kinds = list(dict.fromkeys(one.kind for one in found))
    count = -(-len(kinds) // LINES)
    page = figure.page(4 + 2.6 * count, 2.9 * LINES)
    left, right = page.subfigures(1, 2, width_ratios=[4, 2.6 * count])
    draw_lines(left.subplots(), found, kinds)
    places = np.ravel(right.subplots(LINES, count, squeeze=False))
    for axes in places:
        axes.set_axis_off()
    for axes, kind in zip(places, kinds, strict=False):
        fids = ', '.join(f'{one.fid[epoch]:.1f}' for one in found if one.kind == kind)
        grid = pictures.load_grid(firsts[kind].run.picture('samples', epoch))
        figure.show(axes, grid, f'{kind}\nFID at epoch {epoch}: {fids}')
    return page


def draw_lines(axes, found, kinds):
    """FID by epoch, a colour a kind, a line a run."""
    told = set()
    for one in found:
        label = None if one.kind in told else one.kind
        axes.plot([*one.fid], [*one.fid.values()], f'C{kinds.index(one.kind)}.-', label=label)
        told.add(one.kind)
    axes.set(xlabel='epoch', ylabel='FID')
    axes.xaxis.get_major_locator().set_params(integer=True)
    figure.by_decades(axes)
    small = {'fontsize': 'small', 'title_fontsize': 'small'}
    axes.legend(title='window of D, first maps of G', loc='lower left', **small)


if __name__ == '__main__':
    terminal.start(main)
