"""Lesson 10: a VAE and a GAN epoch by epoch, with scores under every picture.

  python -m lessons.epochs --runs=outputs/vae-lesson,outputs/gan-lesson

The post's figure. FID is the log's, of 2,000 samples with the features of the project's own
classifier, so train with --eval_every; sharpness is that of the 64 images in the picture,
relative to the 64 test images of the target. Reconstructions have no FID: the target is not drawn.
"""

import flags
import pictures
from evaluation import metrics
from lessons import figure
from lessons.tables import tell
from pages.columns import (
    Column,
    check_samples,
    choose,
    lay_out,
    list_columns,
    list_rows,
    name_runs,
    news,
    parse_epoch,
)
from runs import directory
from support import terminal
from support.errors import InputError


def main(argv):
    """Draws the figure, prints its numbers and where; returns 0; raises InputError."""
    settings = figure.parse(argv, 'epochs', __doc__, define_flags)
    compared = directory.open_runs(settings.runs)
    for run in compared:
        check_samples(run)
    named = name_runs(compared)
    columns = list_columns(named)
    shown = [parse_epoch(word.strip()) for word in settings.epochs_shown.split(',')]
    every = sorted({epoch for column in columns for epoch in column.epochs})
    rows = list_rows(columns, choose(shown, every), Column.until_end)
    target = pictures.load_grid(compared[0].path / 'target.png')
    labels, titles, images, _ = lay_out(target, columns, rows)
    captions = [
        ['', *(describe(target, *pair, epoch) for pair in zip(columns, found, strict=True))]
        for epoch, found in rows
    ]
    tell(
        ['row', *titles[1:]],
        [[label, *line[1:]] for label, line in zip(labels, captions, strict=True)],
    )
    figure.save_pixels(settings.out, pictures.table(labels, titles, images, captions))
    return 0


def define_flags(table):
    """Defines this lesson's flags on `table`."""
    group = 'What to compare'
    meaning = 'directories of runs of one data set, in the order of their columns'
    flags.define(table, group, 'runs', None, meaning)
    meaning = 'rows of the figure, positive integers or last'
    flags.define(table, group, 'epochs_shown', '1,3,10,last', meaning)


def describe(target, column, epoch, asked):
    """The caption of a column's picture in the row of the epoch `asked`."""
    if epoch is None:
        return news(asked, epoch)
    height, width, _ = column.run.config['image_shape']
    grids = column.picture(epoch), target
    ratio = metrics.sharpness(*(pictures.cells(grid, height, width) for grid in grids))
    place = '' if epoch == asked else f'{epoch}: '
    fid = f'FID {logged_fid(column.run, epoch):.1f}, ' if column.kind == 'samples' else ''
    return f'{place}{fid}sharpness {ratio:.2f}'


def logged_fid(run, epoch):
    """The log's FID after an epoch; raises InputError where it has none."""
    for row in run.rows():
        if int(row['epoch']) == epoch and row.get('eval_fid'):
            return float(row['eval_fid'])
    raise InputError(f'{run.path}/log.csv: no eval_fid at epoch {epoch}; train with --eval_every=1')


if __name__ == '__main__':
    terminal.start(main)
