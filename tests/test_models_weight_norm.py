"""Weight normalisation and the noise layer, against float64 sums and by properties."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from models.shared.noise import layers_draw_from
from models.shared.weight_norm import GaussianNoise, WeightNormDense, initialise

RNG = np.random.default_rng(4)
INPUTS = RNG.normal(1.0, 3.0, (50, 6))
SEED = tf.constant([0, 5])


def dense(units=3, **options):
    """A layer in float64 with random weights, and these: v, g and bias."""
    layer = WeightNormDense(units, dtype='float64', **options)
    layer.build([None, INPUTS.shape[1]])
    weights = [RNG.normal(size=(6, units)), RNG.uniform(0.5, 2, units), RNG.normal(size=units)]
    for variable, value in zip((layer.v, layer.g, layer.bias), weights, strict=True):
        variable.assign(value)
    return layer, weights


def naive(inputs, v, g, bias):
    """Unit after unit, as the paper's eq. 1 and 2 say."""
    columns = [g[k] * v[:, k] / np.sqrt((v[:, k] ** 2).sum()) for k in range(len(g))]
    return np.stack([inputs @ w for w in columns], axis=1) + bias


def moments(sums):
    return np.mean(sums, axis=0), np.std(sums, axis=0)


def test_a_unit_has_a_direction_and_a_length():
    layer, weights = dense()
    np.testing.assert_allclose(layer(INPUTS), naive(INPUTS, *weights), rtol=1e-12)
    layer.v.assign(weights[0] * [2.0, 0.1, 7.0])
    np.testing.assert_allclose(layer(INPUTS), naive(INPUTS, *weights), rtol=1e-12)


def test_the_activation_is_of_the_sums():
    layer, weights = dense(activation='relu')
    np.testing.assert_allclose(layer(INPUTS), np.maximum(naive(INPUTS, *weights), 0), rtol=1e-12)


def test_the_length_is_trained_if_it_is_to_be():
    paths = [
        [v.name for v in dense(train_scale=told)[0].trainable_variables] for told in (False, True)
    ]
    assert paths == [['v', 'bias'], ['v', 'g', 'bias']]


def test_the_gradient_has_no_part_along_the_direction():
    """Eq. 4: it is orthogonal to v, so that v never gets shorter."""
    layer, (v, *_) = dense()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.sin(layer(INPUTS)))
    gradient = tape.gradient(loss, layer.v.value).numpy()
    np.testing.assert_allclose((v * gradient).sum(axis=0), 0.0, atol=1e-9)
    assert np.abs(gradient).max() > 0.1


def test_initialised_sums_have_mean_0_and_deviation_1():
    """From any g and bias: what is left of them is 1 / sigma[t] and -mu[t] / sigma[t] (eq. 6)."""
    layer, (v, _, _) = dense()
    layer.initialise(INPUTS)
    mean, deviation = moments(layer(INPUTS))
    np.testing.assert_allclose(mean, 0.0, atol=1e-12)
    np.testing.assert_allclose(deviation, 1.0, rtol=1e-12)
    t = naive(INPUTS, v, np.ones(3), np.zeros(3))
    np.testing.assert_allclose(layer.g, 1 / t.std(axis=0), rtol=1e-9)
    np.testing.assert_allclose(layer.bias, -t.mean(axis=0) / t.std(axis=0), rtol=1e-9)
    np.testing.assert_array_equal(layer.v, v)


def chain(dtype='float64'):
    """Two layers with noise before each, a fork at the first."""
    inputs = keras.Input([6])
    first = WeightNormDense(8, 'relu', dtype=dtype)(GaussianNoise(0.3, dtype=dtype)(inputs))
    second = WeightNormDense(4, train_scale=True, dtype=dtype)
    noise = GaussianNoise(0.5, dtype=dtype)
    return keras.Model(inputs, [first, second(layers.Activation('linear')(noise(first)))])


def test_a_chain_is_initialised_by_what_each_layer_sees_in_training():
    network, checked = chain(), 0
    with layers_draw_from(SEED):
        initialise(network, tf.constant(INPUTS))
    with layers_draw_from(SEED):
        seen = tf.constant(INPUTS)
        for layer in network.layers[1:]:
            if isinstance(layer, WeightNormDense):
                mean, deviation = moments(layer.sums(tf.cast(seen, 'float64')))
                np.testing.assert_allclose(mean, 0.0, atol=1e-6)
                np.testing.assert_allclose(deviation, 1.0, rtol=1e-6)
                checked += 1
            seen = layer(seen, training=True)
    assert checked == 2


def test_in_bfloat16_the_weights_are_exact_and_the_product_is_not():
    layer, weights = dense()
    rough = WeightNormDense(3, dtype='mixed_bfloat16')
    rough.build([None, 6])
    rough.set_weights(layer.get_weights())
    assert {v.dtype for v in rough.variables} == {'float32'}
    found = rough(INPUTS)
    assert found.dtype == tf.bfloat16
    v, g, bias = (tf.constant(w, tf.float32) for w in weights)
    x, w, b = (tf.cast(a, tf.bfloat16) for a in (INPUTS, g * tf.math.l2_normalize(v, 0), bias))
    np.testing.assert_array_equal(*(tf.cast(a, 'float32') for a in (found, x @ w + b)))
    rough.initialise(INPUTS)
    mean, deviation = moments(tf.cast(rough(INPUTS), 'float64'))
    np.testing.assert_allclose(mean, 0.0, atol=0.01)
    np.testing.assert_allclose(deviation, 1.0, rtol=0.01)


def test_noise_depends_on_the_seed_the_call_and_the_row():
    layer, inputs = GaussianNoise(0.3), tf.fill([200, 50], 2.0)

    def noise(rows, step):
        with layers_draw_from(tf.constant([0, step])):
            return [layer(inputs[:rows], training=True).numpy() - 2.0 for _ in range(2)]

    (first, second), (again, _), (other, _) = noise(200, 1), noise(8, 1), noise(200, 2)
    np.testing.assert_array_equal(first[:8], again)
    assert (first != second).any() and (first != other).any()
    assert first.mean() == pytest.approx(0.0, abs=0.01)
    assert first.std() == pytest.approx(0.3, rel=0.02)
    np.testing.assert_array_equal(layer(inputs), inputs)


def test_noise_is_the_same_numbers_in_every_precision():
    def noise(dtype):
        with layers_draw_from(SEED):
            drawn = GaussianNoise(0.5, dtype=dtype)(tf.zeros([20, 5]), training=True)
        return tf.cast(drawn, 'float64')

    np.testing.assert_allclose(noise('float64'), noise('float32'), rtol=1e-6)
    np.testing.assert_allclose(noise('bfloat16'), noise('float32'), rtol=0.02)


@pytest.mark.parametrize(
    ('kind', 'options'),
    [
        (GaussianNoise, {'stddev': 0.3}),
        (WeightNormDense, {'units': 4, 'activation': 'relu', 'train_scale': True}),
    ],
)
def test_a_layer_is_made_again_from_its_configuration(kind, options):
    copy = kind.from_config(kind(**options).get_config())
    config = copy.get_config()
    assert config | options == config
    assert copy.dtype_policy.name == 'float32' and config['name'] == copy.name
