"""Does the loss say how good the samples are? A GAN against a Wasserstein GAN.

  python -m lessons.wasserstein --runs=outputs/dcgan-lesson,outputs/wgan-lesson

Arjovsky et al. 2017, figures 3 and 4 (arXiv:1701.07875). For each run its losses by epoch, FID
beside them, and samples. Over a figure stands the rank correlation of each loss with FID: 1 if
one falls whenever the other does, 0 if they know nothing of each other. Two numbers that only fall
have a correlation of 1 whatever they measure; so the printed table has that of their changes from
epoch to epoch, too. FID is the log's, of 2,000 samples and as many test images with the features of
the project's own classifier, so train with --eval_every=1.
"""

import numpy as np
from scipy.stats import rankdata

import flags
import pictures
from lessons import figure
from lessons.tables import tell
from pages import columns
from runs import directory
from support import terminal
from support.errors import InputError

WATCHED = {
    'wasserstein': 'Wasserstein estimate',
    'discriminator_loss': "discriminator's loss",
    'generator_loss': "generator's loss",
}
COLUMNS = ('epoch', 'eval_fid', *WATCHED)
LEAST = 3  # epochs with a FID, for a rank correlation
SHOWN = 3  # grids of samples a run, at epochs evenly apart in their logarithm
DECADE = 10  # largest over least value from which a scale is logarithmic
HEADS = ('run', 'loss', 'first', 'last', 'first FID', 'last FID', 'rank corr.', 'of changes')


def main(argv):
    """Draws the figure, prints its numbers; returns the exit status 0; raises InputError."""
    settings = figure.parse(argv, 'wasserstein', __doc__, define_flags)
    compared = directory.open_runs(settings.runs)
    named = columns.name_runs(compared)
    histories = [history(run) for run in compared]
    lines = [summary(name, rows) for (name, _), rows in zip(named, histories, strict=True)]
    tell(HEADS, sum(lines, []))
    page = figure.page(11, 3 * len(compared))
    parts = np.atleast_1d(page.subfigures(len(compared), 1))
    for part, (name, run), rows in zip(parts, named, histories, strict=True):
        draw(part, name, run, rows)
    figure.save(settings.out, page)
    return 0


def define_flags(table):
    """Defines this lesson's flags on `table`."""
    meaning = 'directories of adversarial runs of one data set, trained with --eval_every'
    flags.define(table, 'What to compare', 'runs', None, meaning)


def history(run):
    """{column: (N,)} of the epochs that have a FID; raises InputError where they are too few."""
    rows = [row for row in run.rows() if row.get('eval_fid')]
    if len(rows) < LEAST:
        raise InputError(
            f'{run.path}/log.csv: {len(rows)} epochs with eval_fid, it takes {LEAST}; '
            'train with --eval_every=1'
        )
    names = [name for name in COLUMNS if name in rows[0]]
    return {name: np.array([float(row[name]) for row in rows]) for name in names}


def rank_correlation(values, others):
    """Spearman's: the correlation of the ranks of two (N,); equal values share their mean rank.

    0 where either is constant.
    """
    ranks = np.stack([rankdata(values), rankdata(others)])
    ranks -= ranks.mean(axis=1, keepdims=True)
    scale = np.sqrt(np.prod(np.sum(ranks**2, axis=1)))
    return float(np.prod(ranks, axis=0).sum() / scale) if scale else 0.0


def summary(name, rows):
    """The printed rows of a run, one a loss, as HEADS names their cells."""
    fid, found = rows['eval_fid'], []
    for meaning, values in signals(rows).items():
        ends = [float(series[place]) for series in (values, fid) for place in (0, -1)]
        pairs = (values, fid), (np.diff(values), np.diff(fid))
        found.append([name, meaning, *ends, *(rank_correlation(*pair) for pair in pairs)])
    return found


def draw(part, name, run, rows):
    """A run on its part of the page: losses and FID on the left, samples on the right."""
    losses, *grids = part.subplots(1, 1 + SHOWN, width_ratios=[2.2] + [1] * SHOWN)
    fid = losses.twinx()
    fid.plot(rows['epoch'], rows['eval_fid'], 'k--', label='FID')
    fid.set(ylabel='FID, dashed')
    figure.by_decades(fid)
    words = []
    for colour, (meaning, values) in enumerate(signals(rows).items()):
        losses.plot(rows['epoch'], values, f'C{colour}', label=meaning)
        words.append(f'{meaning} {rank_correlation(values, rows["eval_fid"]):+.2f}')
    watched = np.concatenate([*signals(rows).values()])
    if spans_decades(watched):
        figure.by_decades(losses)
    unit = 'critic units' if 'wasserstein' in rows else 'nats'
    losses.set(xlabel='epoch', ylabel=f'mean of an epoch ({unit})')
    losses.xaxis.get_major_locator().set_params(integer=True)
    losses.legend(fontsize='small')
    part.suptitle(f'{name}; rank correlation with FID: {", ".join(words)}', fontsize='medium')
    for axes in grids:
        axes.set_axis_off()
    for axes, epoch in zip(grids, pictures.spaced(run.epochs('samples'), SHOWN), strict=False):
        figure.show(axes, pictures.load_grid(run.picture('samples', epoch)), f'epoch {epoch}')


def spans_decades(values):
    """Whether positive values (N,) are so far apart that a linear scale would hide the small."""
    return bool(values.min() > 0 and values.max() > DECADE * values.min())


def signals(rows):
    """{meaning: (N,)}, what a student would watch: the estimate of a critic, else both losses."""
    names = ['wasserstein'] if 'wasserstein' in rows else list(WATCHED)[1:]
    return {WATCHED[name]: rows[name] for name in names}


if __name__ == '__main__':
    terminal.start(main)
