"""Lesson 6: a ring of eight Gaussians, and how many of them a generator keeps.

  python -m lessons.ring

The toy of Metz et al. 2017, "Unrolled GANs", section 3.1 (arXiv:1611.02163), less separated than
theirs: radius 0.75 and standard deviation 0.02, where they have 2 and 0.02 (appendix A). The models
train with their own objectives, players and optimizers (Adam for `gan_mlp`) in the project's own
loop, on small networks; an image is one row of two grey pixels: the coordinates of a point, in
[-1, 1]. A Gaussian counts as kept when at least 1 % of 2,000 samples lie within three standard
deviations of its middle. Prints counts; writes the samples of all seeds and a GIF of the last.
"""

import importlib
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from keras import layers
from matplotlib.patches import Circle

import flags
import pictures
from lessons import figure
from lessons.tables import tell
from models import gan_mlp
from models.shared.optimizers import Adam
from models.shared.pixels import to_uint8
from support import terminal
from support.errors import InputError
from training.loop import Loop

PLAYED = {  # row of the figure: (model, with what flags)
    'gan_mlp': ('gan_mlp', {'learning_rate': 1e-3}),
    'wgan': ('wgan', {'learning_rate': 5e-4}),
    'wgan_gp': ('wgan_gp', {'learning_rate': 1e-3}),
    'gan_mlp_fast': ('gan_mlp', {}),
}
GAUSSIANS, NEAR = 8, 3  # a point is near a middle within three standard deviations
LEAST_STD = 0.004  # half a grey value: of a smaller one, rounding would leave little
POINTS, BATCH, LATENT = 51200, 128, 2
SAMPLES, KEPT = 2000, 0.01  # of which each kept Gaussian has this share
UNITS = 64
FRAMES = 12


class Ring(NamedTuple):
    """Gaussians of standard deviation `std`, their middles on a circle of this radius.

    `parts` are whole numbers: of as many points as their sum, so many are of each Gaussian.
    """

    radius: float
    std: float
    parts: tuple = (1,) * GAUSSIANS

    def centres(self):
        """The middles (8, 2)."""
        angles = 2 * np.pi * np.arange(GAUSSIANS) / GAUSSIANS
        return self.radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)

    def draw(self, count, seed):
        """`count` points as images (count, 1, 2, 1) of uint8, of the Gaussians by their parts."""
        noise = self.std * np.random.default_rng(seed).normal(size=(count, 2))
        owners = np.resize(np.repeat(np.arange(GAUSSIANS), self.parts), count)
        points = self.centres()[owners] + noise
        return to_uint8(points.reshape(-1, 1, 2, 1), (-1.0, 1.0)).numpy()

    def wanted(self):
        """The share (8,) of the data that is of each Gaussian."""
        return np.array(self.parts) / sum(self.parts)

    def distances(self, points):
        """Those of points (N, 2) from the middles: (N, 8)."""
        return np.linalg.norm(points[:, None] - self.centres(), axis=2)

    def shares(self, points, within=NEAR):
        """The share (8,) of points (N, 2) within so many standard deviations of each middle."""
        return np.mean(self.distances(points) < within * self.std, axis=0)

    def modes(self, points):
        """How many Gaussians the points (N, 2) keep."""
        return int(np.sum(self.shares(points) >= KEPT))

    def describe(self, points):
        """How many Gaussians the points (N, 2) keep, and how many of the points are near one."""
        return f'{self.modes(points)} of {GAUSSIANS}, {self.shares(points).sum():.0%} near'


def main(argv):
    """Draws the figure and the GIF, prints counts and where; returns 0; raises InputError."""
    settings = figure.parse(argv, 'ring', __doc__, define_flags)
    ring, rows = place(settings), choose(settings)
    seeds, steps = range(settings.seeds), settings.steps
    games = {(row, seed): play(*rows[row], ring, seed, steps) for row in rows for seed in seeds}
    tell_counts(games, ring)
    figure.save(settings.out, draw({pair: seen[steps] for pair, seen in games.items()}, ring))
    last = {row: games[row, settings.seeds - 1] for row in rows}
    save_gif(Path(settings.out).with_suffix('.gif'), last, ring)
    return 0


def define_flags(table):
    """Defines this lesson's flags on `table`."""
    group, above_0 = 'How to play', flags.Number(float, 0, above=True)
    meaning = 'moves of the discriminator or critic'
    flags.define(table, group, 'steps', 20000, meaning, flags.Number(int, 100))
    meaning = 'how many times each model is trained, with the seeds 0, 1 and so on'
    flags.define(table, group, 'seeds', 5, meaning, flags.Number(int, 1, 20))
    flags.define(table, group, 'rows', ','.join(PLAYED), 'which rows of the figure to make')
    flags.define(table, group, 'clip', 0.1, "wgan: largest weight of the critic's", above_0)
    meaning = 'wgan_gp: weight of the gradient penalty'
    flags.define(table, group, 'penalty_weight', 0.1, meaning, flags.Number(float, 0))
    meaning = 'gan_mlp_fast: learning rate; gan_mlp has 0.001'
    flags.define(table, group, 'fast_rate', 0.01, meaning, above_0)
    group = 'The data; radius + 3 std must be at most 1, where pixels end'
    flags.define(table, group, 'radius', 0.75, 'from the origin to the middles', above_0)
    meaning = 'standard deviation of each Gaussian; a grey value of the pixels is 0.008 wide'
    flags.define(table, group, 'std', 0.02, meaning, flags.Number(float, LEAST_STD))


def place(settings):
    """The `Ring` that the flags ask for; raises InputError where it leaves the pixels' range."""
    ring = Ring(settings.radius, settings.std)
    if ring.radius + NEAR * ring.std > 1:
        raise InputError(
            f'--radius={ring.radius:g} --std={ring.std:g}: radius + {NEAR} std must be at most 1; '
            'choose smaller ones'
        )
    return ring


def choose(settings):
    """{row: (model, its flags)} of the rows that the flags ask for; raises InputError."""
    own = {
        'wgan': {'clip': settings.clip},
        'wgan_gp': {'penalty_weight': settings.penalty_weight},
        'gan_mlp_fast': {'learning_rate': settings.fast_rate},
    }
    asked = settings.rows.split(',')
    for row in asked:
        if row not in PLAYED:
            raise InputError(f'--rows={row}: no such row; there are {", ".join(PLAYED)}')
    return {row: (PLAYED[row][0], PLAYED[row][1] | own.get(row, {})) for row in asked}


def play(name, own, ring, seed, steps):
    """Trains a model with flags of its own on a ring: {step: samples (SAMPLES, 2) in [-1, 1]}.

    The samples are of the same noise, at FRAMES steps evenly apart in their logarithm.
    """
    looks = pictures.spaced(range(1, steps + 1), FRAMES)
    return watch(build(name, own, seed), ring, looks, SAMPLES)


def build(name, own, seed, networks=None):
    """The model of this name on points, at its defaults but for {flag: value} of its own.

    `networks()` gives (generator, discriminator); by default those of `small_networks`.
    """
    settings = flags.settings(name, dataset='ring', seed=seed, **{'latent_dim': LATENT} | own)
    keras.utils.set_random_seed(seed)
    model = importlib.import_module(f'models.{name}').Model
    return on_points(model, networks or small_networks)((1, 2, 1), 1, settings)


def watch(model, ring, looks, samples, batch=BATCH):
    """Trains a model on a ring: {step: samples (samples, 2) of the same noise} at these steps."""
    seed = model.settings.seed
    points = ring.draw(POINTS, seed)
    loop = Loop(model, points, np.zeros(len(points), int), batch, seed, xla=True)
    latents, seen = model.latents(samples, seed), {}
    for step in looks:
        while loop.step < step:
            loop.train(step - loop.step)
        seen[step] = model.sample(latents).numpy().reshape(samples, 2)
    return seen


def tell_counts(games, ring):
    """Prints what is kept at the end of each game, and the most that was kept at any look."""
    rows, seeds = axes_of(games)
    heads = [f'seed {seed}' for seed in seeds]
    last = {pair: ring.describe(list(seen.values())[-1]) for pair, seen in games.items()}
    most = {pair: max(map(ring.modes, seen.values())) for pair, seen in games.items()}
    tell(['at the end', *heads], [[row, *(last[row, seed] for seed in seeds)] for row in rows])
    tell(['most on the way', *heads], [[row, *(most[row, seed] for seed in seeds)] for row in rows])


def axes_of(games):
    """The rows and the seeds of {(row, seed): anything}, each once, in order."""
    return [list(dict.fromkeys(keys)) for keys in zip(*games, strict=True)]


def on_points(model, networks):
    """The model's class with other networks, which speak points in [-1, 1]."""

    class OnPoints(model):
        value_range = (-1.0, 1.0)

        def networks(self):
            """(generator, discriminator)."""
            return networks()

        def optimizers(self):
            """The model's own; Adam for `gan_mlp`, whose rates are for its own networks."""
            if model is not gan_mlp.Model:
                return super().optimizers()
            return {p: Adam(self.settings.learning_rate, beta_1=0.5) for p in self.players}

    return OnPoints


def small_networks():
    """(generator, discriminator) of this lesson."""
    return network([LATENT], 2, [layers.Reshape([1, 2, 1])]), network([1, 2, 1], 1)


def network(shape, outputs, end=()):
    """Two ReLU layers and a linear one."""
    hidden = [layers.Dense(UNITS, activation='relu') for _ in range(2)]
    stack = [keras.Input(shape), layers.Flatten(), *hidden, layers.Dense(outputs), *end]
    return keras.Sequential(stack)


def draw(ends, ring):
    """The figure of {(row, seed): points}: a line a row, a column a seed."""
    rows, seeds = axes_of(ends)
    page = figure.page(2 * len(seeds) + 0.5, 2.3 * len(rows))
    places = page.subplots(len(rows), len(seeds), squeeze=False, sharex=True, sharey=True)
    for (row, seed), points in ends.items():
        scatter(places[rows.index(row), seeds.index(seed)], points, ring, ring.describe(points))
    for axes, seed in zip(places[-1], seeds, strict=True):
        axes.set_xlabel(f'x, seed {seed}')
    for axes, row in zip(places[:, 0], rows, strict=True):
        axes.set_ylabel(f'{row}\ny')
    return page


def scatter(axes, points, ring, title):
    """Samples, and the circles within which they are near a Gaussian."""
    for middle in ring.centres():
        axes.add_patch(Circle(middle, NEAR * ring.std, fill=False, edgecolor='C1'))
    axes.scatter(*points.T, s=1, color='C0')
    limits, ticks = (-1.1, 1.1), (-1, 0, 1)
    axes.set(xlim=limits, ylim=limits, aspect='equal', xticks=ticks, yticks=ticks)
    axes.set_title(title, fontsize='medium')


def save_gif(path, games, ring):
    """Writes the GIF of {row: {step: points}}: a frame a step, a panel a row; prints where."""
    frames = []
    for step in next(iter(games.values())):
        page = figure.page(1.8 * len(games), 2)
        panels = page.subplots(1, len(games), squeeze=False)[0]
        for axes, (row, seen) in zip(panels, games.items(), strict=True):
            scatter(axes, seen[step][:500], ring, row)
        page.suptitle(f'step {step}', fontsize='medium')
        frames.append(figure.pixels(page))
    pictures.save_gif(path, frames)
    print(path)


if __name__ == '__main__':
    terminal.start(main)
