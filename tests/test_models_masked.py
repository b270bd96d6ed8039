"""Masked convolutions and what is made of them: order, likelihood, drawing."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

import flags
from models.pixelrnn import LeftLSTM, skew, unskew
from models.shared.autoregressive import quantile
from models.shared.base import Batch
from models.shared.build import build
from models.shared.masked import MaskedConv2D, mask

MODELS = ('pixelcnn', 'gated_pixelcnn', 'pixelrnn-row', 'pixelrnn-diagonal')
LABELLED = {'condition': 'label'}
SMALL = {
    'pixelcnn': {'blocks': 1},
    'gated_pixelcnn': {'layers': 1},
    'pixelrnn': {'layers': 1},
}


def make(name, shape, precision='float64', **changes):
    """A small model, or `model-variant`."""
    name, _, variant = name.partition('-')
    own = {'width': 0.2, 'variant': variant or None} | SMALL[name] | changes
    return build(shape, 10, flags.settings(name, dataset='digits', precision=precision, **own))


def images(shape, count=1, seed=0):
    return np.random.default_rng(seed).integers(0, 2, (count, *shape)).astype(float)


# Masks


@pytest.mark.parametrize(('kind', 'middle'), [('A', 0), ('B', 1)])
def test_the_mask_is_the_one_that_is_drawn(kind, middle):
    drawn = [[1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, middle, 0, 0]]
    np.testing.assert_array_equal(mask([3, 5, 1, 1], kind, 1)[:, :, 0, 0], drawn)


def test_in_a_pixel_red_comes_before_green_before_blue():
    """Of six maps that are seen and three that are made, two and one belong to each channel."""
    for kind, expected in {
        'A': [[0, 1, 1], [0, 1, 1], [0, 0, 1], [0, 0, 1], [0, 0, 0], [0, 0, 0]],
        'B': [[1, 1, 1], [1, 1, 1], [0, 1, 1], [0, 1, 1], [0, 0, 1], [0, 0, 1]],
    }.items():
        found = mask([2, 3, 6, 3], kind, 3)
        np.testing.assert_array_equal(found[1, 1], expected)
        assert found[0].all() and found[1, 0].all() and not found[1, 2].any()


def test_each_part_of_gates_has_the_groups_of_channels():
    """Twelve maps for gates of six: twice red, red, green, green, blue, blue."""
    found, once = (mask([2, 3, 3, 6 * parts], 'B', 3, parts) for parts in (2, 1))
    np.testing.assert_array_equal(found[..., :6], once)
    np.testing.assert_array_equal(found[..., 6:], once)


def test_rows_above_and_whole_rows():
    np.testing.assert_array_equal(mask([2, 3, 1, 1], 'above', 1)[..., 0, 0], [[1] * 3, [0] * 3])
    assert mask([2, 3, 1, 1], 'row', 1).all()


def test_a_masked_convolution_by_hand():
    """With all weights 1 a pixel is the sum of the 3x3 before it, here of 1, 2, ..., 9."""
    layer = MaskedConv2D(1, 3, 'B')
    pixels = np.arange(1.0, 10).reshape(1, 3, 3, 1)
    layer(pixels)
    layer.kernel.assign(np.ones([2, 3, 1, 1]))
    expected = [[1, 3, 5], [1 + 2 + 4, 6 + 4 + 5, 5 + 5 + 6], [4 + 5 + 7, 15 + 15, 11 + 17]]
    np.testing.assert_allclose(layer(pixels)[0, :, :, 0], expected)


# Order


@pytest.mark.parametrize('pixels', ['binary', 'levels'])
@pytest.mark.parametrize('channels', [1, 3])
@pytest.mark.parametrize('name', MODELS)
def test_no_number_depends_on_itself_or_a_later_one(name, channels, pixels):
    shape = (5, 5, channels)
    model, one = make(name, shape, pixels=pixels), images(shape)
    before = model.logits(one).numpy().reshape(*one.shape, -1)
    for place in [(0, 0, 0), (2, 1, channels - 1), (2, 4, 0), (3, 2, channels // 2)]:
        other = one.copy()
        other[0, *place] = 1 - other[0, *place]
        changed = model.logits(other).numpy().reshape(before.shape) != before
        number = np.ravel_multi_index(place, shape)
        changed = changed.any(axis=-1).ravel()
        assert not changed[: number + 1].any() and changed[number + 1 :].any()


def seen(model, row, column):
    """Which pixels the logit of a pixel depends on: (H, W) of booleans."""
    one = tf.constant(images(model.image_shape))
    with tf.GradientTape() as tape:
        tape.watch(one)
        logit = tf.reduce_sum(model.logits(one)[0, row, column])
    return np.any(tape.gradient(logit, one)[0] != 0, axis=-1)


def before(shape, row, column):
    """All pixels before that one: (H, W) of booleans."""
    return np.arange(np.prod(shape)).reshape(shape) < row * shape[1] + column


def test_the_gated_one_sees_every_earlier_pixel():
    model = make('gated_pixelcnn', (9, 9, 1), layers=3)
    for place in (4, 4), (6, 0), (5, 8):
        found = seen(model, *place)
        reach = np.abs(np.arange(9)[None] - place[1]) <= 6
        np.testing.assert_array_equal(found & reach, before((9, 9), *place) & reach)


def test_the_plain_one_has_a_blind_spot_to_the_right():
    """3x3 layers widen what is seen by one column a row; those of 7x7 by three in three rows."""
    found = seen(make('pixelcnn', (9, 15, 1), blocks=2), 6, 5)
    assert found[3:6, 2:9].all() and not found[6, 5:].any()
    assert before((9, 15), 6, 5)[5, 12] and not found[5, 12]


def test_the_row_lstm_sees_a_triangle():
    found = seen(make('pixelrnn-row', (12, 21, 1)), 11, 10)
    reach = [np.flatnonzero(row) for row in found[:11]]
    widths = [place.max() - place.min() for place in reach if len(place)]
    assert all(above >= below for above, below in itertools.pairwise(widths))
    assert widths[-1] < 20 and found[0].sum() >= 20


def test_the_diagonal_lstm_sees_all_but_the_end_of_the_row_above():
    """The last pixel of a row is known to the next row alone, and only near it."""
    model, shape = make('pixelrnn-diagonal', (8, 12, 1)), (8, 12)
    for place in (5, 2), (7, 0):
        expected = before(shape, *place)
        expected[place[0] - 1, -1] = False
        np.testing.assert_array_equal(seen(model, *place), expected)


def test_skewing_moves_each_row_by_its_number():
    maps = np.arange(1.0, 7).reshape(1, 2, 3, 1)
    np.testing.assert_array_equal(skew(maps)[0, :, :, 0], [[1, 2, 3, 0], [0, 4, 5, 6]])
    np.testing.assert_array_equal(unskew(skew(maps)), maps)


def test_the_skewed_recurrence_is_that_of_each_pixel():
    """Left and above, one pixel after the other, in NumPy."""
    layer, rng = LeftLSTM(2, 1, dtype='float64'), np.random.default_rng(1)
    maps = rng.normal(size=(2, 4, 5, 3))
    found = layer(maps).numpy()
    inputs, kernel = layer.see(maps).numpy(), layer.kernel.numpy().astype(float)
    state, cell = np.zeros([2, 5, 6, 2]), np.zeros([2, 5, 6, 2])
    for i, j in np.ndindex(4, 5):
        gates = inputs[:, i, j] + state[:, i, j + 1] @ kernel[0] + state[:, i + 1, j] @ kernel[1]
        o, f, inward, g = np.split(gates, 4, axis=1)
        o, f, inward = (1 / (1 + np.exp(-x)) for x in (o, f, inward))
        cell[:, i + 1, j + 1] = f * cell[:, i + 1, j] + inward * np.tanh(g)
        state[:, i + 1, j + 1] = o * np.tanh(cell[:, i + 1, j + 1])
    np.testing.assert_allclose(found, state[:, 1:, 1:], rtol=1e-12, atol=1e-12)


# Likelihood


@pytest.mark.parametrize(('pixels', 'bits'), [('binary', 1), ('levels', 8)])
def test_logits_of_zero_are_a_bit_or_eight_a_number(pixels, bits):
    model = make('pixelcnn', (4, 4, 3), pixels=pixels)
    for variable in model.last.variables:
        variable.assign(tf.zeros_like(variable))
    batch = Batch(tf.constant(images((4, 4, 3), 5)), tf.zeros([5]))
    values = model.test(batch, tf.constant([0, 1]))
    np.testing.assert_allclose(values['bits_per_dimension'], bits, rtol=1e-12)
    np.testing.assert_allclose(model.log_prob(batch), -bits * 48 * np.log(2), rtol=1e-12)


@pytest.mark.parametrize('name', MODELS)
def test_the_probabilities_of_all_images_sum_to_one_and_samples_follow_them(name):
    model = make(name, (2, 2, 1))
    model.last.kernel.assign(model.last.kernel * 30.0)
    every = np.array([*itertools.product([0.0, 1.0], repeat=4)]).reshape(-1, 2, 2, 1)
    p = np.exp(model.log_prob(Batch(tf.constant(every), None)))
    assert p.sum() == pytest.approx(1, abs=1e-12) and p.max() > 1.2 * p.min()
    drawn = tf.function(model.sample, jit_compile=True)(
        tf.cast(model.latents(100_000, 3), 'float64')
    )
    counts = np.bincount(np.reshape(drawn, [-1, 4]).astype(int) @ [8, 4, 2, 1], minlength=16)
    chi_squared = np.sum((counts - 100_000 * p) ** 2 / (100_000 * p))
    assert chi_squared < 37.7  # 99.9 % of a chi-squared with 15 degrees of freedom


def test_the_rate_halves_in_every_half_life():
    model = make('pixelcnn', (4, 4, 1), learning_rate=0.4, half_life=10)
    optimizer = model.optimizers()['pixelcnn']
    rates = []
    for step in (0, 5, 10, 20):
        optimizer.iterations.assign(step)
        rates.append(float(optimizer.learning_rate))
    np.testing.assert_allclose(rates, [0.4, 0.4 * 0.5**0.5, 0.2, 0.1], rtol=1e-6)


def test_pixels_are_drawn_anew_for_every_seed_and_white_as_often_as_they_are_grey():
    model = make('pixelcnn', (4, 4, 1))
    grey = Batch(tf.fill([500, 4, 4, 1], tf.constant(0.3, tf.float64)), None)
    one, again, other = (model.seen(grey, [0, step]).images.numpy() for step in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any() and np.isin(one, [0, 1]).all()
    assert one.mean() == pytest.approx(0.3, abs=0.02)


# Drawing


@pytest.mark.parametrize('shape', [(5, 4, 1), (3, 3, 3)])
@pytest.mark.parametrize('name', MODELS)
def test_drawing_from_memory_is_drawing_naively(name, shape):
    for pixels in ('binary', 'levels') if shape[2] == 1 else ('levels',):
        model = make(name, shape, pixels=pixels)
        noise = tf.cast(model.latents(2, 1), 'float64')
        naive, fast = model.draw_naively(noise), model.sample(noise)
        np.testing.assert_array_equal(naive, fast)
        assert 0 < np.mean(naive) < 1


def test_a_label_is_what_pixels_depend_on_in_drawing_as_in_the_likelihood():
    """Images of one label differ from those of another, drawn from memory as drawn naively."""
    model = make('gated_pixelcnn', (4, 4, 1), **LABELLED)
    for layer in model.vertical:
        layer.of_label.embeddings.assign(layer.of_label.embeddings * 50.0)
    model.last.kernel.assign(model.last.kernel * 5.0)
    one, other = (tf.cast(model.latents(20, 1, [label] * 20), 'float64') for label in (2, 7))
    np.testing.assert_array_equal(model.sample(one), model.draw_naively(one))
    assert (model.sample(one) != model.sample(other)).numpy().any()
    pixels = tf.constant(images((4, 4, 1), 3))
    nats = [model.log_prob(Batch(pixels, tf.fill([3], label))) for label in (2, 7)]
    assert (np.abs(nats[0] - nats[1]) > 1e-3).all()
    kept = model.complete(one, tf.repeat(pixels[:1], 20, axis=0), 2)[:, :2]
    np.testing.assert_array_equal(kept, tf.repeat(pixels[:1, :2], 20, axis=0))


def test_labels_that_are_not_given_are_drawn_with_the_latents():
    model = make('gated_pixelcnn', (4, 4, 1), **LABELLED)
    labels = model.parts(model.latents(200, 1))[1].numpy()
    assert set(labels) == set(range(10))
    np.testing.assert_array_equal(model.parts(model.latents(3, 1, [4, 0, 9]))[1], [4, 0, 9])


@pytest.mark.parametrize('name', ['gated_pixelcnn', 'pixelrnn-diagonal'])
def test_a_completion_keeps_the_given_rows_and_draws_the_rest_as_after_its_own(name):
    model = make(name, (5, 4, 1))
    noise = tf.cast(model.latents(3, 1), 'float64')
    drawn = model.sample(noise).numpy()
    np.testing.assert_array_equal(model.complete(noise, tf.constant(drawn), 2), drawn)
    other = np.where(np.arange(5)[:, None, None] < 2, 1 - drawn, 0.3)
    completed = model.complete(noise, tf.constant(other), 2).numpy()
    np.testing.assert_array_equal(completed[:, :2], 1 - drawn[:, :2])
    assert np.isin(completed, [0, 1]).all()


def test_a_quantile_by_hand():
    """A logit of 0 is a half; of levels with 1/4, 1/4 and 1/2, the second ends at 0.5."""
    logits = tf.constant([[0.0], [0.0], [np.log(3.0)], [np.log(3.0)]])
    noise = tf.constant([[0.49], [0.51], [0.74], [0.76]])
    np.testing.assert_array_equal(quantile(logits, noise, True)[:, 0], [1, 0, 1, 0])
    weights = np.full([1, 256], -1e9, np.float32)
    weights[0, [3, 100, 255]] = np.log([0.25, 0.25, 0.5])
    noise = (0.2, 0.2499, 0.2501, 0.4999, 0.5001)
    found = [quantile(tf.constant(weights), tf.constant([u]), False) for u in noise]
    np.testing.assert_allclose(np.ravel(found) * 255, [3, 3, 100, 100, 255], rtol=1e-6)
