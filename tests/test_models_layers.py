"""The shared layers: as matrix products they are what Keras' own layers are."""

import contextlib
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.shared import layers

# side, kernel size, stride: even and odd, with and without pixels to spare
SIZES = [(28, 3, 2), (14, 5, 2), (7, 3, 2), (8, 3, 1), (7, 5, 3), (9, 2, 2), (8, 4, 2), (5, 1, 1)]
KINDS = ('Conv2D', 'Conv2DTranspose')


def layer_of(kind, size, stride):
    """A layer of the module and Keras' own, in float64, of the same weights."""
    options = {'padding': 'same', 'bias_initializer': 'normal', 'activation': 'tanh'}
    options |= {'strides': stride, 'dtype': 'float64'}
    ours = getattr(layers, kind)(4, size, **options)
    theirs = getattr(keras.layers, kind)(4, size, **options)
    for layer in ours, theirs:
        layer.build([None, None, None, 3])
    theirs.set_weights(ours.get_weights())
    return ours, theirs


def images_of(side):
    return tf.constant(np.random.default_rng(side).normal(size=(2, side, side + 1, 3)))


def value_and_gradients(layer, images):
    with tf.GradientTape() as tape:
        tape.watch(images)
        result = layer(images)
        total = tf.reduce_sum(tf.sin(result))
    return [result, *tape.gradient(total, [images, *(v.value for v in layer.variables)])]


@pytest.mark.parametrize(('kind', 'size'), list(itertools.product(KINDS, SIZES)))
def test_products_are_what_keras_computes(kind, size):
    side, *rest = size
    ours, theirs = layer_of(kind, *rest)
    expected = value_and_gradients(theirs, images_of(side))
    with layers.products():
        found = value_and_gradients(ours, images_of(side))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize('kind', KINDS)
def test_products_are_traced_only_where_they_are_wanted(kind):
    ours, _ = layer_of(kind, 3, 2)

    def convolutions(wanted):
        with contextlib.nullcontext() if wanted is None else layers.products(wanted):
            graph = tf.function(ours).get_concrete_function(images_of(8)).graph
        return [op.type for op in graph.get_operations() if op.type.startswith('Conv2D')]

    assert convolutions(None) and convolutions(False)
    assert not convolutions(True)
    assert convolutions(None)
    with pytest.raises(ZeroDivisionError), layers.products():
        raise ZeroDivisionError
    assert convolutions(None)


@pytest.mark.parametrize('stride', [1, 2, 3])
def test_a_transposed_convolution_is_the_adjoint_of_a_convolution(stride):
    """<convolve(a), b> = <a, spread(b)> for all a and b, with one kernel."""
    rng = np.random.default_rng(stride)
    side = 6 * stride
    kernel = rng.normal(size=(3, 3, 2, 5))
    a, b = rng.normal(size=(1, side, side, 2)), rng.normal(size=(1, 6, 6, 5))
    left = np.sum(layers.convolve(tf.constant(a), tf.constant(kernel), stride) * b)
    right = np.sum(a * layers.convolve_transposed(tf.constant(b), tf.constant(kernel), stride))
    assert left == pytest.approx(right, rel=1e-9)


def test_a_convolution_by_hand():
    """Of 1 to 9 in rows, with a kernel of ones and stride 2: sums of the four corners' blocks."""
    images = tf.reshape(tf.range(1.0, 10.0), [1, 3, 3, 1])
    sums = layers.convolve(images, tf.ones([3, 3, 1, 1]), 2)
    assert sums.numpy()[0, ..., 0].tolist() == [[12, 16], [24, 28]]


def test_a_transposed_convolution_by_hand():
    """Two pixels spread over three each, two apart: they meet in the middle; the end is cut."""
    images = tf.constant([1.0, 10.0])[None, None, :, None]
    kernel = tf.constant([[[[1.0]], [[2.0]], [[3.0]]]] * 3)
    row = layers.convolve_transposed(images, kernel, 2).numpy()[0, 0, :, 0]
    assert row.tolist() == [1, 2, 3 + 10, 20]


def test_stock_copies_into_keras_own_layers():
    network = keras.Sequential(
        [keras.Input([8, 8, 1]), layers.Conv2D(2, 3, strides=2, padding='same')]
    )
    whole = keras.Sequential([network, layers.Conv2DTranspose(1, 3, strides=2, padding='same')])
    copy, images = layers.stock(whole), tf.ones([1, 8, 8, 1])
    np.testing.assert_allclose(copy(images), whole(images), rtol=1e-6)
    parts = [part for part in copy._flatten_layers() if not isinstance(part, keras.Model)]
    assert {type(part) for part in parts} >= {keras.layers.Conv2D, keras.layers.Conv2DTranspose}
    assert not any(isinstance(p, (layers.Conv2D, layers.Conv2DTranspose)) for p in parts)
