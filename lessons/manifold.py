"""Lesson 2, first half: the plane of codes that a VAE has laid its images out on.

  python -m lessons.manifold --run=outputs/vae-plane

Kingma & Welling 2014, figure 4 (arXiv:1312.6114): codes at equal steps of probability under the
prior, through the inverse of the normal distribution on either axis, and the image that the
decoder draws from each.
"""

from statistics import NormalDist

import numpy as np

import flags
import pictures
from lessons import figure
from runs.directory import open_run
from runs.drawing import draw
from runs.restore import checkpoint, restore
from support import terminal
from support.errors import InputError


def main(argv):
    """Draws the figure, prints where; returns the exit status 0; raises InputError."""
    settings = figure.parse(argv, 'manifold', __doc__, define_flags)
    run = open_run(settings.run)
    check(run)
    model = restore(run, checkpoint(run))
    images = draw(model, plane(settings.side))
    figure.save(settings.out, paint(pictures.grid(images), settings.side))
    return 0


def define_flags(table):
    """Defines this lesson's flags on `table`."""
    flags.define(table, 'What to draw', 'run', None, 'directory of a run with --latent_dim=2')
    meaning = 'images on either side of the figure'
    flags.define(table, 'What to draw', 'side', 20, meaning, flags.Number(int, 2, 100))


def check(run):
    """Raises InputError unless the run's codes are points in a plane."""
    length = run.config['settings']['latent_dim']
    if length != 2:
        raise InputError(f'{run.path}: its codes have {length} numbers; train with --latent_dim=2')


def steps(side):
    """`side` codes (side,), float32, in the middle of as many parts of equal probability."""
    return np.array([NormalDist().inv_cdf((i + 0.5) / side) for i in range(side)], np.float32)


def plane(side):
    """The codes (side^2, 2), row by row: the first grows to the right, the second upwards."""
    across, up = np.meshgrid(steps(side), steps(side)[::-1])
    return np.stack([across.ravel(), up.ravel()], axis=1)


def paint(picture, side):
    """The figure of a grid of images, with the codes on its axes."""
    page = figure.page(7, 7)
    axes = page.subplots()
    axes.imshow(picture.squeeze(), cmap='gray', vmin=0, vmax=255, extent=(0, side, 0, side))
    ticks = range(0, side, max(1, side // 7))
    labels = [f'{steps(side)[i]:.2f}' for i in ticks]
    axes.set_xticks([i + 0.5 for i in ticks], labels)
    axes.set_yticks([i + 0.5 for i in ticks], labels)
    unit = '(standard deviations of the prior)'
    axes.set(xlabel=f'first number of the code {unit}', ylabel=f'second number {unit}')
    return page


if __name__ == '__main__':
    terminal.start(main)
