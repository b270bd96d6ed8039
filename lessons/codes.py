"""Lesson 1: what a prior buys: an autoencoder against a variational one.

  python -m lessons.codes --runs=outputs/ae-plane,outputs/vae-plane

A line a run, of the same reconstruction loss and codes in the plane. Left: images drawn from codes
of N(0, I), and below from codes of the Gaussian fitted to those of the test images. Middle: codes
at equal steps from one test image to another. Right: the codes of the test images coloured by
class, the circle that holds 95 % of N(0, I), and how far the fitted Gaussian is from N(0, I).
"""

import math

import numpy as np
import tensorflow as tf

import flags
import pictures
from evaluation.likelihoods import encode
from evaluation.measuring import load
from evaluation.metrics import gaussian_kl
from lessons import figure
from lessons.manifold import check
from lessons.tables import tell
from models.shared.noise import LATENTS_STEP, normal
from models.shared.pixels import to_uint8
from pages import columns
from runs import directory
from runs.restore import checkpoint, restore
from support import terminal
from support.errors import InputError

IMAGES = 32  # samples of either kind
STEPS = 10  # of an interpolation
HEADS = ['run', 'KL from N(0, I)', 'farthest code', 'within the circle', 'reconstruction']
RADIUS = math.sqrt(2 * math.log(20))  # within it lie 95 % of N(0, I) in the plane


def main(argv):
    """Draws the figure, prints its numbers and where; returns 0; raises InputError."""
    settings = figure.parse(argv, 'codes', __doc__, define_flags)
    compared = directory.open_runs(settings.runs)
    for run in compared:
        check(run)
    data, _ = load(compared, settings.data_dir)
    models = [restore(run, checkpoint(run)) for run in compared]
    for run, model in zip(compared, models, strict=True):
        check_encoder(run, model)
    page = figure.page(11, 4 * len(compared))
    places = page.subplots(len(compared), 3, squeeze=False)
    told = []
    for line, (name, run), model in zip(places, columns.name_runs(compared), models, strict=True):
        codes = encode(model, data.test_images, data.test_labels, 0)[2]
        draw_line(line, name, model, codes, data.test_labels)
        told.append([name, *numbers(codes), last_reconstruction(run)])
    tell(HEADS, told)
    figure.save(settings.out, page)
    return 0


def define_flags(table):
    """Defines this lesson's flags on `table`."""
    group = 'What to compare'
    meaning = 'directories of runs of ae and vae with --latent_dim=2, of one data set'
    flags.define(table, group, 'runs', None, meaning)
    meaning = "prepared data sets of tensorflow-datasets; by default the first run's directory"
    flags.define(table, group, 'data_dir', None, meaning)


def check_encoder(run, model):
    """Raises InputError unless the model has codes."""
    if not model.offers('encode'):
        raise InputError(f'{run.path}: its model has no encoder; name runs of ae and vae')


def numbers(codes):
    """The fitted Gaussian's KL from N(0, I) in nats; of codes (N, 2), how far the farthest is from
    the origin, and the share within RADIUS."""
    lengths = np.linalg.norm(codes, axis=1)
    return gaussian_kl(codes), lengths.max(), np.mean(lengths < RADIUS)


def last_reconstruction(run):
    """The test's reconstruction error after the last epoch; None before the first."""
    rows = run.rows()
    return float(rows[-1]['test_reconstruction']) if rows else None


def draw_line(line, name, model, codes, labels):
    """Samples of a model, interpolations and its codes (N, 2) on three axes."""
    samples, between, plane = line
    prior = normal([IMAGES, 2], [0, LATENTS_STEP]).numpy()
    grid = pictures.grid(paint(model, np.concatenate([prior, fitted(codes, prior)])))
    figure.show(samples, grid, f'{name}: N(0, I), below fitted Gaussian')
    path = interpolate(*pairs(codes, labels)).reshape(-1, 2)
    figure.show(between, pictures.grid(paint(model, path), STEPS), f'{name}: between test images')
    scatter(plane, codes, labels)
    plane.set_title(f'{name}: KL from N(0, I) {gaussian_kl(codes):.2f} nats', fontsize='medium')


def paint(model, codes):
    """The images (N, H, W, C), uint8, that the decoder makes of codes (N, D)."""
    return to_uint8(tf.sigmoid(model.decode(codes)), model.value_range).numpy()


def fitted(codes, noise):
    """Draws (M, D) of the Gaussian fitted to codes (N, D), from draws (M, D) of N(0, I)."""
    root = np.linalg.cholesky(np.cov(codes, rowvar=False))
    return (codes.mean(axis=0) + noise @ root.T).astype(np.float32)


def pairs(codes, labels):
    """Codes (M, D) and (M, D) to walk between: the first of class 0 and 1, of 2 and 3, ..."""
    firsts = np.stack([codes[np.argmax(labels == k)] for k in np.unique(labels)])
    half = len(firsts) // 2 * 2
    return firsts[0:half:2], firsts[1:half:2]


def interpolate(starts, ends):
    """Codes (M, STEPS, D) at equal steps on the straight lines from (M, D) to (M, D)."""
    shares = np.linspace(0, 1, STEPS, dtype=np.float32)[:, None]
    return starts[:, None] * (1 - shares) + ends[:, None] * shares


def scatter(axes, codes, labels):
    """The codes (N, 2), coloured by class, and the circle of the prior."""
    for label in np.unique(labels):
        axes.scatter(*codes[labels == label].T, s=1, color=f'C{label}', label=str(label))
    angles = np.linspace(0, 2 * np.pi, 200)
    axes.plot(RADIUS * np.cos(angles), RADIUS * np.sin(angles), 'k')
    axes.set(xlabel='first number of the code', ylabel='second number', aspect='equal')
    beside = {'loc': 'center left', 'bbox_to_anchor': (1, 0.5)}
    axes.legend(markerscale=5, fontsize='small', title='class', **beside)


if __name__ == '__main__':
    terminal.start(main)
