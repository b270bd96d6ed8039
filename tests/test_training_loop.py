"""The loop on a small model: randomness, compiled forms, what stops it, what it takes from data."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from models.shared.base import Batch, GenerativeModel
from models.shared.layers import Dropout
from training import devices, feed
from training.devices import choose_xla
from training.loop import Diverged, Loop

BATCH = 4


class Small(GenerativeModel):
    """Two players with dropout; the second copies what the first gives."""

    players = {'first': 1, 'second': 1}
    alternate = True

    def __init__(self):
        super().__init__((4, 4, 1), 2, SimpleNamespace(learning_rate=0.1))
        for name in self.players:
            parts = [keras.Input([16]), layers.Dense(16), Dropout(0.5), layers.Dense(2)]
            setattr(self, name, keras.Sequential(parts, name=name))
        self.built = True

    def objectives(self, batch, seed):
        pixels = tf.reshape(batch.images, [-1, 16])
        values = {p: getattr(self, p)(pixels, training=True) for p in self.players}
        return {p: tf.reduce_mean(tf.square(v - 1.0)) for p, v in values.items()}, {}


def make(xla=False, seed=0, pace=1, **options):
    keras.utils.set_random_seed(7)
    images = np.random.default_rng(0).integers(0, 256, (24, 4, 4, 1)).astype(np.uint8)
    model = Small()
    model.players = {'first': 1, 'second': pace}
    return Loop(model, images, np.zeros(24), BATCH, seed, xla, **options)


def batch_at(step):
    """A batch of white images for the step of that number."""
    return Batch(tf.ones([BATCH, 4, 4, 1]), tf.zeros([BATCH], tf.int64), tf.constant(step))


def arrays_of(loop):
    return [v.numpy() for v in loop.variables()]


def assert_equal(one, two):
    for a, b in zip(arrays_of(one), arrays_of(two), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(one.sums, two.sums)


@pytest.mark.parametrize('xla', [False, True])
def test_the_length_of_the_calls_changes_no_bit(xla):
    whole, parts = make(xla), make(xla)
    assert [whole.train(6)[0], whole.train(4)[0]] == [6, 4]
    for steps in (1, 3, 2, 4):
        parts.train(steps)
    assert whole.step == parts.step == 10
    assert_equal(whole, parts)


def test_the_means_are_over_the_steps_of_the_epoch_so_far():
    """Losses that say the number of the step: 0 to 5 in the first epoch, 6 and 7 after it."""
    loop, objectives = make(), Small.objectives

    def numbered(batch, seed):
        losses, _ = objectives(loop.model, batch, seed)
        number = tf.cast(batch.step, tf.float32)
        return {p: 0.0 * v + number * (1 + i) for i, (p, v) in enumerate(losses.items())}, {}

    loop.model.objectives, found = numbered, []
    for steps in (1, 2, 3, 2):
        loop.train(steps)
        found.append(loop.means())
    expected = [0, 1, 2.5, 6.5]
    assert found == [{'first_loss': mean, 'second_loss': 2 * mean} for mean in expected]


@pytest.mark.parametrize('xla', [False, True])
def test_dropout_goes_on_where_a_restored_loop_stands(xla):
    whole, other = make(xla), make(xla)
    whole.train(2)
    other.restore({name: np.array(array) for name, array in whole.state().items()})
    for loop in whole, other:
        loop.train(2)
    assert_equal(whole, other)


def test_dropout_depends_on_step_and_seed():
    """Without a change of the weights, equal losses of equal batches mean equal masks."""

    def losses(seed, step):
        loop = make(seed=seed)
        for optimizer in loop.optimizers.values():
            optimizer.learning_rate = 0.0
        return loop._step(batch_at(step)).numpy().tolist()

    assert losses(0, 3) == losses(0, 3)
    assert losses(0, 3)[0] != losses(0, 4)[0]
    assert losses(0, 3)[0] != losses(1, 3)[0]


def test_xla_computes_the_same_without_dropout():
    plain, compiled = make(), make(xla=True)
    for loop in plain, compiled:
        for player in loop.model.players:
            loop.model.network(player).layers[1].rate = 0.0
        loop.train(6)
    for a, b in zip(arrays_of(plain), arrays_of(compiled), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('xla', [False, True])
def test_a_player_moves_on_every_so_many_th_step_and_is_told_so(xla):
    """Of steps 1 to 5 the second player moves on 2 and 4; another loop goes on from 3."""
    loop, other, told = make(xla, pace=2), make(xla, pace=2), []
    loop.model.after_step = lambda player, step: told.append((player, step.shape))
    moved = []
    for _ in range(3):
        before = loop.model.second.get_weights()
        loop.train(1)
        moved.append(not np.array_equal(before[0], loop.model.second.get_weights()[0]))
    assert moved == [False, True, False]
    other.restore({name: np.array(array) for name, array in loop.state().items()})
    for one in loop, other:
        one.train(2)
        assert [int(o.iterations) for o in one.optimizers.values()] == [5, 2]
    assert set(told) == {('first', ()), ('second', ())}
    assert_equal(loop, other)


def test_a_player_that_is_not_due_has_the_loss_that_the_other_one_saw():
    loop = make(pace=2)
    for player in loop.model.players:
        loop.model.network(player).layers[1].rate = 0.0
    expected, _ = loop.model.objectives(batch_at(0), None)
    rows = [loop._step(batch_at(0)).numpy() for _ in range(2)]
    assert rows[0][1] == rows[1][1] == expected['second']  # step 0 twice: it stands still
    assert rows[0][0] != rows[1][0]
    assert loop.names == ['first_loss', 'second_loss']


def remembering(objectives, seeds):
    """`objectives` that also appends its seed to a list."""

    def watched(batch, seed):
        seeds.append(tuple(seed.numpy().tolist()))
        return objectives(batch, seed)

    return watched


def test_noise_is_shared_within_a_step_unless_the_model_asks_for_more(monkeypatch):
    seeds = []
    for fresh in False, True:
        loop = make()
        loop.model.fresh_noise = fresh
        monkeypatch.setattr(loop.model, 'objectives', remembering(loop.model.objectives, seeds))
        for step in range(2):
            loop._step(batch_at(step))
    assert seeds[:4] == [(0, 0), (0, 0), (0, 1), (0, 1)]
    assert len(set(seeds[4:])) == 4


def broken_at(loop, step):
    """Makes the first player's loss infinite at the step of that number, from 1."""
    objectives, bad = loop.model.objectives, step

    def broken(batch, seed):
        losses, logs = objectives(batch, seed)
        factor = tf.where(tf.equal(seed[1], bad - 1), np.inf, 1.0)
        return {'first': losses['first'], 'second': losses['second'] + factor - 1.0}, logs

    loop.model.objectives = broken
    return loop


@pytest.mark.parametrize('xla', [False, True])
def test_the_compiled_loop_stops_at_the_first_loss_that_is_not_finite(xla):
    loop = broken_at(make(xla), 3)
    with pytest.raises(Diverged) as caught:
        loop.train(6)
    assert caught.value.step == loop.step == 3
    assert np.isfinite(caught.value.losses['first_loss'])
    assert np.isinf(caught.value.losses['second_loss'])
    before = make(xla)
    before.train(3)
    for a, b in zip(arrays_of(before), arrays_of(loop), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('xla', [False, True])
def test_it_goes_on_if_the_user_wants_that(xla):
    loop = broken_at(make(xla, stop_on_nan=False), 3)
    assert loop.train(6)[0] == 6
    assert np.isinf(loop.means()['second_loss'])
    assert np.isfinite(loop.means()['first_loss'])


def fits(side=28, up_to=(28, 64)):
    """A model of images with so many pixels a side for which XLA was faster `up_to`."""
    return SimpleNamespace(image_shape=(side, side, 1), xla_up_to=up_to)


def settings(**changes):
    return SimpleNamespace(**{'xla': 'auto', 'precision': 'float32', 'batch_size': 64, **changes})


@pytest.mark.parametrize(
    ('changes', 'model', 'choice'),
    [
        ({}, fits(), 'on'),
        ({}, fits(32), 'off'),
        ({'batch_size': 65}, fits(), 'off'),
        ({'precision': 'bfloat16'}, fits(), 'off'),
        ({}, fits(up_to=GenerativeModel.xla_up_to), 'off'),
        ({'xla': 'off'}, fits(), 'off'),
        ({'xla': 'on', 'precision': 'bfloat16', 'batch_size': 512}, fits(64), 'on'),
    ],
)
def test_auto_asks_the_model_and_words_win(changes, model, choice):
    assert choose_xla(settings(**changes), model) == choice


def test_on_a_gpu_auto_leaves_xla_off(monkeypatch):
    monkeypatch.setattr(tf.config, 'list_physical_devices', lambda kind: ['a device'])
    assert choose_xla(settings(), fits()) == 'off'
    assert choose_xla(settings(xla='on'), fits()) == 'on'


def test_images_that_fit_stay_in_memory_and_a_gpu_has_room_for_more(monkeypatch):
    images = SimpleNamespace(nbytes=2**30)
    assert not devices.fits(images) and devices.fits(SimpleNamespace(nbytes=2**29))
    monkeypatch.setattr(tf.config, 'list_physical_devices', lambda kind: ['a device'])
    assert devices.fits(images) and not devices.fits(SimpleNamespace(nbytes=2**31 + 1))


def stream(monkeypatch, steps):
    """Leaves the images on disk, and has the next loops hold windows of so many steps."""
    monkeypatch.setattr(feed, 'fits', lambda images: False)
    monkeypatch.setattr(feed, 'WINDOW', steps * BATCH * 16)


@pytest.mark.parametrize('xla', [False, True])
def test_images_on_disk_change_no_bit(monkeypatch, xla):
    """Of six steps an epoch, in windows of four and two; a second loop goes on from step 9."""
    whole = make(xla)
    assert [whole.train(6)[0], whole.train(6)[0]] == [6, 6]
    stream(monkeypatch, 4)
    parts, other = make(xla), make(xla)
    assert [parts.train(steps)[0] for steps in (1, 6, 6, 3)] == [1, 3, 2, 3]
    other.restore({name: np.array(array) for name, array in parts.state().items()})
    for loop in parts, other:
        assert [loop.train(6)[0] for _ in range(2)] == [1, 2]
        assert_equal(whole, loop)
