"""Models that are given labels: what reaches which network, and what is asked of whom."""

import numpy as np
import pytest
import tensorflow as tf

import flags
from losses import GAN_loss_with_labels, auxiliary_classifier_loss
from models.shared.base import Batch
from models.shared.build import build
from models.shared.labels import beside, maps_beside

SEED = tf.constant([0, 5])
SHAPE, CLASSES = (28, 28, 1), 10
LABELS = tf.constant([3, 0, 9, 3])


def make(name, **changes):
    settings = {'dataset': 'digits', 'latent_dim': 4} | changes
    return build(SHAPE, CLASSES, flags.settings(name, **settings))


def batch():
    pixels = np.random.default_rng(1).uniform(size=(4, *SHAPE))
    return Batch(tf.constant(pixels, tf.float32), LABELS, tf.constant(0))


def recorded(model, name):
    """Puts a note-taker in the place of the network `name`; the list of what it is given."""
    network, seen = getattr(model, name), []

    def call(inputs, training=False):
        outputs = network(inputs, training=training)
        seen.append((inputs, outputs))
        return outputs

    object.__setattr__(model, name, call)
    return seen


def test_a_label_is_one_number_beside_a_vector_and_one_map_beside_pixels():
    vectors = tf.constant([[5.0, 6.0], [7.0, 8.0]])
    expected = [[5, 6, 0, 0, 1], [7, 8, 1, 0, 0]]
    assert beside(vectors, tf.constant([2, 0]), 3).numpy().tolist() == expected
    images = tf.constant(np.arange(8.0).reshape(2, 2, 2, 1))
    maps = maps_beside(images, tf.constant([2, 0]), 3).numpy()
    np.testing.assert_array_equal(maps[..., 0], np.arange(8.0).reshape(2, 2, 2))
    assert maps[0, ..., 1:].tolist() == [[[0, 0, 1]] * 2] * 2
    assert maps[1, ..., 1:].tolist() == [[[1, 0, 0]] * 2] * 2


@pytest.mark.parametrize('name', ['label_gan', 'acgan', 'cvae'])
def test_latents_hold_the_labels_that_were_asked_for_beside_the_same_noise(name):
    model = make(name)
    one, other = (model.latents(4, 7, labels).numpy() for labels in (LABELS, [1, 1, 1, 1]))
    np.testing.assert_array_equal(one[:, 4:], np.eye(10)[LABELS.numpy()])
    np.testing.assert_array_equal(other[:, 4:], np.eye(10)[[1, 1, 1, 1]])
    np.testing.assert_array_equal(one[:, :4], other[:, :4])
    assert model.given == 'labels' and model.columns == 10


@pytest.mark.parametrize('name', ['acgan', 'cvae'])
def test_labels_that_nobody_asks_for_are_drawn_alike_often(name):
    """A thousand of each on average, with a deviation of thirty."""
    drawn = make(name).latents(10_000, 7).numpy()[:, 4:]
    assert set(np.unique(drawn)) == {0, 1} and (drawn.sum(axis=1) == 1).all()
    np.testing.assert_allclose(drawn.sum(axis=0), 1000, atol=120)
    labels = drawn.argmax(axis=1)
    assert abs(np.corrcoef(labels[1:], labels[:-1])[0, 1]) < 0.04


@pytest.mark.parametrize('name', ['acgan', 'cvae'])
def test_labels_that_nobody_asks_for_know_nothing_of_the_noise(name):
    noise, *labels = make(name, latent_dim=1).latents(10_000, 7).numpy().T
    assert abs(np.corrcoef(noise, np.argmax(labels, axis=0))[0, 1]) < 0.04


def test_without_a_condition_the_generator_gets_noise_alone():
    model = make('label_gan', condition='none')
    assert model.given is None and model.columns is None
    assert model.latents(4, 7).shape == (4, 4) and model.generator.input_shape == (None, 4)


@pytest.mark.parametrize('name', ['label_gan', 'acgan'])
def test_in_training_a_sample_is_of_the_class_of_its_image(name):
    model = make(name)
    seen = recorded(model, 'generator')
    model.objectives(batch(), SEED)
    [(inputs, _)] = seen
    np.testing.assert_array_equal(inputs[:, 4:], np.eye(10)[LABELS.numpy()])


def test_the_post_s_discriminator_is_to_know_the_data_and_not_the_samples():
    """Its two kinds of logits give the losses that the model minimises."""
    model = make('label_gan')
    seen = recorded(model, 'discriminator')
    losses, logs = model.objectives(batch(), SEED)
    true, fake = (logits.numpy() for _, logits in seen)
    d_loss, g_loss = GAN_loss_with_labels(true, fake, np.eye(10, dtype=np.float32)[LABELS])
    assert float(losses['discriminator']) == pytest.approx(float(d_loss), rel=1e-6)
    assert float(losses['generator']) == pytest.approx(float(g_loss), rel=1e-6)
    odds = np.exp(true)
    known = (odds[range(4), LABELS] / odds.sum(axis=1)).mean()
    assert float(logs['label_true']) == pytest.approx(known, rel=1e-5)


def test_the_auxiliary_classifier_is_asked_for_source_and_class():
    model = make('acgan')
    seen = recorded(model, 'discriminator')
    losses, logs = model.objectives(batch(), SEED)
    true, fake = (logits.numpy() for _, logits in seen)
    assert true.shape == fake.shape == (4, 11)
    labels = np.eye(10, dtype=np.float32)[LABELS]
    parts = true[:, 0], fake[:, 0], true[:, 1:], fake[:, 1:], labels
    d_loss, g_loss = auxiliary_classifier_loss(*parts)
    assert float(losses['discriminator']) == pytest.approx(float(d_loss), rel=1e-6)
    assert float(losses['generator']) == pytest.approx(float(g_loss), rel=1e-6)
    assert float(logs['d_true']) == pytest.approx((1 / (1 + np.exp(-true[:, 0]))).mean(), rel=1e-5)
    right = (true[:, 1:].argmax(axis=1) == LABELS.numpy()).mean()
    assert float(logs['class_true']) == pytest.approx(right)


def test_the_label_reaches_encoder_and_decoder_of_the_conditional_vae():
    model = make('cvae')
    one, other = batch(), batch()._replace(labels=(LABELS + 1) % 10)
    codes = tf.zeros([4, 4])
    for way in (lambda b: model.encode(b)[0], lambda b: model.decode(codes, b.labels)):
        assert np.abs(way(one) - way(other)).reshape(4, -1).max(axis=1).min() > 1e-4
    encoder, decoder = recorded(model, 'encoder'), recorded(model, 'decoder')
    model.objectives(one, SEED)
    np.testing.assert_array_equal(encoder[0][0][:, 5, 5, 1:], np.eye(10)[LABELS.numpy()])
    np.testing.assert_array_equal(decoder[0][0][:, 4:], np.eye(10)[LABELS.numpy()])


def test_reconstructions_are_decoded_with_the_labels_of_their_images():
    model = make('cvae')
    mean, _ = model.encode(batch())
    expected = tf.sigmoid(model.decode(mean, LABELS))
    np.testing.assert_allclose(model.reconstruct(batch()), expected, rtol=1e-6)
