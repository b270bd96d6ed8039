"""Lesson 7, second half: what clipping the critic's weights does, and a penalty does not.

  python -m lessons.clipping --runs=outputs/wgan-lesson,outputs/wgan_gp-lesson

Gulrajani et al. 2017, figure 1 (arXiv:1704.00028). Above, the critic's weights; below, the norms
of the gradient of its output by the image, at points between data and samples, where a critic
that tells the earth mover's distance has norm 1.
"""

import numpy as np
import tensorflow as tf

import flags
from evaluation.measuring import load
from lessons import figure
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


def main(argv):
    """Draws the figure, prints where; returns the exit status 0; raises InputError."""
    settings = figure.parse(argv, 'clipping', __doc__, define_flags)
    compared = directory.open_runs(settings.runs)
    data, _ = load(compared, settings.data_dir)
    models = [restore(run, checkpoint(run)) for run in compared]
    for run, model in zip(compared, models, strict=True):
        check(run, model)
    page = figure.page(4.5 * len(compared), 5.5)
    places = page.subplots(2, len(compared), squeeze=False)
    for column, (name, _), model in zip(places.T, columns.name_runs(compared), models, strict=True):
        norms = gradient_norms(model, data.train_images[:IMAGES])
        draw(column, name, critic_weights(model), norms)
    figure.save(settings.out, page)
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


def critic_weights(model):
    """Every trained number of the critic: (N,)."""
    return np.concatenate([v.numpy().ravel() for v in model.discriminator.trainable_variables])


def gradient_norms(model, images):
    """|d critic / d image| (N,) at a point between each of uint8 images (N, ...) and a sample."""
    true = from_uint8(images, model.value_range)
    fake = model.sample(model.latents(len(images), 0))
    share = uniform([len(images), 1, 1, 1], [0, 0], 0.0, 1.0)
    between = share * true + (1.0 - share) * fake
    with tf.GradientTape() as tape:
        tape.watch(between)
        value = model.discriminator(between, training=False)
    gradient = tape.gradient(value, between).numpy()
    return np.linalg.norm(gradient.reshape(len(images), -1), axis=1)


def draw(column, name, weights, norms):
    """Both histograms of a run."""
    above, below = column
    above.hist(weights, BINS, log=True)
    above.set(title=name, xlabel="critic's weights", ylabel='weights')
    above.locator_params(axis='x', nbins=5)
    below.hist(norms, BINS)
    below.set(xlabel='norm of the gradient (1 / pixel range)', ylabel=f'of {len(norms)} images')
    below.set_title(f'median {np.median(norms):.2g}', fontsize='medium')
    below.axvline(1, color='k', linestyle=':')


if __name__ == '__main__':
    terminal.start(main)
