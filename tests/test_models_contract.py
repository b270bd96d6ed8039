"""What the contract offers beyond today's models, each on a small model of its own."""

import sys
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from models.shared.base import GenerativeModel, Stream
from models.shared.build import build
from models.shared.layers import Dropout
from models.shared.noise import layer_seed, layers_draw_from, normal, uniform
from runs import drawing, export
from support.errors import InputError
from training.loop import Loop

BATCH, SHAPE, CLASSES = 4, (4, 4, 1), 3


def data(count, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, *SHAPE), np.uint8), rng.integers(0, CLASSES, count)


class Kept(GenerativeModel):
    """Two players that move in turn, two streams, a pool, and an average of the second player.

    The pool keeps the mean of each step's further images; the second player is drawn to it.
    """

    players = {'first': 1, 'second': 1}
    alternate = True

    def __init__(self, xla=False):
        super().__init__(SHAPE, CLASSES, SimpleNamespace(learning_rate=0.1))
        for name in self.players:
            setattr(self, name, keras.Sequential([keras.Input([16]), layers.Dense(1)], name=name))
        self.pool = self.add_weight([2], 'zeros', name='pool', trainable=False)
        self.average = self.add_weight([16, 1], 'zeros', name='average', trainable=False)
        self.built = True

    def streams(self, data, load):
        return {'few': Stream(*data, *(part[:5] for part in data))}

    def objectives(self, batch, seed):
        step = tf.stack([self.pool[0] + 1.0, tf.reduce_mean(batch.more['few'].images)])
        self.pool.assign(step)
        pixels = tf.reshape(batch.images, [-1, 16])
        values = {p: tf.reduce_mean(getattr(self, p)(pixels)) for p in self.players}
        losses = {p: tf.square(v - self.pool[1]) for p, v in values.items()}
        return losses, {'pool': self.pool[0]}

    def after_step(self, player, step):
        if player == 'second':
            self.average.assign(0.5 * self.average + 0.5 * self.second.layers[0].kernel)

    def test(self, batch, seed):
        few = batch.more['few'].labels
        return {'further': tf.cast(few, tf.float32)}


def loop_of(xla=False, seed=0):
    keras.utils.set_random_seed(3)
    model = Kept()
    return Loop(model, *data(20), BATCH, seed, xla, streams=model.streams(data(7, seed=1), None))


@pytest.mark.parametrize('xla', [False, True])
def test_state_of_its_own_changes_once_a_step_and_is_saved(xla):
    loop = loop_of(xla)
    loop.train(3)
    assert loop.model.pool.numpy()[0] == 3.0  # though two players are evaluated a step
    rows = loop.feed.orders(0)[1][2]
    mean = data(7, seed=1)[0][rows].mean() / 255
    assert loop.model.pool.numpy()[1] == pytest.approx(mean, rel=1e-5)
    other = loop_of(xla)
    other.restore({name: np.array(array) for name, array in loop.state().items()})
    for one in loop, other:
        one.train(2)
        one.train(4)  # into the next epoch
    for a, b in zip(loop.variables(), other.variables(), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_after_step_may_move_what_no_player_owns():
    loop, kernels = loop_of(), []
    for _ in range(2):
        loop.train(1)
        kernels.append(loop.model.second.layers[0].kernel.numpy())
    expected = 0.25 * kernels[0] + 0.5 * kernels[1]
    np.testing.assert_allclose(loop.model.average.numpy(), expected, rtol=1e-5)


def test_test_arrays_of_a_stream_reach_the_test_beside_the_runs_own():
    loop = loop_of()
    images, labels = data(12, seed=2)
    few = data(7, seed=1)[1][:5]
    expected = np.resize(few, 12).mean()  # five examples, over and over
    assert loop.test(images, labels)['further'] == pytest.approx(expected)


class Begun(Kept):
    """Counts how often it is initialised, and keeps the mean of the images and a random number."""

    def initialise(self, images):
        self.told = images
        self.pool.assign([self.pool[0] + 1.0, normal([], layer_seed())])


def begun(seed=0, count=20):
    model = Begun()
    return Loop(model, *data(count), BATCH, seed, streams=model.streams(data(7, seed=1), None))


def test_a_model_is_initialised_once_by_the_first_images_before_the_first_step():
    loop = begun()
    assert loop.step == 0 and loop.model.pool.numpy()[0] == 1.0
    rows = loop.feed.order(0).ravel()
    np.testing.assert_allclose(loop.model.told, data(20)[0][rows] / 255, rtol=1e-6)
    assert begun(count=600).model.told.shape == (500, *SHAPE)
    assert begun().model.pool.numpy()[1] == loop.model.pool.numpy()[1]
    assert begun(seed=1).model.pool.numpy()[1] != loop.model.pool.numpy()[1]


def test_a_run_that_goes_on_has_the_weights_of_its_checkpoint():
    loop = begun()
    loop.train(2)
    again = begun(seed=1)
    again.restore({name: np.array(array) for name, array in loop.state().items()})
    np.testing.assert_array_equal(again.model.pool, loop.model.pool)


class Drawn(GenerativeModel):
    """Draws what its latents hold: a label's grey in all pixels, and noise in the first."""

    players = {'only': 1}
    given, columns = 'labels', CLASSES
    sequential = True

    def __init__(self):
        super().__init__(SHAPE, CLASSES, SimpleNamespace(learning_rate=0.1))
        self.scale = self.add_weight([], 'ones', name='scale')
        self.built = True

    def latents(self, count, seed, given=None):
        noise = uniform([count, 1], [seed, -1])
        if given is None:
            given = tf.random.stateless_uniform([count], [seed, -2], 0, CLASSES, tf.int32)
        return tf.concat([noise, tf.cast(given, tf.float32)[:, None]], axis=1)

    def sample(self, latents, brightness=1.0):
        grey = tf.tile(latents[:, 1:] / CLASSES, [1, 15])
        pixels = tf.concat([latents[:, :1], grey], axis=1) * brightness * self.scale
        return tf.reshape(pixels, [-1, *SHAPE])


def test_a_grid_has_a_class_a_column_of_latents_of_its_own():
    model = Drawn()
    grid = drawing.show(model, drawing.grid_latents(model, 1, None))
    assert len(grid) == 8 * CLASSES
    expected = np.tile(np.rint(255 * np.arange(CLASSES) / CLASSES), 8)
    np.testing.assert_allclose(grid[:, 3, 3, 0], expected, atol=1)
    assert len(np.unique(grid[:, 0, 0, 0])) > CLASSES
    assert len(drawing.latents_of(model, 64, 1, None)) == 64


def test_flags_of_drawing_reach_the_sample():
    model = Drawn()
    latents = model.latents(3, 0, np.array([2, 2, 2]))
    usual, dark = drawing.draw(model, latents), drawing.draw(model, latents, {'brightness': 0.5})
    np.testing.assert_allclose(usual[:, 1, 1, 0], 170, atol=1)
    np.testing.assert_allclose(dark[:, 1, 1, 0], 85, atol=1)


def test_xla_compiles_a_sequential_sampler_alone():
    model, latents = Drawn(), tf.zeros([64, 2])
    assert 'HloModule' in drawing.compiled(model, 'sample').experimental_get_compiler_ir(latents)()
    model = Drawn()
    model.sequential = False
    with pytest.raises(ValueError, match='jit'):
        drawing.compiled(model, 'sample').experimental_get_compiler_ir(latents)()


class FromImages(Drawn):
    """Draws the negative of an image."""

    given, columns, sequential = 'images', None, False

    def latents(self, count, seed, given=None):
        return given

    def sample(self, latents):
        return 1.0 - latents


def test_a_model_that_begins_from_images_is_given_some_over_and_over():
    images, _ = data(5)
    model = FromImages()
    drawn = drawing.draw(model, drawing.latents_of(model, 12, 0, images))
    np.testing.assert_array_equal(drawn, np.resize(255 - images, (12, *SHAPE)))


@pytest.mark.parametrize('count', [1, 64, 70])
@pytest.mark.parametrize('kind', [Drawn, FromImages])
def test_a_sampler_of_no_stock_layers_is_exported_whole(tmp_path, kind, count):
    model, images = kind(), data(5)[0]
    export.save_generator(tmp_path / 'sampler', model)
    latents = drawing.latents_of(model, count, 3, images)
    loaded = tf.saved_model.load(tmp_path / 'sampler')
    np.testing.assert_allclose(loaded.serve(latents), model.sample(latents), atol=1e-6)


def test_a_keras_file_of_such_a_sampler_is_refused(tmp_path):
    with pytest.raises(InputError, match='needs more than Keras layers to draw; name a directory'):
        export.save_generator(tmp_path / 'sampler.keras', Drawn())
    assert not list(tmp_path.iterdir())


def test_a_model_tells_what_it_offers():
    offered = [n for n in ('encode', 'decode', 'log_prob', 'features') if Drawn().offers(n)]
    assert offered == []

    class Coded(Drawn):
        def encode(self, batch):
            return batch.images, batch.images

    assert Coded().offers('encode') and not Coded().offers('decode')


# What is refused


def test_a_layer_that_draws_by_a_state_of_its_own_is_refused_in_a_line(monkeypatch):
    class Model(Drawn):
        def __init__(self, image_shape, classes, settings):
            super().__init__()
            parts = [keras.Input([16]), layers.Dense(4), settings.drop(0.5)]
            self.only = keras.Sequential(parts)

    monkeypatch.setitem(sys.modules, 'models.toy', SimpleNamespace(Model=Model))
    settings = SimpleNamespace(model='toy', seed=0, precision='float32', drop=layers.Dropout)
    with pytest.raises(
        InputError, match='^models/toy.py: a layer draws its own random numbers'
    ) as told:
        build(SHAPE, CLASSES, settings)
    assert 'Dropout from models.shared.layers' in str(told.value) and '\n' not in str(told.value)
    settings.drop = Dropout
    assert build(SHAPE, CLASSES, settings).built


# Random numbers


def test_a_mask_depends_on_the_seed_the_call_and_the_row():
    drop, ones = Dropout(0.25), tf.ones([200, 50])

    def masks(rows, step):
        with layers_draw_from(tf.constant([0, step])):
            return [drop(ones[:rows], training=True).numpy() for _ in range(2)]

    (first, second), (again, _), (other, _) = masks(200, 1), masks(8, 1), masks(200, 2)
    np.testing.assert_array_equal(first[:8], again)
    assert (first != second).any() and (first != other).any()
    assert set(np.unique(first)) == {0.0, np.float32(4 / 3)}
    assert first.mean() == pytest.approx(1.0, abs=0.03)
    np.testing.assert_array_equal(drop(ones, training=False), ones)


def test_outside_of_a_step_drop_out_says_what_is_missing():
    with pytest.raises(RuntimeError, match='layers_draw_from'):
        Dropout(0.5)(tf.ones([1, 2]), training=True)


def test_every_precision_sees_the_same_numbers():
    for draw in normal, uniform:
        single, double = draw([5], [1, 2]), draw([5], [1, 2], dtype='float64')
        assert double.dtype == tf.float64
        np.testing.assert_array_equal(tf.cast(single, tf.float64), double)
