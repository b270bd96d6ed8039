"""The shared Adam against Keras and against a step worked by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.shared.optimizers import Adam

SHAPES = [(), (3,), (2, 3, 4)]
OPTIONS = [{}, {'beta_1': 0.5, 'beta_2': 0.9, 'epsilon': 1e-3}]


def variables():
    rng = np.random.default_rng(1)
    return [keras.Variable(rng.normal(size=shape).astype(np.float32)) for shape in SHAPES]


def gradients(step):
    """Of every size, zero included."""
    rng = np.random.default_rng([2, step])
    found = [(rng.normal(size=s) * 10.0 ** rng.integers(-6, 3)) for s in SHAPES]
    found[1][0] = 0.0
    return [tf.constant(gradient, tf.float32) for gradient in found]


def after(optimizer, steps, xla=None):
    """Variables, then the optimizer's state, after so many steps."""
    owned = variables()
    optimizer.build(owned)
    apply = lambda *g: optimizer.apply(g, owned)  # noqa: E731
    apply = apply if xla is None else tf.function(apply, jit_compile=xla)
    for step in range(steps):
        apply(*gradients(step))
    return [v.numpy() for v in [*owned, *optimizer.variables]]


@pytest.mark.parametrize('xla', [None, False, True], ids=['eager', 'graph', 'xla'])
@pytest.mark.parametrize('options', OPTIONS, ids=['default', 'own'])
def test_it_is_keras_adam(xla, options):
    ours, keras_adam = Adam(1e-2, **options), keras.optimizers.Adam(1e-2, **options)
    for found, expected in zip(after(ours, 6, xla), after(keras_adam, 6), strict=True):
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-7)


def test_the_first_step_by_hand():
    # m = 0.1 g and v = 0.001 g^2, unbiased g and g^2: the step is the rate, against g.
    variable = keras.Variable([1.0, 1.0, 1.0])
    optimizer = Adam(0.25)
    optimizer.apply([tf.constant([2.0, -0.5, 0.0])], [variable])
    np.testing.assert_allclose(variable.numpy(), [0.75, 1.25, 1.0], rtol=1e-5)
    np.testing.assert_allclose(optimizer._momentums[0].numpy(), [0.2, -0.05, 0.0], rtol=1e-6)
    np.testing.assert_allclose(optimizer._velocities[0].numpy(), [0.004, 0.00025, 0.0], rtol=1e-4)


def test_the_second_step_by_hand():
    # g = 2, then -1. m = 0.18 - 0.1 = 0.08, v = 0.001 (0.999 * 4 + 1) = 0.004996;
    # unbiased 0.08 / 0.19 and 0.004996 / 0.001999: the step is 0.42105263 / 1.58088975.
    variable = keras.Variable(0.0)
    optimizer = Adam(1.0)
    optimizer.apply([tf.constant(2.0)], [variable])
    optimizer.apply([tf.constant(-1.0)], [variable])
    np.testing.assert_allclose(variable.numpy(), -1.0 - 0.26633903, rtol=1e-5)


def test_gradients_that_come_as_rows_are_summed():
    """The gradient of a look-up names rows, some of them twice."""
    tables = [keras.Variable(np.ones((4, 2), np.float32)) for _ in range(2)]
    ours, keras_adam = Adam(0.1), keras.optimizers.Adam(0.1)
    for _ in range(3):
        rows = [gradient_of_a_look_up(table) for table in tables]
        ours.apply([rows[0]], [tables[0]])
        keras_adam.apply([tf.convert_to_tensor(rows[1])], [tables[1]])
    np.testing.assert_allclose(tables[0].numpy(), tables[1].numpy(), rtol=1e-5)


def gradient_of_a_look_up(table):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.gather(table.value, [1, 3, 1]) ** 2)
    rows = tape.gradient(loss, table.value)
    assert isinstance(rows, tf.IndexedSlices)
    return rows
