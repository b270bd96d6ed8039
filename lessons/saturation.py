"""Lesson 4: why the generator's loss is turned round: minimax against non-saturating.

  python -m lessons.saturation

Goodfellow et al. 2014, section 3 (arXiv:1406.2661); Goodfellow 2016, section 3.2
(arXiv:1701.00160). The data are N(3, 1), the samples N(b, 1) with b = -3 at first. Left: what
either loss tells the generator about one sample, by the discriminator's logit of it. Middle: the
size of d loss / d b while the discriminator learns and the generator waits. Right: both move, the
generator by plain gradient descent, after k moves of the discriminator.
"""

import keras
import numpy as np
import tensorflow as tf

import flags
import pictures
from lessons import figure
from lessons.points import descent, small_network
from losses import minimax_loss, non_saturating_loss
from models.shared.noise import normal
from models.shared.optimizers import Adam
from support import terminal

LOSSES = {'minimax': minimax_loss, 'non-saturating': non_saturating_loss}
COLOURS = {'minimax': 'C0', 'non-saturating': 'C1'}
STYLES = (':', '--', '-')  # of the numbers of moves, ascending
DATA, START = 3.0, -3.0  # means, in standard deviations
MOVES = (1, 5, 20)  # of the discriminator before one of the generator
BATCH, WAIT, STEPS = 256, 1000, 200
LOOKS = 60  # at the slope while the generator waits
RATE = 0.01  # of the discriminator's Adam
GENERATOR_RATE = 0.1  # of the generator's gradient descent
LOGITS = np.linspace(-10, 10, 201)


def main(argv):
    """Draws the figure, prints where; returns the exit status 0; raises InputError."""
    settings = figure.parse(argv, 'saturation', __doc__, define_flags)
    waiting = {name: wait(loss, settings.seed) for name, loss in LOSSES.items()}
    games = {(n, k): play(loss, k, settings.seed) for n, loss in LOSSES.items() for k in MOVES}
    figure.save(settings.out, draw(waiting, games))
    return 0


def define_flags(table):
    """Defines this lesson's flags on `table`."""
    limits = flags.Number(int, 0, flags.LARGEST_SEED)
    flags.define(table, 'How to play', 'seed', 0, 'of all random numbers', limits)


def gradient_by_logit(loss, logits):
    """d g_loss / d logit of one sample each, of its logit: (N,)."""
    logits = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        g_loss = loss(logits, logits)[1] * len(logits)  # a sum, of which each has its own term
    return tape.gradient(g_loss, logits).numpy()


def wait(loss, seed):
    """{moves of the discriminator: |d g_loss / d mean|} up to WAIT moves; the samples stay."""
    discriminate, slope, _ = start(loss, seed)
    sizes, done = {}, 0
    for moves in pictures.spaced(range(1, WAIT + 1), LOOKS):
        discriminate(done, moves - done)
        sizes[moves], done = abs(float(slope(tf.constant(moves)))), moves
    return sizes


def play(loss, moves, seed):
    """The samples' mean (STEPS + 1,), at first and after each move of the generator."""
    discriminate, slope, mean = start(loss, seed)
    means = [START]
    for turn in range(STEPS):
        discriminate(turn * moves, moves)
        mean.assign_sub(GENERATOR_RATE * slope(tf.constant(turn)))
        means.append(float(mean))
    return means


def start(loss, seed):
    """A new game: the discriminator's moves, d g_loss / d mean, and the mean of the samples."""
    keras.utils.set_random_seed(seed)
    network, mean = small_network(1), tf.Variable(START)

    def losses(draw):
        true, fake = tf.unstack(normal([2, BATCH, 1], draw))
        return loss(network(true + DATA), network(fake + mean))

    @tf.function
    def slope(step):
        with tf.GradientTape() as tape:
            g_loss = losses([seed, -1 - step])[1]
        return tape.gradient(g_loss, mean)

    adam = Adam(RATE, beta_1=0.5)
    discriminate = descent(lambda step: losses([seed, step])[0], network.trainable_variables, adam)
    return discriminate, slope, mean


def draw(waiting, games):
    """The figure of {loss: sizes} and {(loss, moves): means}."""
    page = figure.page(11, 3.6)
    left, middle, right = page.subplots(1, 3)
    for name, loss in LOSSES.items():
        left.plot(LOGITS, gradient_by_logit(loss, LOGITS), COLOURS[name], label=name)
        middle.plot(*zip(*waiting[name].items(), strict=True), COLOURS[name], label=name)
    for (name, moves), means in games.items():
        style = COLOURS[name] + STYLES[MOVES.index(moves)]
        right.plot(means, style, label=f'{name}, k = {moves}')
    right.axhline(DATA, color='k', linewidth=0.8)
    left.set(xlabel="D's logit of the sample", ylabel="d (generator's loss) / d logit")
    middle.set(xlabel='moves of D, the generator waits', ylabel="|d (generator's loss) / d b|")
    middle.set(xscale='log', yscale='log')
    right.set(xlabel='moves of the generator', ylabel='b (standard deviations)')
    for axes in (left, middle, right):
        axes.legend(fontsize='small')
        axes.grid(alpha=0.3)
    return page


if __name__ == '__main__':
    terminal.start(main)
