"""Lesson 5: two parallel lines, and which distance says how far they are apart.

  python -m lessons.parallel_lines

Arjovsky et al. 2017, "Wasserstein GAN", section 2, example 1 (arXiv:1701.07875). The data lie on
the segment from (0, 0) to (0, 1), the samples on the same segment moved by theta to the right.
Left: the earth mover's distance, exact for 64 points each, and as dots what a trained critic with
gradient penalty makes of it. Middle: the divergences, and what a trained discriminator makes of
Jensen-Shannon's. Right: the gradient of the generator's loss, which tells theta where to go.
"""

import math
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from lessons import figure
from lessons.divergences import earth_mover, jensen_shannon, kl, total_variation
from lessons.points import descent, small_network
from losses import gradient_penalty, minimax_loss, wasserstein_loss
from models.shared.noise import uniform
from models.shared.optimizers import Adam
from support import terminal

POINTS = 64  # of each line
THETAS = np.linspace(-1, 1, 101)  # of the lines in the figure
TRAINED = np.linspace(-1, 1, 9)  # of the dots
BATCH, STEPS, PENALTY, RATE = 128, 500, 10.0, 1e-2
TEST_STEP = STEPS  # its points were not trained on
CEILING = 1.4  # where the figure shows infinity
TITLES = {
    'earth_mover': "earth mover's distance (heights)",
    'jensen_shannon': 'Jensen-Shannon (nats)',
    'total_variation': 'total variation',
    'kl': 'KL',
    'reverse_kl': 'reverse KL',
}


class Opponent(NamedTuple):
    """What a trained network says: a distance, and d (generator's loss) / d theta."""

    distance: float
    gradient: float


def main(argv):
    """Draws the figure, prints where; returns the exit status 0; raises InputError."""
    settings = figure.parse(argv, 'parallel_lines', __doc__)
    exact = [distances(theta) for theta in THETAS]
    trained = {name: [judge(theta) for theta in TRAINED] for name, judge in JUDGES.items()}
    figure.save(settings.out, draw(exact, trained))
    return 0


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


def discriminator(theta):
    """The `Opponent` that minimax_loss trains: its value is 2 JS - log 4 at best."""
    d_loss, gradient = train(minimax_loss, theta, penalty=0.0)
    return Opponent((math.log(4) - d_loss) / 2, gradient)


def critic(theta):
    """The `Opponent` that wasserstein_loss trains, its slope held to 1 by the penalty."""
    d_loss, gradient = train(wasserstein_loss, theta, PENALTY)
    return Opponent(-d_loss, gradient)


JUDGES = {'discriminator': discriminator, 'critic': critic}


def train(losses, theta, penalty):
    """Trains a network to tell the lines apart: its own loss, without the penalty, and the slope.

    The slope is that of the generator's loss against theta. Both are of points not trained on.
    """
    keras.utils.set_random_seed(0)
    network, offset = small_network(2), tf.constant(theta, tf.float32)

    def objective(step):
        true, fake = draws(step, offset)
        loss, _ = losses(network(true), network(fake))
        if penalty:
            share = uniform([len(true), 1], [1, step])
            loss += penalty * gradient_penalty(network, true, fake, share)
        return loss

    descent(objective, network.trainable_variables, Adam(RATE, beta_1=0.5))(0, STEPS)
    with tf.GradientTape() as tape:
        tape.watch(offset)
        true, fake = draws(TEST_STEP, offset)
        d_loss, g_loss = losses(network(true), network(fake))
    return float(d_loss), float(tape.gradient(g_loss, offset))


def draws(step, theta):
    """A batch of points of either line, at heights drawn uniformly: two (N, 2)."""
    heights = tf.unstack(uniform([2, BATCH, 1], [0, step], 0.0, 1.0))
    places = tf.zeros([BATCH, 1]), tf.fill([BATCH, 1], theta)
    return [tf.concat(pair, axis=1) for pair in zip(places, heights, strict=True)]


def draw(exact, trained):
    """The figure of `distances` and {name: opponents} at THETAS and TRAINED."""
    page = figure.page(11, 3.6)
    left, middle, right = page.subplots(1, 3)
    curves = {name: np.array([found[name] for found in exact]) for name in exact[0]}
    draw_distances(left, curves, ['earth_mover'], trained['critic'])
    draw_distances(middle, curves, ['jensen_shannon', 'total_variation'], trained['discriminator'])
    draw_infinite(middle, curves)
    for (name, opponents), marker in zip(trained.items(), 'so', strict=True):
        gradients = [one.gradient for one in opponents]
        right.plot(TRAINED, gradients, f'{marker}-', label=f'by the {name}')
    right.set(ylabel="d(generator's loss) / d theta", title='what moves theta')
    for axes in (left, middle, right):
        axes.set_xlabel('theta (heights of a line)')
        axes.legend(fontsize='small')
        axes.grid(alpha=0.3)
    return page


def draw_distances(axes, curves, names, opponents):
    """The exact curves of these names, and the trained estimates of the first as dots."""
    for name in names:
        axes.plot(THETAS, curves[name], label=TITLES[name])
    found = [one.distance for one in opponents]
    axes.plot(TRAINED, found, 'ko', label=f'{TITLES[names[0]].split(" (")[0]}, trained')
    axes.set(ylabel='distance', title='what tells the distance')


def draw_infinite(axes, curves):
    """Marks on the upper edge where a KL is infinite."""
    for name, marker in (('kl', '^'), ('reverse_kl', 'v')):
        where = THETAS[::10][np.isinf(curves[name][::10])]
        axes.plot(where, np.full(len(where), CEILING), marker, label=f'{TITLES[name]}: infinite')
    axes.set(ylim=(-0.05, 2.3), title='what does not')


if __name__ == '__main__':
    terminal.start(main)
