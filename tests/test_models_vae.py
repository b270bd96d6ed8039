"""What is particular to the VAE: its weights, and the training of Burda et al."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

import flags
from models import vae
from models.shared.base import Batch
from models.shared.build import build


def rates(steps):
    """The learning rates of `adam_burda` at these steps, counted from 0, of 6 steps an epoch."""
    settings = SimpleNamespace(train_size=609, batch_size=100, learning_rate=1e-3)
    optimizer = vae.adam_burda(settings)
    assert optimizer.epsilon == 1e-4
    optimizer.build([])
    found = []
    for step in steps:
        optimizer.iterations.assign(step)
        found.append(float(optimizer.learning_rate))
    return found


def test_the_rate_falls_tenfold_in_eight_stages_each_three_times_as_long():
    """Stages of 1, 3, 9 ... 2187 epochs, 3280 in all: the first and last step of each."""
    stages = np.repeat(np.arange(8), 3 ** np.arange(8))
    assert len(stages) == 3280 == vae.variants['burda']['epochs']
    epochs = [0, 1, 3, 4, 12, 13, 39, 1092, 1093, 3279]
    expected = [1e-3 * 10 ** (-stages[epoch] / 7) for epoch in epochs]
    assert rates([6 * epoch for epoch in epochs]) == pytest.approx(expected, rel=1e-6)
    assert rates([6 * epoch + 5 for epoch in epochs]) == pytest.approx(expected, rel=1e-6)
    assert expected[-1] == pytest.approx(1e-4)


def test_binarized_pixels_are_white_as_often_as_they_are_light():
    grey = tf.constant([0.0, 0.2, 0.7, 1.0]) * tf.ones([20000, 4])
    pixels = vae.binarize(grey, tf.constant([0, 3])).numpy()
    assert set(np.unique(pixels)) == {0.0, 1.0}
    assert pixels.mean(axis=0) == pytest.approx([0.0, 0.2, 0.7, 1.0], abs=0.015)
    again, other = (vae.binarize(grey, tf.constant([0, step])).numpy() for step in (3, 4))
    assert (again == pixels).all()
    assert np.mean(other[:, 1] != pixels[:, 1]) == pytest.approx(0.32, abs=0.02)


def naive_terms(images, logits, mean, std):
    """KL and Bernoulli error of each image, as the equations stand, in float64."""
    x, logits, mean, std = (np.float64(array) for array in (images, logits, mean, std))
    p = 1 / (1 + np.exp(-logits))
    error = -(x * np.log(p) + (1 - x) * np.log(1 - p)).sum(axis=(1, 2, 3))
    return 0.5 * (mean**2 + std**2 - np.log(std**2) - 1).sum(axis=1), error


def test_each_weight_reaches_the_term_that_its_flag_names():
    shape, changes = (28, 28, 1), {'kl_weight': 5.0, 'reconstruction_weight': 0.25}
    model = build(shape, 10, flags.settings('vae', dataset='digits', latent_dim=3, **changes))
    images = tf.constant(np.random.default_rng(0).uniform(size=(4, *shape)), tf.float32)
    seed = tf.constant([0, 5])
    batch = Batch(images, None)
    kl, error = (term.mean() for term in naive_terms(images, *model.infer(batch, seed)))
    losses, logs = model.objectives(batch, seed)
    assert float(logs['kl']) == pytest.approx(kl, rel=1e-4)
    assert float(logs['reconstruction']) == pytest.approx(error, rel=1e-5)
    assert float(losses['vae']) == pytest.approx(5.0 * kl + 0.25 * error, rel=1e-5)
    assert kl > 0.01  # so that exchanged weights would be seen
