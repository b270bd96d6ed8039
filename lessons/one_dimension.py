"""Lesson 3: a generative adversarial network in one dimension, watched from above.

  python -m lessons.one_dimension

Goodfellow et al. 2014, "Generative Adversarial Networks", figure 1 and section 4
(arXiv:1406.2661). The data are p = N(1, 0.5^2), the generator is x = a z + b with z from N(0, 1),
so that its density q is known at every step; the discriminator D is a small network. Above: p, q,
D and the best discriminator p / (p + q) at some steps. Below: the value of the game that D has
reached, and that of the best one, 2 JS(p, q) - log 4, which falls to -log 4. Prints these values
at the steps of the upper row.
"""

import math
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import layers

import flags
import pictures
from lessons import figure
from lessons.points import descent, small_network
from lessons.tables import tell
from losses import minimax_loss, non_saturating_loss
from models.shared.noise import normal
from models.shared.optimizers import Adam
from support import terminal

LOSSES = {'non_saturating': non_saturating_loss, 'minimax': minimax_loss}  # the generator's
MEAN, STD = 1.0, 0.5  # of the data
START = -2.0  # mean of the samples at first; their standard deviation is 1
STEPS, BATCH, RATE = 1000, 256, 0.01
SHOWN = (1, 100, 300, STEPS)
LOOKS = 150  # at the game, evenly apart in the logarithm of the step
GRID = np.linspace(-6, 5, 1101)


class Moment(NamedTuple):
    """A step of the game: what the generator draws, N(mean, std^2), and D's logits on GRID."""

    mean: float
    std: float
    logits: np.ndarray

    @property
    def log_p(self):
        """The logarithm of the data's density on GRID."""
        return log_density(MEAN, STD)

    @property
    def log_q(self):
        """The logarithm of the samples' density on GRID."""
        return log_density(self.mean, self.std)

    @property
    def best(self):
        """The logits of the best discriminator, p / (p + q) (proposition 1)."""
        return self.log_p - self.log_q


def main(argv):
    """Draws the figure, prints values and where; returns the exit status 0; raises InputError."""
    settings = figure.parse(argv, 'one_dimension', __doc__, define_flags)
    loss = LOSSES[settings.generator_loss]
    moments = play(loss, settings.discriminator_steps, settings.seed)
    heads = ['step', 'mean of samples', 'their std', 'value of D', 'of the best D']
    tell(heads, [[step, *summary(moments[step])] for step in SHOWN])
    figure.save(settings.out, draw(moments))
    return 0


def define_flags(table):
    """Defines this lesson's flags on `table`."""
    group = 'How to play'
    meaning = 'moves of the discriminator before each of the generator'
    flags.define(table, group, 'discriminator_steps', 3, meaning, flags.Number(int, 1))
    meaning = 'what the generator minimises: -log D(x), or log(1 - D(x)), the value of the game'
    flags.define_word(table, group, 'generator_loss', 'non_saturating', list(LOSSES), meaning)
    meaning = 'of all random numbers'
    flags.define(table, group, 'seed', 0, meaning, flags.Number(int, 0, flags.LARGEST_SEED))


def play(generator_loss, discriminator_steps, seed):
    """Plays the game; returns {step: `Moment`}, each taken before the generator's move.

    `generator_loss` is a loss of the project: logits of data and samples -> (d_loss, g_loss).
    """
    keras.utils.set_random_seed(seed)
    discriminator, generator = small_network(1), affine(START)

    def losses(objective, step):
        true, noise = tf.unstack(normal([2, BATCH, 1], [seed, step]))
        return objective(discriminator(MEAN + STD * true), discriminator(generator(noise)))

    discriminate = descent(
        lambda step: losses(minimax_loss, step)[0], discriminator.trainable_variables, adam()
    )
    generate = descent(
        lambda step: losses(generator_loss, step)[1], generator.trainable_variables, adam()
    )
    moments, looks = {}, pictures.spaced(range(1, STEPS + 1), LOOKS)
    for turn in range(STEPS):
        first = turn * (discriminator_steps + 1)
        discriminate(first, discriminator_steps)
        if turn + 1 in (*looks, *SHOWN):
            moments[turn + 1] = look(discriminator, generator)
        generate(first + discriminator_steps, 1)
    return moments


def affine(mean):
    """The generator x = a z + b, from a = 1 and b = `mean`."""
    bias = keras.initializers.Constant(mean)
    layer = layers.Dense(1, kernel_initializer='ones', bias_initializer=bias)
    return keras.Sequential([keras.Input([1]), layer])


def adam():
    """The optimizer of either player."""
    return Adam(RATE, beta_1=0.5)


def look(discriminator, generator):
    """The `Moment` of the two players as they are."""
    std, mean = (float(v.numpy().squeeze()) for v in generator.trainable_variables)
    logits = discriminator(GRID[:, None].astype(np.float32)).numpy()[:, 0]
    return Moment(mean, abs(std), logits)  # N(0, 1) is symmetric: a may be negative


def summary(moment):
    """Mean and std of the samples, the value of the game for D, and for the best D."""
    values = [value(moment, logits) for logits in (moment.logits, moment.best)]
    return [moment.mean, moment.std, *values]


def log_density(mean, std):
    """The logarithm of the density of N(mean, std^2) on GRID."""
    return -0.5 * ((GRID - mean) / std) ** 2 - 0.5 * math.log(2 * math.pi * std**2)


def value(moment, logits):
    """E_p[log D] + E_q[log(1 - D)] with D = sigmoid(logits) (eq. 1), in nats; a sum over GRID."""
    p, q = np.exp(moment.log_p), np.exp(moment.log_q)
    cost = p * np.logaddexp(0, -logits) + q * np.logaddexp(0, logits)
    return -float(cost.sum() * (GRID[1] - GRID[0]))


def draw(moments):
    """The figure of {step: `Moment`}."""
    page = figure.page(11, 6)
    above, below = page.subfigures(2, 1)
    for axes, step in zip(above.subplots(1, len(SHOWN), sharey=True), SHOWN, strict=True):
        draw_moment(axes, moments[step])
        axes.set(title=f'step {step}', xlabel='x', xlim=(-5, 4))
        figure.plain_ticks(axes)
    above.axes[0].set_ylabel('density (1 / x), or probability')
    curves, labels = above.axes[0].get_legend_handles_labels()
    above.legend(curves, labels, loc='outside upper center', ncols=4, fontsize='small')
    draw_values(below.subplots(), moments)
    return page


def draw_moment(axes, moment):
    """Densities and discriminators of one step."""
    axes.plot(GRID, np.exp(moment.log_p), 'k:', label='data p')
    axes.plot(GRID, np.exp(moment.log_q), 'C2', label='samples q')
    axes.plot(GRID, tf.sigmoid(moment.logits), 'C0--', label='D')
    axes.plot(GRID, tf.sigmoid(moment.best), 'C1', alpha=0.6, label='best D, p / (p + q)')
    axes.grid(alpha=0.3)


def draw_values(axes, moments):
    """The value of the game by step, reached and best."""
    steps, looks = list(moments), moments.values()
    best = [value(moment, moment.best) for moment in looks]
    reached = [value(moment, moment.logits) for moment in looks]
    axes.plot(steps, best, 'C1', label='of the best D: 2 JS - log 4')
    axes.plot(steps, reached, 'C0', linewidth=0.8, label='of D')
    axes.axhline(-math.log(4), color='k', linestyle=':', label='-log 4')
    axes.set(xlabel='step of the generator', ylabel='value of the game (nats)', xscale='log')
    axes.legend(fontsize='small')
    axes.grid(alpha=0.3)
    figure.plain_ticks(axes)


if __name__ == '__main__':
    terminal.start(main)
