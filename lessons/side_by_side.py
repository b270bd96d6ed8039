"""Trained and evaluated VAEs beside one another: what their pictures and scores say."""

import functools

import numpy as np

import flags
import pictures
from evaluation import metrics, results
from lessons import figure
from runs import directory
from support.errors import InputError


class Shown:
    """A VAE's run: its settings, what it drew at its last epoch, and its scores.

    Attributes:
      kl, reconstruction: the terms of the loss, of the test images, unweighted.
      fid, sharpness: of its samples.

    Raises:
      InputError: the run is no VAE's, has no pictures, or these scores are missing.
    """

    def __init__(self, run):
        last = run.rows()[-1] if run.epochs('reconstructions') and run.rows() else {}
        if not (last.get('test_kl') and last.get('test_reconstruction')):
            raise InputError(f'{run.path}: no trained VAE; train one: python train.py --model=vae')
        self.run, self.settings = run, run.config['settings']
        self.kl, self.reconstruction = float(last['test_kl']), float(last['test_reconstruction'])
        kept = results.read(run)
        scores = kept['scores'] if results.current(kept) else {}
        if not {'fid', 'sharpness'} <= scores.keys():
            command = f'python evaluate.py --metrics=fid,sharpness --runs={run.path}'
            raise InputError(f'{run.path}: FID and sharpness are missing; take them: {command}')
        self.fid, self.sharpness = scores['fid']['fid'], scores['sharpness']['ratio']

    def grid(self, kind):
        """The last grid of this kind, uint8 (H, W, C)."""
        return pictures.load_grid(self.run.picture(kind, self.run.epochs(kind)[-1]))

    @functools.cached_property
    def target(self):
        """The test images that it reconstructs, as a grid."""
        return pictures.load_grid(self.run.path / 'target.png')

    def squared_error(self):
        """Of the reconstructions in the grid: pixels in [0, 1], summed over an image."""
        pairs = (self._images(grid) / 255 for grid in (self.target, self.grid('reconstructions')))
        return float(np.mean(np.sum(np.subtract(*pairs) ** 2, axis=(1, 2, 3))))

    def reconstructed_sharpness(self):
        """Of the reconstructions in the grid, relative to their originals."""
        grids = self.grid('reconstructions'), self.target
        return metrics.sharpness(*(self._images(grid) for grid in grids))

    def _images(self, grid):
        """The (N, H, W, C) that make a grid."""
        height, width, _ = self.run.config['image_shape']
        return pictures.cells(grid, height, width)


def read(argv, description, name):
    """The runs in --runs and the path in --out, by default outputs/lessons/<name>.webp.

    Raises:
      InputError: the flags cannot be meant, or a run has nothing to show.
    """

    def define(table):
        flags.define(table, 'What to draw', 'runs', None, 'directories of VAE runs of one data set')

    settings = figure.parse(argv, name, description, define)
    return [Shown(run) for run in directory.open_runs(settings.runs)], settings.out
