"""Lesson 16: what the ELBO leaves out: log p(x) of a VAE whose codes have two numbers.

  python -m lessons.bounds --run=outputs/vae-manifold

In a plane, p(x) can be summed up over a grid of codes. So what the bounds leave out can be seen:
KL(q(z given x) || p(z given x)) is between log p(x) and the ELBO, and the importance-weighted bound
(Burda et al. 2016, arXiv:1509.00519) comes nearer the more codes it draws. Above: test images with
pixels drawn black or white, from the one with the smallest KL to the one with the largest. Below:
the posterior of each, p(z given x), and as ellipses one and two standard deviations of q. Right:
the mean bounds by k, the number of draws. Prints the numbers, in nats.
"""

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from matplotlib.patches import Ellipse
from scipy.special import logsumexp

import datasets
import flags
from evaluation.likelihoods import (
    DRAWS,
    WEIGHTS_STEP,
    batch_of,
    compile_weigher,
    encode,
    log_weights,
    pixels_of,
)
from evaluation.measuring import load
from evaluation.metrics import importance_weighted_bound
from lessons import figure
from lessons.manifold import check
from lessons.tables import tell
from losses import kl_from_standard_normal
from runs.directory import open_run
from runs.restore import checkpoint, restore
from support import terminal
from support.errors import InputError

REACH = 6.0  # of the grid from the origin, in either direction
COUNTS = (1, 10, 100, 1000, DRAWS)  # k; each divides the last
PART = 4000  # codes that are decoded together
SHOWN = 4
CLOSE = 120  # squares a side of a posterior as it is drawn
FAINT = 1e-3  # of the highest density, where the drawn part of the plane ends
COARSE = 1e-3  # how far the sum of a density over the grid may be from 1
HEADS = [
    'test image',
    'log p',
    'ELBO',
    'KL(q, posterior)',
    'ELBO + KL',
    *(f'k = {k}' for k in COUNTS),
]


class Squares(NamedTuple):
    """A part of the plane of codes, in equal squares.

    Attributes:
      codes: the middles, (G, 2), line by line; the first number grows along a line.
      area: of a square.
      limits: (low, high) of the first number and of the second, (2, 2).
    """

    codes: np.ndarray
    area: float
    limits: np.ndarray


class Known(NamedTuple):
    """What is known of a test image before its bounds are compared.

    Attributes:
      number: of the image among the test images.
      image: uint8 (1, H, W, C), black and white.
      label: (1,).
      mean, std: of q(z given x), both (2,).
      joint: log p(x, z) on the grid, (G,).
    """

    number: int
    image: np.ndarray
    label: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    joint: np.ndarray


class Found(NamedTuple):
    """Numbers of N images, in nats.

    Attributes:
      log_p, elbo, kl: (N,); the last is KL(q(z given x) || p(z given x)).
      bounds: (N, 5), the importance-weighted bound by each k of COUNTS.
    """

    log_p: np.ndarray
    elbo: np.ndarray
    kl: np.ndarray
    bounds: np.ndarray


def main(argv):
    """Draws the figure, prints its numbers and where; returns 0; raises InputError."""
    settings = figure.parse(argv, 'bounds', __doc__, define_flags)
    model, data = read(settings)
    squares = cut([[-REACH, REACH]] * 2, settings.side)
    known = look(model, data, settings.count, squares.codes)
    found = measure(model, known, squares, settings.seed)
    shown = spread(found.kl)
    tell_numbers([one.number for one in known], found, shown)
    figure.save(settings.out, draw(model, known, found, shown, squares.codes))
    return 0


def define_flags(table):
    """Defines this lesson's flags on `table`."""
    group = 'What to bound'
    flags.define(table, group, 'run', None, 'directory of a run of vae with --latent_dim=2')
    meaning = "prepared data sets of tensorflow-datasets; by default the run's directory"
    flags.define(table, group, 'data_dir', None, meaning)
    flags.define(table, group, 'count', 100, 'test images', flags.Number(int, SHOWN, 200))
    meaning = 'points of the grid on either axis'
    flags.define(table, group, 'side', 400, meaning, flags.Number(int, 10, 800))
    flags.define(table, group, 'seed', 0, 'of the draws', flags.Number(int, 0))


def read(settings):
    """The model of the run and its data.

    Raises:
      InputError: the model bounds no likelihood of black and white pixels by codes alone, or these
        are no points in a plane.
    """
    run = open_run(settings.run)
    check(run)
    data, _ = load([run], settings.data_dir)
    model = restore(run, checkpoint(run))
    if not model.offers('terms') or model.likelihood != 'binarized' or model.given:
        remedy = 'name a run of vae with --reconstruction=bernoulli'
        raise InputError(f'{run.path}: bounds no likelihood of black and white pixels; {remedy}')
    return model, data


def cut(limits, side):
    """The side^2 `Squares` of the plane within `limits`, (low, high) of either number."""
    limits = np.array(limits, float)
    steps = (limits[:, 1] - limits[:, 0]) / side
    middles = limits[:, :1] + steps[:, None] * (np.arange(side) + 0.5)
    first, second = np.meshgrid(*middles)
    return Squares(np.stack([first.ravel(), second.ravel()], axis=1), steps.prod(), limits)


def look(model, data, count, codes):
    """What is `Known` of so many test images, on a grid of codes (G, 2)."""
    labels = data.test_labels
    numbers, labels = datasets.subset(np.arange(len(labels)), labels, count)
    images = pixels_of('binarized', data)[numbers]
    q = [part.astype(float) for part in encode(model, images, labels, 0)[:2]]
    joint = log_joint(model, images, codes)
    parts = zip(numbers, images[:, None], labels[:, None], *q, joint, strict=True)
    return [Known(*each) for each in parts]


def log_joint(model, images, codes):
    """log p(x, z) of black and white uint8 images (N, H, W, C) and codes (G, 2): (N, G).

    A pixel x with the logit a adds x a - log(1 + exp(a)), so one product with the logits of the
    codes serves all images.
    """
    white, found = images.reshape(len(images), -1) / 255, []
    for start in range(0, len(codes), PART):
        part = codes[start : start + PART]
        logits = model.decode(tf.constant(part, tf.float32)).numpy().astype(float)
        logits = logits.reshape(len(part), -1)
        found.append(white @ logits.T - np.logaddexp(0, logits).sum(axis=1) + log_normal(part))
    return np.concatenate(found, axis=1)


def log_normal(codes, mean=0.0, std=1.0):
    """The log-density of a Gaussian of two independent numbers at codes (G, 2): (G,)."""
    return np.sum(-0.5 * ((codes - mean) / std) ** 2 - np.log(std * math.sqrt(2 * math.pi)), axis=1)


def measure(model, known, squares, seed):
    """The numbers `Found` of what is `Known` of images."""
    on_grid = [sum_up(one.joint, one.mean, one.std, squares) for one in known]
    return Found(*np.array(on_grid).T, by_draws(model, known, seed))


def sum_up(joint, mean, std, squares):
    """(log p(x), ELBO, KL(q || posterior)) of an image, in nats, by sums over the grid.

    The ELBO takes KL(q || N(0, I)) in closed form and knows nothing of the posterior.

    Args:
      joint: log p(x, z) at the codes of `squares`, (G,).
      mean, std: of q(z given x), both (2,).

    Raises:
      InputError: q is too narrow for the squares, or lies outside of them.
    """
    log_p = logsumexp(joint) + np.log(squares.area)
    log_q = log_normal(squares.codes, mean, std)
    q = np.exp(log_q) * squares.area
    check_sum(q.sum())
    elbo = q @ (joint - log_normal(squares.codes))
    elbo -= float(kl_from_standard_normal(mean[None], std[None])[0])
    return log_p, elbo, q @ (log_q - (joint - log_p))


def check_sum(total):
    """Raises InputError unless a density adds up to 1 on the grid."""
    if abs(total - 1) > COARSE:
        told = f'q(z given x) of an image adds up to {total:.3f} on the grid and not to 1'
        raise InputError(f'--side: {told}; give more points')


def by_draws(model, known, seed):
    """The importance-weighted bound of each image by each k: (N, 5), in nats."""
    weigher, found = compile_weigher(model), []
    for i, one in enumerate(known):
        batch = batch_of(model, one.image, one.label)
        weights = log_weights(model, weigher, batch, [seed, WEIGHTS_STEP - i], DRAWS)
        found.append([bound_by(weights, k) for k in COUNTS])
    return np.array(found)


def bound_by(weights, k):
    """The bound by k draws, the mean over as many as the log-weights (5000,) are enough for."""
    return np.mean(importance_weighted_bound(weights.reshape(-1, k)))


def spread(values):
    """The places of SHOWN of the values (N,), from the smallest to the largest."""
    order = np.argsort(values)
    return order[np.linspace(0, len(order) - 1, SHOWN).round().astype(int)]


def tell_numbers(names, found, shown):
    """Prints the numbers of the shown images and the means of all, and what is left out by k."""
    rows = [[f'{names[i]}', *numbers([part[i] for part in found])] for i in shown]
    means = numbers([part.mean(axis=0) for part in found])
    tell(HEADS, [*rows, [f'mean of {len(found.kl)}', *means]])
    missing = (found.log_p[:, None] - found.bounds).T
    rows = [
        [f'{k}', each.mean(), np.median(each), each.max()]
        for k, each in zip(COUNTS, missing, strict=True)
    ]
    tell(['k', 'left out: mean', 'median', 'most'], rows)


def numbers(one):
    """The printed numbers of one image, as HEADS names them."""
    log_p, elbo, kl, bounds = one
    return [f'{value:.3f}' for value in (log_p, elbo, kl, elbo + kl, *bounds)]


def draw(model, known, found, shown, codes):
    """The figure: images over their posteriors, and the mean bounds by k."""
    page = figure.page(2.4 * SHOWN + 4, 5)
    left, right = page.subfigures(1, 2, width_ratios=[2.4 * SHOWN, 4])
    above, below = left.subplots(2, SHOWN, height_ratios=[1, 1.6])
    for top, bottom, i in zip(above, below, shown, strict=True):
        told = f'log p {found.log_p[i]:.1f}\nELBO {found.elbo[i]:.1f}'
        figure.show(top, known[i].image, told)
        draw_posterior(bottom, model, known[i], codes)
        bottom.set_title(f'KL(q, posterior) {found.kl[i]:.2f}', fontsize='medium')
    draw_bounds(right.subplots(), found)
    return page


def draw_posterior(axes, model, one, codes):
    """p(z given x) as a map, of the part of the plane where it is, and q as ellipses."""
    close = cut(part_of(one, codes), CLOSE)
    [joint] = log_joint(model, one.image, close.codes)
    density = np.exp(joint - joint.max()).reshape(CLOSE, CLOSE)
    axes.imshow(density, cmap='Blues', origin='lower', extent=close.limits.ravel())
    for deviations in 1, 2:
        size = 2 * deviations * one.std
        axes.add_patch(Ellipse(one.mean, *size, fill=False, color='C1'))
    axes.plot(*one.mean, 'C1+')
    axes.tick_params(labelsize='small')


def part_of(one, codes):
    """The limits (2, 2) of the square of the plane where the posterior or q is not faint."""
    densities = one.joint, log_normal(codes, one.mean, one.std)
    inside = codes[np.any([each > each.max() + np.log(FAINT) for each in densities], axis=0)]
    low, high = inside.min(axis=0), inside.max(axis=0)
    middle, half = (low + high) / 2, 0.55 * np.max(high - low)
    return np.stack([middle - half, middle + half], axis=1)


def draw_bounds(axes, found):
    """The mean of the bounds by k, of the ELBO and of log p(x)."""
    axes.plot(COUNTS, found.bounds.mean(axis=0), 'o-', label='importance-weighted bound')
    axes.axhline(found.log_p.mean(), color='black', label='log p(x), by the grid')
    axes.axhline(found.elbo.mean(), color='C1', linestyle='--', label='ELBO, by the grid')
    axes.set(xscale='log', xlabel='k, codes drawn for an image', ylabel='nats')
    axes.set_title(f'Means of {len(found.kl)} test images', fontsize='medium')
    axes.legend(fontsize='small', loc='lower right', bbox_to_anchor=(1, 0.1))
    figure.plain_ticks(axes)


if __name__ == '__main__':
    terminal.start(main)
