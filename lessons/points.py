"""What the lessons on points share: a small network, and steps down a loss."""

import keras
import tensorflow as tf
from keras import layers


def small_network(dimensions, units=32):
    """Two tanh layers and a logit, on points (N, dimensions)."""
    hidden = [layers.Dense(units, activation='tanh') for _ in range(2)]
    return keras.Sequential([keras.Input([dimensions]), *hidden, layers.Dense(1)])


def descent(loss, variables, optimizer):
    """A compiled function of (first, count): `count` steps down `loss(step)`, from step `first`."""
    optimizer.build(variables)

    @tf.function
    def descend(first, count):
        for step in tf.range(first, first + count):
            with tf.GradientTape() as tape:
                value = loss(step)
            optimizer.apply(tape.gradient(value, [v.value for v in variables]), variables)

    return lambda first, count: descend(tf.constant(first), tf.constant(count))
