"""Lesson 17: joint = conditional x prior: a model that draws digits by class tells the class too.

  python -m lessons.joint --runs=outputs/gated-by-label,outputs/cvae-mnist --marginal=outputs/gated

A model that is given labels has p(x given y). With the share p(y) of each class, Bayes' rule turns
it round:

    p(y given x) = p(x given y) p(y) / p(x),    p(x) = sum_y p(x given y) p(y).

Prints how many black and white test digits each model tells wrongly, beside the supervised
classifier, and the nats of both densities; --marginal names a run without labels, whose p(x) is
learned and not a sum. First stands naive Bayes, whose pixels are independent given y. The figure
has a line a run: digits with log p(y given x) as bars, and samples, a class a column. Of a model of
codes, as cvae, log p(x given y) is a bound, by --codes codes an image and class.
"""

import numpy as np
import tensorflow as tf
from scipy.special import logsumexp

import datasets
import flags
import pictures
from evaluation.judges.classifier import look
from evaluation.likelihoods import (
    EXACT_BATCH,
    WEIGHTS_STEP,
    batches,
    binarized,
    bounds,
    compile_weigher,
    log_weights,
)
from evaluation.measuring import hire, load
from evaluation.metrics import importance_weighted_bound
from lessons import figure
from lessons.tables import tell
from pages import columns
from runs import directory
from runs.drawing import columns_of, draw, grid_latents
from runs.restore import checkpoint, restore
from support import terminal
from support.errors import InputError

HEADS = ['model', 'wrong', 'of', '-log p(x given y)', '-log p(x)', 'told by the label']
LINES = 5  # of samples


def main(argv):
    """Draws the figure, prints the numbers and where; returns 0; raises InputError."""
    settings = figure.parse(argv, 'joint', __doc__, define_flags)
    compared = directory.open_runs(settings.runs)
    data, data_hash = load(compared, settings.data_dir)
    models = {name: by_label(run) for name, run in columns.name_runs(compared)}
    grey, labels = datasets.subset(data.test_images, data.test_labels, settings.num_images)
    images, _ = datasets.subset(binarized(data.test_images), data.test_labels, settings.num_images)
    found = {n: conditionals(m, images, settings.codes) for n, m in models.items()}
    naive, prior = {'independent pixels': independent(data, images)}, log_shares(data)
    told = [row(name, x, prior, labels) for name, x in (naive | found).items()]
    if settings.marginal:
        told.append(marginal(directory.open_run(settings.marginal), images, settings.codes))
    judge = hire('classifier', data, data_hash, compared[0].config['settings']['dataset'])
    told += [judged(judge, 'grey', grey, labels), judged(judge, 'black and white', images, labels)]
    tell(HEADS, told)
    shown = {n: (posterior(x, prior), by_class(models[n], data)) for n, x in found.items()}
    figure.save(settings.out, paint(shown, images, labels))
    return 0


def define_flags(table):
    """Defines this lesson's flags on `table`."""
    group = 'What to compare'
    meaning = 'directories of runs that are given labels: gated_pixelcnn --condition=label, cvae'
    flags.define(table, group, 'runs', None, meaning)
    meaning = 'directory of a run without labels, of the same data'
    flags.define(table, group, 'marginal', None, meaning)
    meaning = "prepared data sets of tensorflow-datasets; by default the first run's directory"
    flags.define(table, group, 'data_dir', None, meaning)
    meaning = 'test images'
    flags.define(table, group, 'num_images', 1000, meaning, flags.Number(int, 10, 1_000_000))
    meaning = 'codes an image and class, of a model of codes'
    flags.define(table, group, 'codes', 100, meaning, flags.Number(int, 1, 100_000))


def by_label(run):
    """The run's model; raises InputError unless it has p(x given y) of black and white images."""
    model = restore(run, checkpoint(run))
    if model.given != 'labels' or not has_density(model):
        needed = 'no p(x given y) of black and white pixels'
        remedy = 'name a run of gated_pixelcnn --condition=label or of cvae'
        raise InputError(f'{run.path}: {needed}; {remedy}')
    return model


def has_density(model):
    """Whether it has a likelihood of black and white pixels, or a bound of one."""
    return model.likelihood == 'binarized' and (model.offers('log_prob') or bounds(model))


def conditionals(model, images, codes):
    """log p(x given y) of uint8 images, 0 or 255, for each class: (N, K)."""
    known = density(model, codes)
    labels = (np.full(len(images), label, np.int32) for label in range(model.classes))
    return np.stack([known(images, own) for own in labels], axis=1)


def density(model, codes):
    """What gives log p (N,) of images and labels (N,); a bound by `codes` codes where none can."""
    if not model.offers('log_prob'):
        return lambda images, labels: lower_bounds(model, images, labels, codes)
    log_prob = tf.function(model.log_prob, reduce_retracing=True)

    def exact(images, labels):
        parts = batches(model, images, labels, EXACT_BATCH)
        return np.concatenate([log_prob(part) for part in parts]).astype(np.float64)

    return exact


def lower_bounds(model, images, labels, codes):
    """Importance-weighted bounds of log p (N,); those of an image have the same noise always."""
    weigher, found = compile_weigher(model), []
    for i, one in enumerate(batches(model, images, labels, 1)):
        weights = log_weights(model, weigher, one, [0, WEIGHTS_STEP - i], codes)
        found.append(importance_weighted_bound(weights))
    return np.array(found)


def independent(data, images):
    """Naive Bayes: log p(x given y) (N, K) of independent pixels, counted on training images.

    Every class begins with one white image and one black.
    """
    x, found = images.reshape(len(images), -1) / 255, []
    for label in range(len(data.class_names)):
        known = data.train_images[data.train_labels == label]
        white = (known.sum(axis=0).ravel() / 255 + 1) / (len(known) + 2)
        found.append(x @ np.log(white) + (1 - x) @ np.log(1 - white))
    return np.stack(found, axis=1)


def log_shares(data):
    """log p(y), (K,): the shares of the classes in the training images."""
    counts = np.bincount(data.train_labels, minlength=len(data.class_names))
    return np.log(counts / counts.sum())


def posterior(conditional, prior):
    """log p(y given x), (N, K), of log p(x given y), (N, K), and log p(y), (K,)."""
    both = conditional + prior
    return both - logsumexp(both, axis=1, keepdims=True)


def row(name, conditional, prior, labels):
    """The printed row of log p(x given y), (N, K), as HEADS names its cells."""
    own = conditional[np.arange(len(labels)), labels].mean()
    alone = logsumexp(conditional + prior, axis=1).mean()
    wrong = np.sum(np.argmax(conditional + prior, axis=1) != labels)
    return [name, str(wrong), str(len(labels)), -own, -alone, own - alone]


def marginal(run, images, codes):
    """The row of a run without labels; raises InputError where it has no such density."""
    model = restore(run, checkpoint(run))
    if model.given == 'labels' or not has_density(model):
        needed = 'no p(x) of black and white pixels without labels'
        raise InputError(f'--marginal={run.path}: {needed}; name a run of gated_pixelcnn')
    nats = -density(model, codes)(images, np.zeros(len(images), np.int32)).mean()
    return [run.path.name, None, None, None, nats, None]


def judged(judge, kind, images, labels):
    """The row of the classifier, which has learned p(y given x) alone, on images (N, H, W, C)."""
    wrong = np.sum(look(judge, images)[1].argmax(axis=1) != labels)
    return [f'classifier, {kind}', str(wrong), str(len(labels)), None, None, None]


def by_class(model, data):
    """Samples of a model with a class a column, as a grid."""
    count = columns_of(model)
    latents = grid_latents(model, 0, data.test_images)[: LINES * count]
    return pictures.grid(draw(model, latents), count)


def examples(known, labels):
    """Rows of log p(y given x), (N, K): surely right, barely right, barely wrong, surely wrong.

    By how far the label (N,) is before the best other class; where nothing is wrong, two.
    """
    ahead = lead(known, labels)
    order = np.argsort(-ahead)
    right = int(np.sum(ahead > 0))
    ends = [part[[0, -1]] for part in (order[:right], order[right:]) if len(part)]
    return list(dict.fromkeys(np.concatenate(ends).tolist()))


def lead(known, labels):
    """How far log p of the label is above that of the best other class: (N,)."""
    rows = np.arange(len(labels))
    others = known.copy()
    others[rows, labels] = -np.inf
    return known[rows, labels] - others.max(axis=1)


def paint(shown, images, labels):
    """The figure of {name: (log p(y given x), grid of samples)}, a line a run."""
    page = figure.page(11, 3.2 * len(shown))
    parts = np.atleast_1d(page.subfigures(len(shown), 1))
    for part, (name, (known, grid)) in zip(parts, shown.items(), strict=True):
        part.suptitle(name, fontsize='medium')
        draw_line(part, known, grid, images, labels)
    return page


def draw_line(part, known, grid, images, labels):
    """Examples over their bars, and samples by class."""
    rows = examples(known, labels)
    above = [f'digit {i}' for i in rows]
    below = [f'bars {i}' for i in rows]
    widths = [1] * len(rows) + [2.4]
    mosaic = [[*above, 'samples'], [*below, 'samples']]
    places = part.subplot_mosaic(mosaic, width_ratios=widths, height_ratios=[1, 1.6])
    for i, digit, bars in zip(rows, above, below, strict=True):
        figure.show(places[digit], images[i], f'a {labels[i]}, told as {known[i].argmax()}')
        draw_bars(places[bars], known[i], labels[i])
    places[below[0]].set_ylabel('log p(y given x)')
    figure.show(places['samples'], grid, 'samples by class')


def draw_bars(axes, known, label):
    """log p(y given x), (K,), as bars that hang from 0; green is the label, red a wrong verdict."""
    colours = ['C0'] * len(known)
    colours[known.argmax()], colours[label] = 'C3', 'C2'
    axes.bar(range(len(known)), known, color=colours)
    axes.set(xlabel='y', xticks=range(len(known)))
    axes.xaxis.set_label_position('top')
    axes.xaxis.tick_top()
    for tick, colour in zip(axes.get_xticklabels(), colours, strict=True):
        tick.set_color('black' if colour == 'C0' else colour)


if __name__ == '__main__':
    terminal.start(main)
