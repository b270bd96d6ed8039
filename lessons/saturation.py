"""Lesson 4: why the generator's loss is turned round: minimax against non-saturating.

  python -m lessons.saturation

Goodfellow et al. 2014, section 3 (arXiv:1406.2661); Goodfellow 2016, section 3.2
(arXiv:1701.00160). The data are N(3, 1), the samples N(b, 1) with b = -3 at first. Left: what
either loss tells the generator about one sample, by the discriminator's logit of it. Middle: the
size of d loss / d b while the discriminator learns and the generator waits. Right: both move, the
generator by plain gradient descent, after k moves of the discriminator. Prints the numbers of the
two panels.
"""

import keras
import numpy as np
import tensorflow as tf
from keras.optimizers import SGD

import flags
import pictures
from lessons import figure
from lessons.points import descent, small_network
from lessons.tables import tell
from losses import minimax_loss, non_saturating_loss
from models.shared.noise import normal
from models.shared.optimizers import Adam
from support import terminal

LOSSES = {'minimax': minimax_loss, 'non-saturating': non_saturating_loss}
COLOURS = {'minimax': 'C0', 'non-saturating': 'C1'}
STYLES = (':', '--', '-')  # of the numbers of moves, ascending
DATA = 3.0  # mean, in standard deviations
MOVES = (1, 5, 20)  # of the discriminator before one of the generator
BATCH, WAIT, STEPS = 256, 1000, 200
LOOKS = 60  # at the slope while the generator waits
RATE = 0.01  # of the discriminator's Adam
GENERATOR_RATE = 0.1  # of either optimizer
OPTIMIZERS = {'sgd': lambda: SGD(GENERATOR_RATE), 'adam': lambda: Adam(GENERATOR_RATE)}
TOLD = (25, 50, STEPS)  # turns
SURE = 100  # moves after which the slope is told: the discriminator is sure of most samples by then
FAR = 100  # the farthest start
LOGITS = np.linspace(-10, 10, 201)


def main(argv):
    """Draws the figure, prints numbers and where; returns the exit status 0; raises InputError."""
    settings = figure.parse(argv, 'saturation', __doc__, define_flags)
    first, seed = settings.start, settings.seed
    optimizer = OPTIMIZERS[settings.generator_optimizer]
    waiting = {name: wait(loss, first, seed) for name, loss in LOSSES.items()}
    games = {
        (name, k): play(loss, k, optimizer(), first, seed)
        for name, loss in LOSSES.items()
        for k in MOVES
    }
    tell_numbers(waiting, games)
    figure.save(settings.out, draw(waiting, games))
    return 0


def define_flags(table):
    """Defines this lesson's flags on `table`."""
    group = 'How to play'
    meaning = "how the generator moves: sgd is plain gradient descent; either's rate is 0.1"
    flags.define_word(table, group, 'generator_optimizer', 'sgd', list(OPTIMIZERS), meaning)
    meaning = "the samples' mean at first; that of the data is 3, either has a width of 1"
    flags.define(table, group, 'start', -3.0, meaning, flags.Number(float, -FAR, FAR))
    limits = flags.Number(int, 0, flags.LARGEST_SEED)
    flags.define(table, group, 'seed', 0, 'of all random numbers', limits)


def gradient_by_logit(loss, logits):
    """d g_loss / d logit of one sample each, at its logit: (N,) -> (N,).

    -sigmoid(a) for `minimax_loss`, sigmoid(a) - 1 for `non_saturating_loss`.
    """
    logits = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        g_loss = loss(logits, logits)[1] * len(logits)  # a sum, of which each has its own term
    return tape.gradient(g_loss, logits).numpy()


def wait(loss, first, seed):
    """{moves of the discriminator: |d g_loss / d mean|} up to WAIT; the samples stay at `first`."""
    discriminate, g_loss, mean = start(loss, first, seed)
    sizes, done = {}, 0
    for moves in pictures.spaced(range(1, WAIT + 1), LOOKS):
        discriminate(done, moves - done)
        sizes[moves], done = abs(slope(g_loss, mean, moves)), moves
    return sizes


def slope(g_loss, mean, step):
    """d g_loss / d mean at a step's noise."""
    with tf.GradientTape() as tape:
        value = g_loss(tf.constant(step))
    return float(tape.gradient(value, mean.value))


def play(loss, moves, optimizer, first, seed):
    """The samples' mean (STEPS + 1,), at first and after each move of the generator.

    Before each of them the discriminator makes `moves`.
    """
    discriminate, g_loss, mean = start(loss, first, seed)
    generate = descent(g_loss, [mean], optimizer)
    means = [first]
    for turn in range(STEPS):
        discriminate(turn * moves, moves)
        generate(turn, 1)
        means.append(float(mean))
    return means


def start(loss, first, seed):
    """A new game: the discriminator's moves, the generator's loss by step, the samples' mean."""
    keras.utils.set_random_seed(seed)
    network, mean = small_network(1), keras.Variable(first, dtype='float32')

    def losses(draw):
        true, fake = tf.unstack(normal([2, BATCH, 1], draw))
        return loss(network(true + DATA), network(fake + mean))

    adam = Adam(RATE, beta_1=0.5)
    discriminate = descent(lambda step: losses([seed, step])[0], network.trainable_variables, adam)
    return discriminate, lambda step: losses([seed, -1 - step])[1], mean


def tell_numbers(waiting, games):
    """Prints the slopes after SURE moves of the discriminator, and the means at TOLD turns."""
    late = {n: [size for k, size in sizes.items() if k >= SURE] for n, sizes in waiting.items()}
    rows = [[name, *np.quantile(sizes, [0, 0.5, 1])] for name, sizes in late.items()]
    tell([f'|slope| from {SURE} moves of D on', 'least', 'median', 'largest'], rows)
    turns = [turn for turn in TOLD if turn <= STEPS]
    rows = [[name, k, *(means[turn] for turn in turns)] for (name, k), means in games.items()]
    tell(['b of the samples', 'k', *(f'turn {turn}' for turn in turns)], rows)


def draw(waiting, games):
    """The figure of {loss: sizes} and {(loss, moves): means}."""
    page = figure.page(11, 4)
    left, middle, right = page.subplots(1, 3)
    for name, loss in LOSSES.items():
        left.plot(LOGITS, gradient_by_logit(loss, LOGITS), COLOURS[name], label=name)
        middle.plot(*zip(*waiting[name].items(), strict=True), COLOURS[name], label=name)
    draw_games(right, games)
    left.set(xlabel="D's logit a of the sample", ylabel="d (generator's loss) / d a")
    left.set_title('What one sample learns')
    middle.set(xlabel='moves of D', ylabel="size of d (generator's loss) / d b")
    middle.set(xscale='log', yscale='log', title='D learns, the generator waits')
    for axes, heading in (left, None), (middle, None), (right, 'k moves of D, then one of b'):
        axes.legend(fontsize='small', title=heading, title_fontsize='small')
        axes.grid(alpha=0.3)
        figure.plain_ticks(axes)
    return page


def draw_games(axes, games):
    """The samples' mean by turn in each game."""
    for (name, moves), means in games.items():
        style = COLOURS[name] + STYLES[MOVES.index(moves)]
        axes.plot(means, style, label=f'{name}, k = {moves}')
    axes.axhline(DATA, color='k', linewidth=0.8, label="the data's mean")
    axes.set(xlabel='moves of the generator', ylabel='mean b of the samples')
    axes.set_title('Both move')


if __name__ == '__main__':
    terminal.start(main)
