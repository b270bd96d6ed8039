"""Lesson 6: a ring of eight Gaussians, and how many of them a generator keeps.

  python -m lessons.ring

The toy of Metz et al. 2017, "Unrolled GANs", section 3.1 (arXiv:1611.02163). The models train with
their own objectives, players and optimizers (Adam for `gan_mlp`) in the project's own loop, on
small networks; an image is one row of two grey pixels: the coordinates of a point, in [-1, 1]. A
Gaussian counts as kept when at least 1 % of 2,000 samples lie within three standard deviations of
its middle. Writes the samples of every seed, and a GIF of the first.
"""

import importlib
from pathlib import Path

import keras
import numpy as np
from keras import layers

import flags
import pictures
from lessons import figure
from models import gan_mlp
from models.shared.optimizers import Adam
from models.shared.pixels import to_uint8
from support import terminal
from training.loop import Loop

PLAYED = {  # with what flags
    'gan_mlp': {'learning_rate': 1e-3},
    'wgan': {'learning_rate': 5e-4, 'clip': 0.1},
    'wgan_gp': {'learning_rate': 1e-3, 'penalty_weight': 0.1},
}
GAUSSIANS, RADIUS, STD = 8, 0.75, 0.02  # a grey value is 0.008 wide
POINTS, BATCH, LATENT = 51200, 128, 2
SAMPLES, KEPT = 2000, 0.01  # of which each kept Gaussian has this share
UNITS = 64
FRAMES = 16


def main(argv):
    """Draws the figure and the GIF, prints counts and where; returns 0; raises InputError."""
    settings = figure.parse(argv, 'ring', __doc__, define_flags)
    games = {
        (name, seed): play(name, seed, settings.steps)
        for name in PLAYED
        for seed in range(settings.seeds)
    }
    for name in PLAYED:
        ends = [games[name, seed][settings.steps] for seed in range(settings.seeds)]
        print(f'{name}: {"; ".join(map(describe, ends))}')
    figure.save(settings.out, draw(games, settings.seeds, settings.steps))
    save_gif(Path(settings.out).with_suffix('.gif'), [games[name, 0] for name in PLAYED])
    return 0


def define_flags(table):
    """Defines this lesson's flags on `table`."""
    group = 'How to play'
    meaning = 'moves of the discriminator or critic'
    flags.define(table, group, 'steps', 20000, meaning, flags.Number(int, 100))
    meaning = 'how many times each model is trained, with the seeds 0, 1 and so on'
    flags.define(table, group, 'seeds', 5, meaning, flags.Number(int, 1, 20))


def centres():
    """The middles of the Gaussians (8, 2)."""
    angles = 2 * np.pi * np.arange(GAUSSIANS) / GAUSSIANS
    return RADIUS * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def ring(count, seed):
    """`count` points of the ring as images (count, 1, 2, 1) of uint8, as many of each Gaussian."""
    noise = STD * np.random.default_rng(seed).normal(size=(count, 2))
    points = centres()[np.arange(count) % GAUSSIANS] + noise
    return to_uint8(points.reshape(-1, 1, 2, 1), (-1.0, 1.0)).numpy()


def shares(points):
    """The share (8,) of points (N, 2) that lie within three standard deviations of each middle."""
    distances = np.linalg.norm(points[:, None] - centres(), axis=2)
    return np.mean(distances < 3 * STD, axis=0)


def modes(points):
    """How many Gaussians the points (N, 2) keep."""
    return int(np.sum(shares(points) >= KEPT))


def describe(points):
    """How many Gaussians the points (N, 2) keep, and how many of the points are near one."""
    return f'{modes(points)} of {GAUSSIANS}, {shares(points).sum():.0%} near'


def play(name, seed, steps):
    """{step: samples (SAMPLES, 2)} of a model, at FRAMES steps evenly apart in their logarithm."""
    model = build(name, seed)
    points = ring(POINTS, seed)
    loop = Loop(model, points, np.zeros(len(points), int), BATCH, seed, xla=True)
    latents, seen = model.latents(SAMPLES, seed), {}
    for step in pictures.spaced(range(1, steps + 1), FRAMES):
        while loop.step < step:
            loop.train(step - loop.step)
        seen[step] = model.sample(latents).numpy().reshape(SAMPLES, 2)
    return seen


def build(name, seed):
    """The model of this name on points, with its own options but for those it is played with."""
    own = {'latent_dim': LATENT} | PLAYED[name]
    settings = flags.settings(name, dataset='ring', seed=seed, **own)
    keras.utils.set_random_seed(seed)
    return on_points(importlib.import_module(f'models.{name}').Model)((1, 2, 1), 1, settings)


def on_points(model):
    """The model's class with small networks that speak points in [-1, 1]."""

    class OnPoints(model):
        value_range = (-1.0, 1.0)

        def networks(self):
            """(generator, discriminator)."""
            return network([LATENT], 2, [layers.Reshape([1, 2, 1])]), network([1, 2, 1], 1)

        def optimizers(self):
            """The model's own; Adam for `gan_mlp`, whose rates are for its own networks."""
            if model is not gan_mlp.Model:
                return super().optimizers()
            return {p: Adam(self.settings.learning_rate, beta_1=0.5) for p in self.players}

    return OnPoints


def network(shape, outputs, end=()):
    """Two ReLU layers and a linear one."""
    hidden = [layers.Dense(UNITS, activation='relu') for _ in range(2)]
    stack = [keras.Input(shape), layers.Flatten(), *hidden, layers.Dense(outputs), *end]
    return keras.Sequential(stack)


def draw(games, seeds, steps):
    """The figure of the last samples: a row a model, a column a seed."""
    page = figure.page(2 * seeds + 0.5, 2.3 * len(PLAYED))
    places = page.subplots(len(PLAYED), seeds, squeeze=False, sharex=True, sharey=True)
    for (name, seed), seen in games.items():
        axes = places[list(PLAYED).index(name), seed]
        scatter(axes, seen[steps], f'{name}: {describe(seen[steps])}')
    for seed, axes in enumerate(places[-1]):
        axes.set_xlabel(f'x, seed {seed}')
    for axes in places[:, 0]:
        axes.set_ylabel('y')
    return page


def scatter(axes, points, title):
    """Samples over the middles of the Gaussians."""
    axes.scatter(*centres().T, s=120, facecolors='none', edgecolors='C1')
    axes.scatter(*points.T, s=1, color='C0')
    axes.set(
        xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), aspect='equal', xticks=(-1, 0, 1), yticks=(-1, 0, 1)
    )
    axes.set_title(title, fontsize='medium')


def save_gif(path, games):
    """Writes the GIF: a frame a step, a panel a model; and prints where."""
    frames = []
    for step in games[0]:
        page = figure.page(5.4, 2)
        for axes, name, seen in zip(page.subplots(1, len(games)), PLAYED, games, strict=True):
            scatter(axes, seen[step][:500], f'{name}, step {step}')
        frames.append(figure.pixels(page))
    pictures.save_gif(path, frames)
    print(path)


if __name__ == '__main__':
    terminal.start(main)
