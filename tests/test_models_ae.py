"""What is particular to the autoencoder: the VAE's twin, and the Gaussian of its codes."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

import flags
from evaluation import likelihoods
from evaluation.rows import NotApplicable
from models.shared.base import Batch
from models.shared.build import build

SHAPE = (28, 28, 1)


def make(name='ae', **changes):
    return build(SHAPE, 10, flags.settings(name, dataset='digits', latent_dim=3, **changes))


@pytest.mark.parametrize('variant', ['post', 'mlp'])
def test_it_has_the_networks_of_the_vae_but_for_the_noise(variant):
    ae, vae = (make(name, variant=variant) for name in ('ae', 'vae'))
    without = [w.shape for w in vae.encoder.weights if 'std' not in w.path]
    assert [w.shape for w in ae.encoder.weights] == without
    assert [w.shape for w in ae.decoder.weights] == [w.shape for w in vae.decoder.weights]


def test_reconstructions_are_those_of_the_codes():
    model = make()
    images = tf.constant(np.random.default_rng(0).uniform(size=(2, *SHAPE)), tf.float32)
    batch = Batch(images, None)
    codes, std = model.encode(batch)
    assert codes.shape == std.shape == (2, 3) and not np.any(std)
    np.testing.assert_array_equal(model.reconstruct(batch), tf.sigmoid(model.decode(codes)))


def test_the_loss_is_the_squared_error_summed_over_pixels():
    model = make()
    images = tf.constant(np.random.default_rng(0).uniform(size=(2, *SHAPE)), tf.float32)
    losses, _ = model.objectives(Batch(images, None), tf.constant([0, 0]))
    error = (images - model.reconstruct(Batch(images, None))).numpy() ** 2
    np.testing.assert_allclose(losses['ae'], error.sum(axis=(1, 2, 3)).mean(), rtol=1e-5)


MEAN = np.array([3.0, -1.0, 0.5])
ROOT = np.array([[2.0, 0.0, 0.0], [1.0, 0.5, 0.0], [0.0, -1.0, 0.1]])


def trained():
    """A model that has seen codes of a known Gaussian."""
    model, rng = make(), np.random.default_rng(0)
    for _ in range(400):
        codes = MEAN + rng.normal(size=(64, 3)) @ ROOT.T
        model.follow(tf.constant(codes, tf.float32))
    return model


def test_the_gaussian_follows_the_codes():
    model = trained()
    np.testing.assert_allclose(model.mean, MEAN, atol=0.15)
    np.testing.assert_allclose(model.covariance, ROOT @ ROOT.T, atol=0.3)


def test_numbers_are_taken_to_the_gaussian():
    """What z -> z A + mean makes of standard normal numbers has the covariance A^T A."""
    model = trained()
    mean, root = model.fitted()
    np.testing.assert_allclose(tf.transpose(root) @ root, model.covariance, atol=1e-4)
    np.testing.assert_array_equal(mean, model.mean)
    drawn = model.sample(tf.zeros([1, 3]))
    np.testing.assert_allclose(drawn, tf.sigmoid(model.decode(mean[None])), rtol=1e-5)


def test_codes_without_variance_are_drawn_without_it():
    model = make()
    model.covariance.assign(np.diag([1.0, 0.0, -1e-7]))
    assert np.isfinite(model.sample(model.latents(4, 0))).all()


def test_a_grid_shows_codes_of_the_prior_on_its_left_and_of_the_gaussian_on_its_right():
    model = trained()
    latents = model.latents(64, 0)
    cells = model.show(latents).numpy().reshape(8, 8, *SHAPE)
    prior = tf.sigmoid(model.decode(latents)).numpy().reshape(8, 8, *SHAPE)
    drawn = model.sample(latents).numpy().reshape(8, 8, *SHAPE)
    np.testing.assert_array_equal(cells[:, :4], prior[:, :4])
    np.testing.assert_array_equal(cells[:, 4:], drawn[:, 4:])
    assert not np.allclose(prior, drawn)


@pytest.mark.parametrize('score', ['elbo', 'bound', 'index_code'])
def test_it_bounds_no_likelihood_whatever_its_reconstruction(score):
    model = make('ae', reconstruction='bernoulli')
    bench = SimpleNamespace(data=SimpleNamespace(test_images=np.zeros((1, *SHAPE), np.uint8)))
    row = SimpleNamespace(model=model, bench=bench)
    assert not likelihoods.bounds(model)
    with pytest.raises(NotApplicable, match='no prior'):
        getattr(likelihoods, score)(row)
