"""How is the critic's slope bounded? Clipping its weights against a penalty.

  python -m lessons.clipping --runs=outputs/wgan-lesson,outputs/wgan_gp-lesson

Gulrajani et al. 2017, figure 1 and proposition 1 (arXiv:1704.00028). A column a run: the critic's
weights; the size of its slope, which is the norm of the gradient of its output by the image; how
alike the directions of the gradients are at different points; and some gradients as pictures.

The points lie between training images and samples, each image paired with a sample by the plan
that moves all samples to images over the least distance. There the best critic is known: its
slope is 1, and its gradient points from the sample to its image. Only the best critic of these
images and samples: one of all data would have to suit other pairs too.
"""

import numpy as np
import tensorflow as tf
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

import flags
from evaluation.measuring import load
from lessons import figure
from lessons.tables import tell
from models.shared.adversarial import AdversarialModel
from models.shared.noise import uniform
from models.shared.pixels import from_uint8
from pages import columns
from runs import directory
from runs.restore import checkpoint, restore
from support import terminal
from support.errors import InputError

IMAGES = 1000
BINS = 80
SHOWN = 6  # gradients as pictures
HEADS = ('run', 'slope', '5 %', '95 %', 'at bound', 'alike', "best's", 'agreement')


def main(argv):
    """Draws the figure, prints its numbers; returns the exit status 0; raises InputError."""
    settings = figure.parse(argv, 'clipping', __doc__, define_flags)
    compared = directory.open_runs(settings.runs)
    data, _ = load(compared, settings.data_dir)
    models = [restore(run, checkpoint(run)) for run in compared]
    for run, model in zip(compared, models, strict=True):
        check(run, model)
    names = [name for name, _ in columns.name_runs(compared)]
    slopes = [Slopes(model, data.train_images[:IMAGES]) for model in models]
    weights = [critic_weights(model) for model in models]
    tell(HEADS, [summary(*row) for row in zip(names, weights, slopes, strict=True)])
    figure.save(settings.out, draw(names, weights, slopes))
    return 0


def define_flags(table):
    """Defines this lesson's flags on `table`."""
    group = 'What to compare'
    flags.define(table, group, 'runs', None, 'directories of runs of one data set, with critics')
    meaning = "prepared data sets of tensorflow-datasets; by default the first run's directory"
    flags.define(table, group, 'data_dir', None, meaning)


def check(run, model):
    """Raises InputError unless the model has a critic."""
    if not isinstance(model, AdversarialModel):
        raise InputError(f'{run.path}: its model has no critic; name runs of wgan and wgan_gp')


class Slopes:
    """What a critic's slope is at a point between each image and its sample.

    Attributes:
      gradients: (N, H, W, C), of the critic's output by the image.
      norms: (N,), their sizes.
      directions, best: (N, D) of length 1, where they point, and where the best critic's do.
    """

    def __init__(self, model, images):
        """Measures at uint8 `images` (N, H, W, C)."""
        true = from_uint8(images, model.value_range).numpy()
        fake = nearest_plan(true, np.asarray(model.sample(model.latents(len(images), 0))))
        self.gradients = gradients_between(model.discriminator, true, fake)
        flat = self.gradients.reshape(len(images), -1)
        self.norms = np.linalg.norm(flat, axis=1)
        self.directions = unit(flat)
        self.best = unit((true - fake).reshape(len(images), -1))


def nearest_plan(images, samples):
    """The samples (N, ...) in the order of the images (N, ...) to which the least total way leads.

    Of all one-to-one plans this is the one that the earth mover's distance measures.
    """
    costs = cdist(images.reshape(len(images), -1), samples.reshape(len(samples), -1))
    return samples[linear_sum_assignment(costs)[1]]


def gradients_between(critic, true, fake):
    """d critic / d image (N, ...) at a uniformly drawn point between each pair of images."""
    share = uniform([len(true), 1, 1, 1], [0, 0], 0.0, 1.0)
    between = share * true + (1.0 - share) * fake
    with tf.GradientTape() as tape:
        tape.watch(between)
        value = critic(between, training=False)
    return tape.gradient(value, between).numpy()


def unit(vectors):
    """Vectors (N, D) made as long as 1; those of length 0 stay."""
    sizes = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(sizes > 0, sizes, 1.0)


def cosines(directions):
    """Of the angle between each two of N directions (N, D): (N (N - 1) / 2,), from -1 to 1."""
    return (directions @ directions.T)[np.triu_indices(len(directions), 1)]


def critic_weights(model):
    """Every trained number of the critic: (N,)."""
    return np.concatenate([v.numpy().ravel() for v in model.discriminator.trainable_variables])


def summary(name, weights, slopes):
    """The printed row of a run, as HEADS names its cells.

    The slope's median and the range of nine in ten; the share of weights as large as the largest;
    the mean cosine between two gradients, and between two of the best critic's; the mean cosine
    between the critic's gradient and the best one's at the same point.
    """
    sizes = np.abs(weights)
    low, middle, high = np.quantile(slopes.norms, [0.05, 0.5, 0.95])
    alike = [float(cosines(directions).mean()) for directions in (slopes.directions, slopes.best)]
    agree = float(np.sum(slopes.directions * slopes.best, axis=1).mean())
    return name, middle, low, high, float(np.mean(sizes > 0.999 * sizes.max())), *alike, agree


def draw(names, weights, slopes):
    """The figure of all runs, a column each."""
    page = figure.page(4.5 * len(names), 9)
    places = page.subplots(4, len(names), squeeze=False, height_ratios=[2, 2, 2, 1])
    for column, name, numbers, found in zip(places.T, names, weights, slopes, strict=True):
        column[0].hist(numbers, BINS, log=True)
        column[0].set(title=name, xlabel="critic's weights", ylabel='weights')
        column[0].locator_params(axis='x', nbins=5)
        draw_sizes(column[1], found.norms, slopes)
        draw_directions(column[2], found)
        draw_gradients(column[3], found.gradients[:SHOWN])
    figure.plain_ticks(*places[:3].ravel())
    return page


def draw_sizes(axes, norms, slopes):
    """How often the slope has each size, on one logarithmic scale for all runs."""
    largest = max(found.norms.max() for found in slopes)
    least = min(found.norms[found.norms > 0].min(initial=1.0) for found in slopes)
    edges = np.geomspace(min(least, 1.0) / 1.2, max(largest, 1.0) * 1.2, BINS)
    axes.hist(norms, edges)
    axes.set(xscale='log', xlabel='size of the slope (1 / pixel range)', ylabel=f'of {len(norms)}')
    axes.set_title(f'median {np.median(norms):.3g}', fontsize='medium')
    axes.axvline(1, color='k', linestyle=':')


def draw_directions(axes, found):
    """How alike the critic's gradients are, two by two, and how alike the best critic's."""
    edges = np.linspace(-1, 1, BINS + 1)
    axes.hist(cosines(found.directions), edges, density=True, label='critic')
    axes.hist(cosines(found.best), edges, density=True, histtype='step', color='k', label='best')
    axes.set(xlabel='cosine between the gradients at two points', ylabel='density')
    axes.legend(fontsize='small', loc='upper left')


def draw_gradients(axes, gradients):
    """Gradients (N, H, W, C) side by side: where the critic wants light, red, and dark, blue."""
    means = gradients.mean(axis=3)
    means /= np.maximum(np.abs(means).max(axis=(1, 2), keepdims=True), 1e-30)
    axes.imshow(np.hstack(means), cmap='RdBu_r', vmin=-1, vmax=1)
    axes.set_title('gradients at some of the points', fontsize='medium')
    axes.set_axis_off()


if __name__ == '__main__':
    terminal.start(main)
