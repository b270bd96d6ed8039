"""Which examples a step sees: the run's own data, and further streams beside them."""

import numpy as np
import tensorflow as tf

from models.shared.base import Batch
from models.shared.pixels import from_uint8
from training.devices import resident


class Feed:
    """The data of a run by steps. The order of an epoch is a function of the seed and its number.

    The run's own data come first and define the epoch; what is left of it is dropped. A further
    stream wraps round, in an order of its own each time.

    Attributes:
      steps_per_epoch: steps that the run's own data make.
    """

    def __init__(self, images, labels, streams, batch_size, seed):
        """Takes what the steps need to the device.

        Args:
          images: (N, H, W, C) uint8; labels: (N,) integers.
          streams: {name: `models.shared.base.Stream`}.
          batch_size: examples a step of each stream, N at most.
          seed: of all orders.
        """
        self.batch_size, self.seed = batch_size, seed
        self.names = list(streams)
        own = [(images, labels), *((s.images, s.labels) for s in streams.values())]
        self.sizes = [len(images) for images, _ in own]
        self.data = [(resident(images), tf.constant(labels, tf.int64)) for images, labels in own]
        self.steps_per_epoch = self.sizes[0] // batch_size

    def order(self, epoch):
        """Indices of the epoch's own images, one row a step: (steps, batch)."""
        order = np.random.default_rng([self.seed, epoch]).permutation(self.sizes[0])
        return order[: self.steps_per_epoch * self.batch_size].reshape(-1, self.batch_size)

    def orders(self, epoch):
        """The same of every stream, the run's own first."""
        return [self.order(epoch), *(self.wrapped(i, epoch) for i in range(1, len(self.sizes)))]

    def wrapped(self, stream, epoch):
        """Indices of the examples of a further stream in an epoch: (steps, batch)."""
        size, count = self.sizes[stream], self.steps_per_epoch * self.batch_size
        places = np.arange(epoch * count, (epoch + 1) * count)
        rounds = {n: self.round(stream, n) for n in np.unique(places // size)}
        return np.array([rounds[place // size][place % size] for place in places]).reshape(
            -1, self.batch_size
        )

    def round(self, stream, number):
        """The permutation in which a further stream is seen for the `number`-th time, from 0."""
        return np.random.default_rng([self.seed, stream, number]).permutation(self.sizes[stream])

    def batch(self, rows, step, value_range, dtype):
        """The `Batch` of a step: the examples at rows (batch,) of every stream."""
        first, *more = (
            Batch(from_uint8(images, value_range, dtype), labels, step)
            for images, labels in map(gather, self.data, rows)
        )
        return first._replace(more=dict(zip(self.names, more, strict=True)))


def gather(data, rows):
    """Images and labels of some rows, taken where the images lie."""
    images, labels = data
    with tf.device(images.device):
        return tf.gather(images, rows), tf.gather(labels, rows)
