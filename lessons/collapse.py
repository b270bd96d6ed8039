"""Lesson 13: when does a GAN collapse, and what helps?

  python -m lessons.collapse

The ring of eight Gaussians of Metz et al. 2017, "Unrolled GANs" (arXiv:1611.02163), with networks
as in their appendix A, 256 numbers of noise, and equal shares or shares from 50 to 1 %. Their
radius of 2 and standard deviation of 0.02 are 0.75 and 0.0075 here, where points are pixels in
[-1, 1]; the networks see and speak coordinates as large as theirs. What differs: a discriminator of
two hidden layers for one, ten times the learning rate, and a loss of the generator that does not
saturate. (Theirs are --layers=1 --rate=1e-4 --generator_loss=minimax.)

Three rows: the GAN, the same with minibatch discrimination, and the Wasserstein GAN with gradient
penalty. A sample is around a Gaussian if it is less than half way to the next one, and a Gaussian
counts as kept if at least a quarter of the samples that it should have are around it. Prints what
each seed keeps and its shares; draws the samples of the first seed by step and the shares of all.
"""

import functools
import math
from typing import NamedTuple

import keras
import numpy as np
from keras import initializers, layers

import flags
from evaluation.metrics import kl_of_shares
from lessons import figure
from lessons.ring import GAUSSIANS, Ring, build, scatter, watch
from lessons.tables import tell
from models.shared.minibatch import MinibatchDiscrimination
from support import terminal
from support.errors import InputError

SCALE = 0.375  # of our coordinates to the paper's
RADIUS, STD = 2 * SCALE, 0.02 * SCALE
RINGS = {
    'equal shares': Ring(RADIUS, STD),
    'unequal shares': Ring(RADIUS, STD, (50, 20, 10, 8, 5, 4, 2, 1)),
}
ROWS = {'gan': 2, 'minibatch': 1, 'wgan_gp': 3}  # times --steps: as much computing each
LATENT, UNITS = 256, 128
KERNELS = 20  # of minibatch discrimination
BATCH = 64
HALF_WAY = RADIUS * math.sin(math.pi / GAUSSIANS) / STD  # to the next middle, in deviations
SAMPLES, KEPT = 10000, 0.25
LOOKS, SHOWN = 5, 500
NUMBERS = [str(i) for i in range(1, GAUSSIANS + 1)]


class Found(NamedTuple):
    """What a set of samples keeps of a ring.

    Attributes:
      kept: how many Gaussians.
      around: the share of samples that are around a Gaussian.
      near: the share of samples within three standard deviations of a middle.
      difference: the largest difference of a Gaussian's share from that in the data.
      kl: KL(samples || data) of the shares, in nats.
      shares: (8,) of the samples that are nearest to each Gaussian.
    """

    kept: int
    around: float
    near: float
    difference: float
    kl: float
    shares: np.ndarray


def main(argv):
    """Draws the figure, prints numbers and where; returns the exit status 0; raises InputError."""
    settings = figure.parse(argv, 'collapse', __doc__, define_flags)
    rows, seeds = choose(settings), range(settings.seeds)
    games = {
        name: {row: [play(row, ring, seed, settings) for seed in seeds] for row in rows}
        for name, ring in RINGS.items()
    }
    for name, played in games.items():
        tell_ends(name, played)
        tell_ways(name, played)
    figure.save(settings.out, draw(games))
    return 0


def define_flags(table):
    """Defines this lesson's flags on `table`."""
    group, above_0 = 'How to play', flags.Number(float, 0, above=True)
    meaning = (
        'moves of the discriminator in minibatch; gan makes twice as many, wgan_gp three times'
    )
    flags.define(table, group, 'steps', 3000, meaning, flags.Number(int, 100))
    meaning = 'how many times each row is trained on each ring, with the seeds 0, 1 and so on'
    flags.define(table, group, 'seeds', 3, meaning, flags.Number(int, 1, 20))
    flags.define(table, group, 'rows', ','.join(ROWS), 'which rows to play')
    flags.define(table, group, 'rate', 1e-3, 'learning rate of all players', above_0)
    meaning = 'hidden layers of the discriminator'
    flags.define(table, group, 'layers', 2, meaning, flags.Number(int, 1, 8))
    losses, meaning = ('minimax', 'non_saturating'), "gan, minibatch: the generator's loss"
    flags.define_word(table, group, 'generator_loss', 'non_saturating', losses, meaning)
    meaning = 'wgan_gp: weight of the gradient penalty'
    flags.define(table, group, 'penalty_weight', 0.1, meaning, flags.Number(float, 0))


def choose(settings):
    """The rows that --rows names; raises InputError for what is none."""
    asked = settings.rows.split(',')
    for row in asked:
        if row not in ROWS:
            raise InputError(f'--rows={row}: no such row; there are {", ".join(ROWS)}')
    return asked


def play(row, ring, seed, settings):
    """Trains the model of a row on a ring: {step: samples (SAMPLES, 2)} at LOOKS steps."""
    looks = [ROWS[row] * settings.steps * (i + 1) // LOOKS for i in range(LOOKS)]
    return watch(model_of(row, seed, settings), ring, looks, SAMPLES, BATCH)


def model_of(row, seed, settings):
    """The model of a row."""
    shared = {'latent_dim': LATENT, 'latent': 'normal', 'learning_rate': settings.rate}
    make = functools.partial(networks, settings.layers, row == 'minibatch')
    if row == 'wgan_gp':
        own = {'penalty_weight': settings.penalty_weight}
        return build('wgan_gp', shared | own, seed, make)
    return build('gan_mlp', shared | {'generator_loss': settings.generator_loss}, seed, make)


def networks(depth, minibatch):
    """(generator, discriminator) of appendix A, the second with `depth` hidden layers.

    There the generator gives coordinates, and the discriminator divides them by 4. With `minibatch`
    the discriminator has minibatch discrimination behind its last hidden layer.
    """
    unit = layers.Rescaling(math.sqrt(3.0))  # the noise has a variance of 1/3
    speak, see = layers.Rescaling(SCALE), layers.Rescaling(0.25 / SCALE)
    generator = [unit, relu(), relu(), dense(2), speak, layers.Reshape([1, 2, 1])]
    alike = [MinibatchDiscrimination(KERNELS)] if minibatch else []
    hidden = [relu() for _ in range(depth)]
    discriminator = [layers.Flatten(), see, *hidden, *alike, dense(1)]
    return (
        keras.Sequential([keras.Input([LATENT]), *generator]),
        keras.Sequential([keras.Input([1, 2, 1]), *discriminator]),
    )


def relu():
    """A hidden layer."""
    return dense(UNITS, activation='relu')


def dense(units, **options):
    """A dense layer of orthogonal weights."""
    return layers.Dense(units, kernel_initializer=initializers.Orthogonal(0.8), **options)


def judge(ring, points):
    """What points (N, 2) keep of a ring: `Found`."""
    data, around = ring.wanted(), ring.shares(points, HALF_WAY)
    nearest = ring.distances(points).argmin(axis=1)
    shares = np.bincount(nearest, minlength=GAUSSIANS) / len(points)
    kept, near = int(np.sum(around >= KEPT * data)), ring.shares(points).sum()
    difference = float(np.abs(shares - data).max())
    return Found(kept, around.sum(), near, difference, kl_of_shares(shares, data), shares)


def tell_ends(name, played):
    """Prints what each row and seed keeps of a ring at the end, and the shares in percent."""
    ring = RINGS[name]
    heads = [name, 'seed', 'kept', 'around', 'near', 'difference', 'KL', *NUMBERS]
    lines = [['data', *[None] * 6, *percent(ring.wanted())]]
    for row, seeds in played.items():
        for seed, seen in enumerate(seeds):
            found = judge(ring, last(seen))
            shown = percent([found.around, found.near, found.difference])
            lines.append([row, seed, found.kept, *shown, found.kl, *percent(found.shares)])
    tell(heads, lines)


def percent(shares):
    """Shares in percent."""
    return [f'{100 * share:.1f}' for share in shares]


def tell_ways(name, played):
    """Prints for each look what is kept, which Gaussian is drawn most, and its share."""
    ring = RINGS[name]
    lines = [
        [f'{row}, seed {seed}', *(told_look(judge(ring, points)) for points in seen.values())]
        for row, seeds in played.items()
        for seed, seen in enumerate(seeds)
    ]
    tell([f'{name}: kept after', *(f'{i + 1} of {LOOKS} parts' for i in range(LOOKS))], lines)


def told_look(found):
    """'3, most 5: 60%' where three are kept and number 5 has the most samples."""
    most = found.shares.argmax()
    return f'{found.kept}, most {NUMBERS[most]}: {found.shares[most]:.0%}'


def last(seen):
    """The samples of the last step."""
    return list(seen.values())[-1]


def draw(games):
    """The figure: a line a ring and row; the first seed by step, and the shares of all seeds."""
    lines = [(name, *pair) for name, played in games.items() for pair in played.items()]
    page = figure.page(2 * LOOKS + 3, 1.95 * len(lines))
    places = page.subplots(len(lines), LOOKS + 1, squeeze=False, width_ratios=[1] * LOOKS + [1.5])
    for line, (name, row, seeds) in zip(places, lines, strict=True):
        draw_way(line[:-1], RINGS[name], seeds[0])
        draw_shares(line[-1], RINGS[name], seeds)
        line[0].set_ylabel(f'{name}\n{row}')
    return page


def draw_way(places, ring, seen):
    """Samples by step, a place a step."""
    for axes, (step, points) in zip(places, seen.items(), strict=True):
        found = judge(ring, points)
        title = f'step {step:,}: {found.kept} kept, {found.near:.0%} near'
        scatter(axes, points[:SHOWN], ring, title)
        axes.set_title(title, fontsize='x-small')
        axes.set(xticks=[], yticks=[])


def draw_shares(axes, ring, seeds):
    """The share of each Gaussian at the end of each seed, a bar each; lines are the data's."""
    width = 0.8 / len(seeds)
    places = np.arange(1, GAUSSIANS + 1)
    for i, seen in enumerate(seeds):
        offset = (i - (len(seeds) - 1) / 2) * width
        axes.bar(places + offset, judge(ring, last(seen)).shares, width)
    axes.hlines(ring.wanted(), places - 0.45, places + 0.45, colors='black')
    axes.set(xticks=places, yscale='log', ylim=(0.001, 1))
    figure.plain_ticks(axes)
    axes.set_title('shares at the end, by seed', fontsize='x-small')


if __name__ == '__main__':
    terminal.start(main)
