"""What is particular to the VAE/GAN: three losses, who learns from which, codes and features."""

import functools
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

import flags
from evaluation import likelihoods
from evaluation.rows import NotApplicable
from models import gan
from models.shared.base import Batch
from models.shared.build import build
from models.shared.layers import Conv2D
from models.shared.noise import apart, normal

SEED = tf.constant([0, 5])
SHAPE, COUNT = (28, 28, 1), 4
LATENT = 6


def make(shape=SHAPE, **changes):
    small = {'dataset': 'digits', 'latent_dim': LATENT}
    return build(shape, 10, flags.settings('vae_gan', **small | changes))


@functools.cache
def built(shape):
    """A model that nobody changes."""
    return make(shape)


def batch_of(model, shape=SHAPE):
    images = np.random.default_rng(3).uniform(size=(COUNT, *shape))
    return Batch(tf.constant(images, model.variable_dtype), tf.zeros([COUNT], tf.int64))


def objectives(model, batch):
    """Losses and logs, without a change of any variable."""
    with keras.StatelessScope():
        return model.objectives(batch, SEED)


def slopes(model, batch, player):
    """The gradient of a player's loss by its own network, as one vector."""
    variables = [v.value for v in model.network(player).trainable_variables]
    with tf.GradientTape() as tape:
        losses, _ = objectives(model, batch)
    found = tape.gradient(losses[player], variables)
    return np.concatenate([np.ravel(gradient) for gradient in found])


def unlike(network, seed=0):
    """Gives the network weights that are no longer those it began with; biases too."""
    rng = np.random.default_rng(seed)
    for variable in network.trainable_variables:
        variable.assign_add(0.05 * rng.normal(size=variable.shape))


@pytest.fixture(scope='module')
def exact():
    """A model in float64 that is not at its start, with a batch."""
    model = make(precision='float64', gamma=0.3)
    for player in model.players:
        unlike(model.network(player))
    return model, batch_of(model)


# Losses


def naive(model, batch):
    """The three losses as the paper's equations stand, in NumPy, from what the networks give."""
    with keras.StatelessScope():
        mean, std = model.encoder(batch.images)
        z = mean + std * normal(mean.shape, SEED, 'float64')
        z_p = normal(mean.shape, apart(SEED), 'float64')
        made = 1 / (1 + np.exp(-model.decoder(tf.concat([z, z_p], 0), training=True).numpy()))
        true, f = model.discriminator(batch.images, training=True)
        fake, f_made = model.discriminator(tf.constant(made), training=True)
    mean, std, f, f_made = (np.array(x) for x in (mean, std, f, f_made))
    logits = {'d_true': true, 'd_rebuilt': fake[:COUNT], 'd_fake': fake[COUNT:]}
    d = {name: 1 / (1 + np.exp(-np.ravel(x))) for name, x in logits.items()}
    told, *seen = (-np.log(p).mean() for p in (d['d_true'], 1 - d['d_rebuilt'], 1 - d['d_fake']))
    fooled = [-np.log(d[name]).mean() for name in ('d_rebuilt', 'd_fake')]
    kl = np.mean(np.sum(mean**2 + std**2 - np.log(std**2) - 1, axis=1)) / 2
    error = np.mean(np.sum((f - f_made[:COUNT]) ** 2, axis=1)) / 2
    losses = {'encoder': kl + error, 'decoder': 0.3 * error + np.mean(fooled)}
    losses |= {'discriminator': told + np.mean(seen)}
    logs = {name: p.mean() for name, p in d.items()}
    return losses, logs | {'kl': kl, 'feature_reconstruction': error}


def test_the_losses_are_those_of_the_equations(exact):
    (losses, logs), (expected, told) = objectives(*exact), naive(*exact)
    assert losses.keys() == expected.keys() and logs.keys() == told.keys()
    for name, value in (expected | told).items():
        np.testing.assert_allclose((losses | logs)[name], value, rtol=1e-9, err_msg=name)
    assert min(expected.values()) > 0.1 and told['kl'] > 0.01


@pytest.mark.parametrize('player', ['encoder', 'decoder', 'discriminator'])
def test_each_player_follows_the_slope_of_its_own_loss_alone(exact, player):
    """The difference of the equations in a direction of its weights is the gradient there."""
    model, batch = exact
    variables = model.network(player).trainable_variables
    start, found = [v.numpy() for v in variables], slopes(model, batch, player)
    other = np.random.default_rng(1).normal(size=len(found))
    way = found / np.linalg.norm(found) + other / np.linalg.norm(other)
    ends = np.cumsum([v.size for v in start])[:-1]
    values = []
    for step in (1e-6, -1e-6, 0.0):
        for variable, old, part in zip(variables, start, np.split(step * way, ends), strict=True):
            variable.assign(old + part.reshape(old.shape))
        values.append(naive(model, batch)[0][player])
    assert found @ way == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-4)


def test_gamma_reaches_the_decoder_alone(monkeypatch):
    model, found = built(SHAPE), []
    batch, others = batch_of(model), ('encoder', 'discriminator')
    for gamma in 0.0, 2.0:
        monkeypatch.setattr(model.settings, 'gamma', gamma)
        found.append([*objectives(model, batch), [slopes(model, batch, p) for p in others]])
    (without, logs, first), (with_it, _, second) = found
    for i, player in enumerate(others):
        assert without[player] == with_it[player]
        np.testing.assert_array_equal(first[i], second[i])
    expected = without['decoder'] + 2.0 * logs['feature_reconstruction']
    np.testing.assert_allclose(with_it['decoder'], expected, rtol=1e-6)


def test_the_encoder_gets_nothing_from_the_verdicts():
    """They change with the last layer of the discriminator, which the features do not know."""
    model = make()
    batch = batch_of(model)
    before = {player: slopes(model, batch, player) for player in model.players}
    last = model.discriminator.get_layer(model.discriminator.output_names[0])
    last.kernel.assign(-3.0 * last.kernel)
    after = {player: slopes(model, batch, player) for player in model.players}
    np.testing.assert_array_equal(before['encoder'], after['encoder'])
    for player in 'decoder', 'discriminator':
        assert not np.allclose(before[player], after[player])


def test_the_prior_and_the_codes_have_noise_of_their_own(monkeypatch):
    """Codes are mean + std * eps of an image, first; then as many numbers of the prior."""
    model, seen = make(latent_dim=500), []
    decoder = model.decoder
    monkeypatch.setattr(model, 'decoder', lambda z, **o: seen.append(z.numpy()) or decoder(z, **o))
    batch = batch_of(model)
    objectives(model, batch)
    (codes, prior), (mean, std) = np.split(seen[0], 2), model.encode(batch)
    eps = np.ravel((codes - mean) / std)
    for noise in eps, np.ravel(prior):
        assert noise.mean() == pytest.approx(0, abs=0.1)
        assert noise.std() == pytest.approx(1, abs=0.1)
    assert abs(np.corrcoef(eps, np.ravel(prior))[0, 1]) < 0.1


def test_the_rates_of_the_players(monkeypatch):
    model = built(SHAPE)
    for name, value in (('learning_rate', 1e-3), ('decoder_rate', 3.0), ('decay_steps', 40)):
        monkeypatch.setattr(model.settings, name, value)
    found = model.optimizers()
    for optimizer in found.values():
        optimizer.build([])
        optimizer.iterations.assign(40)
    rates = {player: float(optimizer.learning_rate) for player, optimizer in found.items()}
    assert rates == pytest.approx({'encoder': 1.5e-3, 'decoder': 1.5e-3, 'discriminator': 5e-4})


# Networks, features, codes


@pytest.mark.parametrize('shape', [SHAPE, (32, 32, 3)])
def test_decoder_and_discriminator_are_those_of_gan(shape):
    model, networks = built(shape), gan.networks(shape, LATENT)
    for found, expected in zip((model.decoder, model.discriminator), networks, strict=True):
        sizes = [v.shape for v in expected.trainable_variables]
        assert [v.shape for v in found.trainable_variables] == sizes


@pytest.mark.parametrize('shape', [SHAPE, (32, 32, 3)])
def test_features_are_the_last_convolution_with_unit_variance_in_each_map(shape):
    model = make(shape)
    *_, last = [layer for layer in model.discriminator.layers if isinstance(layer, Conv2D)]
    plain = keras.Model(model.discriminator.inputs, last.output)
    images = batch_of(model, shape).images
    _, features = model.discriminator(images, training=True)
    maps = np.reshape(plain(images), [-1, 128])
    expected = (maps - maps.mean(axis=0)) / maps.std(axis=0)
    assert features.shape == (COUNT, 4 * 4 * 128) and maps.std() < 0.1
    np.testing.assert_allclose(np.reshape(features, [-1, 128]), expected, atol=0.01)


def test_features_of_an_image_do_not_depend_on_the_others():
    model = built(SHAPE)
    images = batch_of(model).images
    alone = model.features(images[:1])
    np.testing.assert_allclose(alone, model.features(images)[:1], rtol=1e-4, atol=1e-5)


def test_reconstructions_are_of_the_mean_codes(monkeypatch):
    model = built(SHAPE)
    batch = batch_of(model)
    mean, std = model.encode(batch)
    np.testing.assert_array_equal(model.reconstruct(batch), model.sample(mean))
    monkeypatch.setattr(model, 'encode', lambda batch: (mean, 100.0 * std))
    np.testing.assert_array_equal(model.reconstruct(batch), model.sample(mean))


def test_the_values_of_test_images_are_those_of_the_equations(exact):
    """By moving batch statistics, with one code an image."""
    model, batch = exact
    mean, std = (np.array(x) for x in model.encoder(batch.images))
    z = mean + std * normal(mean.shape, SEED, 'float64').numpy()
    rebuilt = 1 / (1 + np.exp(-model.decoder(tf.constant(z), training=False).numpy()))
    f, f_rebuilt = (
        model.discriminator(tf.constant(x), training=False)[1].numpy()
        for x in (batch.images, rebuilt)
    )
    expected = {
        'kl': np.sum(mean**2 + std**2 - np.log(std**2) - 1, axis=1) / 2,
        'feature_reconstruction': np.sum((f - f_rebuilt) ** 2, axis=1) / 2,
        'pixel_reconstruction': np.sum((batch.images - rebuilt) ** 2, axis=(1, 2, 3)),
    }
    found = model.test(batch, SEED)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-9, err_msg=name)


def test_latents_are_of_the_prior_of_the_codes():
    numbers = built(SHAPE).latents(4000, 0).numpy()
    assert numbers.shape == (4000, LATENT)
    assert numbers.mean() == pytest.approx(0, abs=0.02)
    assert numbers.std() == pytest.approx(1, abs=0.02)


def test_scores_take_its_codes_but_no_bound_of_pixels():
    row = SimpleNamespace(model=built(SHAPE))
    assert likelihoods.stochastic(row) is row.model
    with pytest.raises(NotApplicable, match='the model declares no likelihood of pixels'):
        likelihoods.bounded(row)
