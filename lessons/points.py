"""What the lessons on points share: a small network, steps down a loss, a printed table."""

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


def tell(heads, rows):
    """Prints a table of words and numbers under its heads; numbers to four digits."""
    lines = [[word if isinstance(word, str) else f'{word:.4g}' for word in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(heads, *lines, strict=True)]
    for line in [heads, *lines]:
        print('  '.join(word.rjust(width) for word, width in zip(line, widths, strict=True)))
