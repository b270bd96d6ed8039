"""Lesson 5: two parallel lines, and which distance says how far they are apart.

  python -m lessons.parallel_lines

Arjovsky et al. 2017, "Wasserstein GAN", section 2, example 1 (arXiv:1701.07875). The data lie on
the segment from (0, 0) to (0, 1), the samples on the same segment moved by theta to the right.
Above: the earth mover's distance, exact for 64 points each, and as dots what a trained critic with
gradient penalty makes of it; the divergences, and what a trained discriminator makes of
Jensen-Shannon's. Below: the gradient of the generator's loss, which tells theta where to go, by the
critic and by the discriminator with either loss of the generator; first by theta, then by how long
they have trained. Prints the numbers of the lower row.
"""

import math
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

import flags
from lessons import figure
from lessons.divergences import earth_mover, jensen_shannon, kl, total_variation
from lessons.points import descent, small_network
from lessons.tables import tell
from losses import gradient_penalty, minimax_loss, non_saturating_loss, wasserstein_loss
from models.shared.noise import apart, normal, uniform
from models.shared.optimizers import Adam
from support import terminal

POINTS = 64  # of each line
THETAS = np.linspace(-1, 1, 101)  # of the lines in the figure
TRAINED = np.linspace(-1, 1, 9)  # of the dots
BATCH, STEPS, RATE = 128, 500, 1e-2
LOOKS = (30, 60, 125, 250, STEPS, 1000, 2000)  # moves after which the gradient is taken ...
WATCHED = 0.5  # ... at this theta
TEST_STEP = 10**6  # its points are not trained on
CEILING = 1.4  # where the figure shows infinity
TITLES = {
    'earth_mover': "earth mover's distance (heights)",
    'jensen_shannon': 'Jensen-Shannon (nats)',
    'total_variation': 'total variation',
    'kl': 'KL',
    'reverse_kl': 'reverse KL',
}
LOSSES = {'discriminator': minimax_loss, 'critic': wasserstein_loss}  # that train the networks
ASKED = {  # {loss of the generator: (loss, who gives its gradient)}
    'minimax': (minimax_loss, 'discriminator'),
    'non-saturating': (non_saturating_loss, 'discriminator'),
    'critic': (wasserstein_loss, 'critic'),
}
STYLES = {'minimax': 's', 'non-saturating': '^', 'critic': 'o'}


class Game(NamedTuple):
    """What a network is trained with: the weight of the penalty, the width of the blur."""

    penalty: float
    blur: float


def main(argv):
    """Draws the figure, prints numbers and where; returns the exit status 0; raises InputError."""
    settings = figure.parse(argv, 'parallel_lines', __doc__, define_flags)
    game, seeds = Game(settings.penalty, settings.blur), range(settings.seeds)
    by_theta = {theta: ask(theta, game, seeds, (STEPS,))[STEPS] for theta in TRAINED}
    by_moves = ask(WATCHED, game, seeds, LOOKS)
    tell_numbers(by_theta, by_moves)
    figure.save(settings.out, draw([distances(theta) for theta in THETAS], by_theta, by_moves))
    return 0


def define_flags(table):
    """Defines this lesson's flags on `table`."""
    group, positive = 'How to train', flags.Number(float, 0)
    flags.define(table, group, 'penalty', 10.0, "weight of the critic's gradient penalty", positive)
    meaning = 'standard deviation of normal noise on both coordinates of all points'
    flags.define(table, group, 'blur', 0.0, meaning, positive)
    meaning = 'how many times each network is trained, with the seeds 0, 1 and so on'
    flags.define(table, group, 'seeds', 3, meaning, flags.Number(int, 1, 20))


def line(theta):
    """`POINTS` points (N, 2) at equal heights on the segment above (theta, 0)."""
    heights = (np.arange(POINTS) + 0.5) / POINTS
    return np.stack([np.full(POINTS, theta), heights], axis=1)


def distances(theta):
    """{name: distance} of the line at 0 from the line at theta."""
    points, others = line(0.0), line(theta)
    p, q = masses(points, others)
    return {
        'earth_mover': earth_mover(points, others),
        'jensen_shannon': jensen_shannon(p, q),
        'total_variation': total_variation(p, q),
        'kl': kl(p, q),
        'reverse_kl': kl(q, p),
    }


def masses(points, others):
    """Probabilities (M,) and (M,) of two sets of points, on all the places that either has."""
    places, index = np.unique(np.concatenate([points, others]), axis=0, return_inverse=True)
    parts = np.split(index.ravel(), [len(points)])
    return [np.bincount(part, minlength=len(places)) / len(part) for part in parts]


def ask(theta, game, seeds, looks):
    """{moves: {quantity: (S,)}} of S seeds: both distances and all gradients, as in `verdict`."""
    found = [{name: train(name, theta, game, seed, looks) for name in LOSSES} for seed in seeds]
    merged = [{k: one['discriminator'][k] | one['critic'][k] for k in looks} for one in found]
    return {k: {name: [one[k][name] for one in merged] for name in merged[0][k]} for k in looks}


def train(name, theta, game, seed, looks):
    """Trains a network to tell the lines apart: {moves: `verdict`} after each of `looks` moves."""
    keras.utils.set_random_seed(seed)
    network, offset = small_network(2), tf.constant(theta, tf.float32)

    def objective(step):
        true, fake = draws([seed, step], offset, game.blur)
        loss, _ = LOSSES[name](network(true), network(fake))
        if name == 'critic' and game.penalty:
            share = uniform([len(true), 1], apart([seed, step]))
            loss += game.penalty * gradient_penalty(network, true, fake, share)
        return loss

    descend = descent(objective, network.trainable_variables, Adam(RATE, beta_1=0.5))
    done, found = 0, {}
    for moves in looks:
        descend(done, moves - done)
        found[moves], done = verdict(name, network, offset, game.blur, seed), moves
    return found


def verdict(name, network, theta, blur, seed):
    """{'distance by' a network, or a loss of the generator: number}, of points not trained on.

    The number is the network's estimate of the distance, or d loss / d theta. The value of a
    discriminator's game is 2 JS - log 4 at best, that of a critic's the earth mover's distance.
    """
    asked = {label: loss for label, (loss, who) in ASKED.items() if who == name}
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(theta)
        true, fake = (network(points) for points in draws([seed, TEST_STEP], theta, blur))
        losses = {label: loss(true, fake)[1] for label, loss in asked.items()}
    value = -float(LOSSES[name](true, fake)[0])
    distance = value if name == 'critic' else (math.log(4) + value) / 2
    slopes = {label: float(tape.gradient(loss, theta)) for label, loss in losses.items()}
    return {f'distance by {name}': distance} | slopes


def draws(seed, theta, blur):
    """A batch of points of either line, at heights drawn uniformly, with noise: two (N, 2)."""
    heights = tf.unstack(uniform([2, BATCH, 1], seed, 0.0, 1.0))
    places = tf.zeros([BATCH, 1]), tf.fill([BATCH, 1], theta)
    lines = [tf.concat(pair, axis=1) for pair in zip(places, heights, strict=True)]
    return tf.unstack(lines + blur * normal([2, BATCH, 2], apart(seed, 2))) if blur else lines


def tell_numbers(by_theta, by_moves):
    """Prints what the trained networks say by theta, and by how long they trained."""
    heads = list(by_moves[LOOKS[0]])
    for word, found in (('theta', by_theta), (f'moves, theta = {WATCHED}', by_moves)):
        rows = [[key, *(span(asked[name]) for name in heads)] for key, asked in found.items()]
        tell([word, *heads], rows)


def span(numbers):
    """The least and the largest of some numbers, in words; one number alone."""
    if len(numbers) == 1:
        return f'{numbers[0]:.3g}'
    return f'{min(numbers):.3g} to {max(numbers):.3g}'


def draw(exact, by_theta, by_moves):
    """The figure of `distances` at THETAS, and of what `ask` found by theta and by moves."""
    page = figure.page(11, 7)
    (left, right), (below, beside) = page.subplots(2, 2)
    curves = {name: np.array([found[name] for found in exact]) for name in exact[0]}
    draw_distances(left, curves, ['earth_mover'], by_theta, 'critic')
    draw_distances(right, curves, ['jensen_shannon', 'total_variation'], by_theta, 'discriminator')
    draw_infinite(right, curves)
    left.set_title('What tells the distance')
    right.set_title('What does not')
    draw_gradients(below, by_theta)
    draw_gradients(beside, by_moves)
    below.set(xlabel='theta (heights of a line)', title=f'The gradient after {STEPS} moves')
    beside.set(xlabel='moves of the discriminator or critic', xscale='log')
    beside.set_xticks(list(by_moves))
    beside.set_title(f'The gradient at theta = {WATCHED}')
    for axes in (left, right, below, beside):
        axes.legend(fontsize='small')
        axes.grid(alpha=0.3)
        figure.plain_ticks(axes)
    return page


def draw_distances(axes, curves, names, by_theta, judge):
    """The exact curves of these names, and a network's estimates of the first as dots."""
    for name in names:
        axes.plot(THETAS, curves[name], label=TITLES[name])
    dots = np.array([asked[f'distance by {judge}'] for asked in by_theta.values()])
    label = f'trained {judge}, a dot a seed'
    axes.plot(list(by_theta), dots[:, 0], 'k.', label=label)
    axes.plot(list(by_theta), dots[:, 1:], 'k.')
    axes.set(xlabel='theta (heights of a line)', ylabel='distance')


def draw_infinite(axes, curves):
    """Marks on the upper edge where a KL is infinite."""
    for name, marker in (('kl', '^'), ('reverse_kl', 'v')):
        where = THETAS[::10][np.isinf(curves[name][::10])]
        axes.plot(where, np.full(len(where), CEILING), marker, label=f'{TITLES[name]}: infinite')
    axes.set(ylim=(-0.05, 2.3))


def draw_gradients(axes, found):
    """Median, least and largest gradient over the seeds, by each loss of the generator.

    A curve on either side of 0: at theta = 0 there is no way to go, and the curve jumps.
    """
    sides = [[key for key in found if key > 0], [key for key in found if key < 0]]
    for colour, (name, marker) in enumerate(STYLES.items()):
        for side, label in zip(filter(None, sides), (name, None), strict=False):
            low, middle, high = np.quantile([found[k][name] for k in side], [0, 0.5, 1], axis=1)
            axes.plot(side, middle, f'C{colour}{marker}-', markersize=4, label=label)
            axes.fill_between(side, low, high, color=f'C{colour}', alpha=0.3, linewidth=0)
    axes.set_yscale('symlog', linthresh=1e-4)
    axes.set(ylabel="d (generator's loss) / d theta")


if __name__ == '__main__':
    terminal.start(main)
