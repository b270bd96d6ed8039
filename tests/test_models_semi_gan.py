"""Semi-supervised learning: which labels are seen, who learns what, and who judges the test."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

import datasets
import flags
from models import semi_gan
from models.shared.base import Batch
from models.shared.build import build
from models.shared.noise import layers_draw_from
from models.shared.weight_norm import GaussianNoise, WeightNormDense
from support.errors import InputError
from training.loop import Loop

SHAPE, CLASSES, BATCH = (28, 28, 1), 3, 6
SEED = tf.constant([0, 5])
RNG = np.random.default_rng(8)


def make(width=0.1, seed=0, **changes):
    settings = flags.settings('semi_gan', dataset='digits', width=width, seed=seed, **changes)
    return build(SHAPE, CLASSES, settings)


@functools.cache
def built():
    """A model that nobody changes."""
    return make()


def data(sizes=(20, 30, 40), names='abc'):
    """Images of random pixels, so many of each class, in mixed order; a small test split."""
    labels = np.random.default_rng(1).permutation(np.repeat(np.arange(len(sizes)), sizes))
    images = np.random.default_rng(2).integers(0, 256, (len(labels), *SHAPE), np.uint8)
    return datasets.Dataset(images, labels, images[:8], labels[:8], tuple(names))


def stream(count=5, seed=0, **changes):
    return semi_gan.labelled(data(**changes), count, seed)


def batch(seed=0):
    """Six images, and six others with labels."""
    draw = np.random.default_rng(seed)
    images = [tf.constant(draw.random((BATCH, *SHAPE)), tf.float32) for _ in range(2)]
    labels = tf.constant(draw.integers(0, CLASSES, (2, BATCH)))
    few = Batch(images[1], labels[1])
    return Batch(images[0], labels[0], tf.constant(0), {'labelled': few})


def loop_of(model, seed=0):
    whole = data()
    streams = model.streams(whole, None)
    return Loop(model, whole.train_images, whole.train_labels, BATCH, seed, streams=streams)


def evaluate(model, given=None):
    with keras.StatelessScope(), layers_draw_from(SEED):
        return model.objectives(given or batch(), SEED)


def gradients(model, player):
    with tf.GradientTape() as tape:
        loss = evaluate(model)[0][player]
    variables = [v.value for v in model.network(player).trainable_variables]
    return tape.gradient(loss, variables, unconnected_gradients='zero')


# Labels


def test_as_many_images_of_each_class_have_labels():
    few, whole = stream(), data()
    assert np.bincount(few.labels).tolist() == [5, 5, 5]
    assert few.test_images is None
    known = dict(zip([x.tobytes() for x in whole.train_images], whole.train_labels, strict=True))
    assert [known[x.tobytes()] for x in few.images] == few.labels.tolist()
    assert len({x.tobytes() for x in few.images}) == 15


def test_the_seed_draws_the_labels():
    np.testing.assert_array_equal(stream(seed=3).images, stream(seed=3).images)
    drawn = {stream(seed=seed).images.tobytes() for seed in range(10)}
    assert len(drawn) == 10


def test_the_labels_are_the_same_in_every_epoch():
    model = make(labelled_per_class=2)
    feed = loop_of(model).feed
    few = model.streams(data(), None)['labelled'].images
    for epoch in 0, 7:
        rows = feed.orders(epoch)[1]
        seen = {feed.data[1].images.numpy()[row].tobytes() for row in rows.ravel()}
        assert seen == {image.tobytes() for image in few}


def test_a_class_may_be_used_up():
    assert len(stream(20).labels) == 60


@pytest.mark.parametrize(
    ('count', 'changes', 'fault'),
    [
        (21, {}, '--labelled_per_class=21: class a has 20 training images'),
        (1, {'sizes': (5, 0, 5)}, '--labelled_per_class=1: class b has 0 training images'),
        (1, {'sizes': (5, 5)}, '--labelled_per_class=1: class c has 0 training images'),
        (1, {'sizes': (5,), 'names': ['all']}, '--model=semi_gan: the data have one class'),
    ],
)
def test_data_without_enough_labels_are_refused_in_a_line(count, changes, fault):
    with pytest.raises(InputError, match=f'^{fault}') as told:
        stream(count, **changes)
    assert '; choose' in str(told.value) and '\n' not in str(told.value)


# Networks


def test_the_networks_are_those_of_the_authors():
    model = make(width=1.0)
    found = [x.units for x in model.discriminator.layers if isinstance(x, WeightNormDense)]
    assert found == [1000, 500, 250, 250, 250, CLASSES]
    noise = [x.stddev for x in model.discriminator.layers if isinstance(x, GaussianNoise)]
    assert noise == [0.3, 0.5, 0.5, 0.5, 0.5, 0.5]
    sizes = [784, *found]
    trained = sum((a + 1) * b for a, b in zip(sizes, found, strict=False)) + CLASSES
    assert sum(v.numpy().size for v in model.discriminator.trainable_variables) == trained
    trained = 100 * 500 + 500 + 500 * 500 + 500 + 500 * 784 + 2 * 784
    assert sum(v.numpy().size for v in model.generator.trainable_variables) == trained


def test_both_players_are_trained_as_the_authors_do():
    model = built()
    told = model.settings
    assert (told.epochs, told.batch_size, told.train_size) == (300, 100, 60000)
    for optimizer in model.optimizers().values():
        assert float(optimizer.learning_rate) == pytest.approx(0.003)
        assert (optimizer.beta_1, optimizer.beta_2, optimizer.epsilon) == (0.5, 0.999, 1e-4)
    assert model.alternate and model.fresh_noise and [*model.players][0] == 'discriminator'


def test_logits_and_features_are_those_of_a_naive_network():
    model, images = make(), batch().images
    loop_of(model)  # sets scales and biases
    x = images.numpy().reshape(BATCH, -1).astype(float)
    *hidden, last = [y for y in model.discriminator.layers if isinstance(y, WeightNormDense)]
    for layer in hidden:
        x = np.maximum(affine(layer, x), 0.0)
    features, logits = model.discriminator(images)
    np.testing.assert_allclose(features, x, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(logits, affine(last, x), rtol=1e-4, atol=1e-5)


def affine(layer, x):
    v, g, bias = (w.numpy().astype(float) for w in (layer.v, layer.g, layer.bias))
    return x @ (g * v / np.linalg.norm(v, axis=0)) + bias


def test_a_run_begins_with_logits_of_deviation_one():
    model = make(width=0.2)
    loop = loop_of(model)
    with layers_draw_from(SEED):  # other noise than that of the initialisation
        _, logits = model.discriminator(loop.feed.first(500, (0, 1), 'float32'), training=True)
    np.testing.assert_allclose(np.mean(logits, axis=0), 0.0, atol=0.3)
    np.testing.assert_allclose(np.std(logits, axis=0), 1.0, atol=0.3)
    for mean, value in zip(model.classifier.variables, model.discriminator.variables, strict=True):
        np.testing.assert_array_equal(mean, value)


# Who learns what


def test_d_of_x_is_the_probability_of_not_being_a_sample(monkeypatch):
    """By a softmax over K + 1 classes, the last with a logit of 0."""
    model, logits = make(), RNG.normal(size=(2, BATCH, CLASSES)).astype(np.float32)
    answers = iter([(None, logits[0]), (None, logits[0]), (None, logits[1])])
    monkeypatch.setattr(model, 'discriminator', lambda x, training: next(answers))
    monkeypatch.setattr(semi_gan, 'feature_matching_loss', lambda *_: tf.constant(0.0))
    _, logs = model.play(batch(), None, SEED)
    whole = np.exp(np.concatenate([logits, np.zeros((2, BATCH, 1))], axis=2))
    expected = 1 - (whole[..., -1] / whole.sum(axis=2)).mean(axis=1)
    np.testing.assert_allclose([logs['d_true'], logs['d_fake']], expected, rtol=1e-5)


def test_the_classifier_s_loss_is_its_two_terms(monkeypatch):
    monkeypatch.setattr(built().settings, 'unsupervised_weight', 0.3)
    losses, logs = evaluate(built())
    expected = logs['supervised'] + 0.3 * logs['unsupervised']
    np.testing.assert_allclose(losses['discriminator'], expected, rtol=1e-6)
    assert logs['unsupervised'] > 0


def test_the_generator_matches_the_features_of_the_whole_batch_and_not_the_labels():
    model = make()
    with layers_draw_from(SEED):
        fake = model.generator(model.noise(BATCH, SEED), training=True)
        given = batch().more['labelled'].images, batch().images, fake
        _, true, fake = (model.discriminator(x, training=True)[0].numpy() for x in given)
    expected = ((true.mean(axis=0) - fake.mean(axis=0)) ** 2).mean()
    np.testing.assert_allclose(evaluate(model)[0]['generator'], expected, rtol=1e-4)


def test_without_the_unsupervised_loss_only_the_labelled_images_teach():
    """The supervised twin: other images, other samples, the same gradient."""
    model = make(unsupervised_weight=0)
    found = gradients(model, 'discriminator')
    model.generator.layers[0].kernel.assign(-model.generator.layers[0].kernel)
    for one, other in zip(found, gradients(model, 'discriminator'), strict=True):
        np.testing.assert_array_equal(one, other)
    assert any(np.any(gradient) for gradient in found)


def test_only_the_labels_of_the_labelled_images_are_seen():
    model, given = built(), batch()
    few = given.more['labelled']
    others = [(x + 1) % CLASSES for x in (given.labels, few.labels)]
    losses, _ = evaluate(model, given)
    same, _ = evaluate(model, given._replace(labels=others[0]))
    assert [x.numpy() for x in losses.values()] == [x.numpy() for x in same.values()]
    changed, _ = evaluate(model, given._replace(more={'labelled': few._replace(labels=others[1])}))
    assert changed['discriminator'] != losses['discriminator']


def test_with_it_the_samples_teach():
    model = make()
    found = gradients(model, 'discriminator')
    model.generator.layers[0].kernel.assign(-model.generator.layers[0].kernel)
    others = gradients(model, 'discriminator')
    assert any(np.any(a != b) for a, b in zip(found, others, strict=True))


def test_the_generator_learns_from_the_features_alone(monkeypatch):
    """Neither the labels' loss nor that of the samples reaches it."""
    model = built()
    found = gradients(model, 'generator')
    monkeypatch.setattr(model.settings, 'unsupervised_weight', 9.0)
    for a, b in zip(found, gradients(model, 'generator'), strict=True):
        np.testing.assert_array_equal(a, b)
    last = model.discriminator.layers[-1]
    with tf.GradientTape() as tape:
        loss = evaluate(model)[0]['generator']
    assert tape.gradient(loss, last.v.value) is None  # logits are behind the features


def test_a_move_of_the_generator_leaves_the_classifier_alone():
    model = make()
    loop = loop_of(model)
    before = [v.numpy() for v in [*model.discriminator.variables, *model.classifier.variables]]
    loop._move(batch(), SEED, ['generator'])
    now = [v.numpy() for v in [*model.discriminator.variables, *model.classifier.variables]]
    for a, b in zip(before, now, strict=True):
        np.testing.assert_array_equal(a, b)


# The test error


def test_the_error_is_the_share_of_wrong_classes(monkeypatch):
    """Two of eight are wrong; a tie goes to the first."""
    model = make()
    logits = np.eye(3)[[0, 1, 2, 0, 1, 2, 0, 1]] * 5 - 3
    logits[7] = [2.0, 2.0, 1.0]
    loop = loop_of(model)
    monkeypatch.setattr(model, 'classifier', lambda images, training: (None, tf.constant(logits)))
    labels = np.array([0, 1, 2, 1, 1, 2, 0, 1])
    assert loop.test(data().test_images, labels) == {'error': 2 / 8}


def test_the_averaged_weights_judge_the_test():
    model = make()
    loop = loop_of(model)
    images = batch().images
    whole = Batch(images, tf.argmax(model.classifier(images)[1], axis=1))
    for variable in model.discriminator.variables:
        variable.assign(-variable)
    assert not np.any(model.test(whole, SEED)['error'])
    last = model.classifier.layers[-1]
    last.g.assign(-last.g)
    last.bias.assign(-last.bias)
    assert np.all(model.test(whole, SEED)['error'] == 1.0)
    assert loop.step == 0


def test_the_average_follows_every_step_of_the_discriminator():
    """It keeps 1/10 in the first step, 2/11 in the second, and never more than 0.9999."""
    model = make()
    loop = loop_of(model)
    kept = [v.numpy() for v in model.discriminator.variables]
    for step, keep in (0, 1 / 10), (1, 2 / 11):
        loop._step(batch()._replace(step=tf.constant(step)))
        now = [v.numpy() for v in model.discriminator.variables]
        kept = [keep * old + (1 - keep) * new for old, new in zip(kept, now, strict=True)]
    for mean, expected in zip(model.classifier.variables, kept, strict=True):
        np.testing.assert_allclose(mean, expected, rtol=1e-4, atol=1e-6)
    before = model.classifier.layers[-1].bias.numpy()
    model.discriminator.layers[-1].bias.assign(before + 1.0)
    model.after_step('discriminator', 10**7)
    np.testing.assert_allclose(model.classifier.layers[-1].bias - before, 1e-4, rtol=0.02)
