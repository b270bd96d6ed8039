"""Lesson 2, last part: what the length of the code does.

  python -m lessons.lengths --runs=outputs/vae-code-2,outputs/vae-code-10,outputs/vae-code-50

A column a run: reconstructions of test images above, samples below, and under them the two terms
of the last epoch's test: the KL term says how much a code tells of its image, the other how much
of the image the code leaves open.
"""

import flags
import pictures
from lessons import figure
from lessons.tables import tell
from runs import directory
from support import terminal
from support.errors import InputError

HEADS = ['KL', 'reconstruction']
KINDS = ('reconstructions', 'samples')


def main(argv):
    """Draws the figure, prints its numbers and where; returns 0; raises InputError."""
    settings = figure.parse(argv, 'lengths', __doc__, define_flags)
    compared = directory.open_runs(settings.runs)
    columns = [column(run) for run in compared]
    tell(['run', *HEADS], [[run.path.name, *terms(run)] for run in compared])
    titles, shown, captions = (list(part) for part in zip(*columns, strict=True))
    lines = [list(line) for line in zip(*shown, strict=True)]
    notes = [[''] * len(compared), captions]
    figure.save_pixels(settings.out, pictures.table(['rebuilt', 'sampled'], titles, lines, notes))
    return 0


def define_flags(table):
    """Defines this lesson's flags on `table`."""
    meaning = 'directories of runs of the VAE, of one data set, in the order of their columns'
    flags.define(table, 'What to compare', 'runs', None, meaning)


def column(run):
    """(title, pictures of KINDS, caption) of a run's last epoch; InputError if it has none."""
    epochs, rows = [run.epochs(kind) for kind in KINDS], run.rows()
    if not (all(epochs) and rows and 'test_kl' in rows[-1]):
        raise InputError(f'{run.path}: no epoch of a VAE; train one with train.py --model=vae')
    last = [run.picture(kind, own[-1]) for kind, own in zip(KINDS, epochs, strict=True)]
    title = 'KL weight {kl_weight:g}, code of {latent_dim}'.format_map(run.config['settings'])
    kl, error = terms(run)
    return title, [*map(pictures.load_grid, last)], f'KL {kl:.1f}, reconstruction {error:.1f}'


def terms(run):
    """KL and reconstruction term of the last epoch's test, each averaged over the images."""
    return [float(run.rows()[-1][f'test_{term}']) for term in ('kl', 'reconstruction')]


if __name__ == '__main__':
    terminal.start(main)
