"""What the lessons on points share: a small network, and one step down a loss."""

import keras
import tensorflow as tf
from keras import layers


def small_network(dimensions, units=32):
    """Two tanh layers and a logit, on points (N, dimensions)."""
    hidden = [layers.Dense(units, activation='tanh') for _ in range(2)]
    return keras.Sequential([keras.Input([dimensions]), *hidden, layers.Dense(1)])


def descent(loss, variables, optimizer):
    """A compiled function that makes one step down `loss(*tensors)` and returns its value."""
    optimizer.build(variables)

    @tf.function
    def move(*tensors):
        with tf.GradientTape() as tape:
            value = loss(*tensors)
        optimizer.apply(tape.gradient(value, [v.value for v in variables]), variables)
        return value

    return move
