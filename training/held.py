"""What a compiled call holds of the data: all of them, or what the steps of a window see.

The images are variables, because only of variables are single bytes gathered on a GPU.
"""

import numpy as np
import tensorflow as tf

READ = 256  # images read at once


class Resident:
    """Data that stay in the device's memory as a whole.

    Attributes:
      images, labels: variables (N, H, W, C) uint8 and (N,) int64.
    """

    def __init__(self, images, labels, steps):
        """Of arrays, for windows of so many steps."""
        self.steps = steps
        self.images = variable(tf.constant(images, tf.uint8))
        self.labels = variable(tf.constant(labels, tf.int64))

    def read(self, order):
        """What `hold` takes, for the examples at `order` (at most `steps`, batch)."""
        padding = np.zeros((self.steps - len(order), order.shape[1]), order.dtype)
        return tf.constant(np.concatenate([order, padding]))

    def hold(self, rows):
        """Returns the rows (steps, batch) at which the examples are held."""
        return rows


class Streamed:
    """Data on disk, of which the examples of a window are held.

    Attributes:
      images, labels: variables (steps batch, H, W, C) uint8 and (steps batch,) int64.
    """

    def __init__(self, images, labels, steps, batch_size):
        """Of arrays, for windows of so many steps."""
        self.source, count = (images, labels), steps * batch_size
        self.rows = tf.reshape(tf.range(count, dtype=tf.int64), [steps, batch_size])
        self.images = variable(tf.zeros([count, *images.shape[1:]], tf.uint8))
        self.labels = variable(tf.zeros([count], tf.int64))

    def read(self, order):
        """What `hold` takes, for the examples at `order` (at most steps, batch)."""
        rows, (images, labels) = order.ravel(), self.source
        return gathered(images, rows, self.images), gathered(labels, rows, self.labels)

    def hold(self, examples):
        """Returns the rows (steps, batch) at which the examples are held."""
        images, labels = examples
        self.images.assign(images)
        self.labels.assign(labels)
        return self.rows


def variable(values):
    """A variable that no one trains."""
    return tf.Variable(values, trainable=False)


def gathered(source, rows, held):
    """The examples at `rows` of an array, as a tensor of the shape and type of `held`.

    They are read in the order in which they lie on disk.
    """
    found, places = np.zeros(held.shape, held.dtype.as_numpy_dtype), np.argsort(rows)
    for start in range(0, len(rows), READ):
        part = places[start : start + READ]
        found[part] = source[rows[part]]
    return tf.constant(found)
