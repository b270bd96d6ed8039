"""Which examples a step sees: the run's own data, and further streams beside them."""

import functools

import numpy as np
import tensorflow as tf

import datasets
from models.shared.base import Batch
from models.shared.pixels import from_uint8
from training.devices import resident


class Feed:
    """The data of a run by steps. The order in an epoch depends on the seed and the epoch only.

    The run's own data come first and define the epoch; an incomplete last batch is dropped. A
    further stream starts again when it ends, in a new order each time.

    Attributes:
      steps_per_epoch: full batches in the run's own data.
      orders: epoch -> tensors (steps, batch), the indices of every stream, the run's own first.
    """

    def __init__(self, images, labels, streams, batch_size, seed):
        """Moves what the steps need to the device.

        Args:
          images: (N, H, W, C) uint8; labels: (N,) integers.
          streams: {name: `models.shared.base.Stream`}.
          batch_size: examples per step from each stream, at most N.
          seed: of all orders.
        """
        self.batch_size, self.seed = batch_size, seed
        self.names = list(streams)
        own = [(images, labels), *((s.images, s.labels) for s in streams.values())]
        self.sizes = [len(images) for images, _ in own]
        self.data = [(resident(images), tf.constant(labels, tf.int64)) for images, labels in own]
        self.steps_per_epoch = self.sizes[0] // batch_size
        self.orders = functools.lru_cache(maxsize=1)(self._orders)  # many calls make an epoch

    def order(self, epoch):
        """Indices of the run's own images in an epoch, one row per step: (steps, batch)."""
        order = np.random.default_rng([self.seed, epoch]).permutation(self.sizes[0])
        return order[: self.steps_per_epoch * self.batch_size].reshape(-1, self.batch_size)

    def first(self, count, value_range, dtype):
        """The run's own images that its first steps see: `count`, or all of an epoch if fewer."""
        images, _ = gather(self.data[0], self.order(0).ravel()[:count])
        return from_uint8(images, value_range, dtype)

    def _orders(self, epoch):
        """The indices of every stream in an epoch as tensors, the run's own data first."""
        further = (self.wrapped(stream, epoch) for stream in range(1, len(self.sizes)))
        return [tf.constant(order) for order in (self.order(epoch), *further)]

    def wrapped(self, stream, epoch):
        """Indices of the examples of a further stream in an epoch: (steps, batch)."""
        size, count = self.sizes[stream], self.steps_per_epoch * self.batch_size
        first, start = divmod(epoch * count, size)
        rounds = (self.round(stream, first + i) for i in range(-(-(start + count) // size)))
        return np.concatenate([*rounds])[start : start + count].reshape(-1, self.batch_size)

    def round(self, stream, number):
        """The permutation in which a further stream is seen for the `number`-th time, from 0.

        The stream is a spawn key, because NumPy ignores zeros at the end of a seed.
        """
        seed = np.random.SeedSequence([self.seed, number], spawn_key=(stream,))
        return np.random.default_rng(seed).permutation(self.sizes[stream])

    def batch(self, rows, step, value_range, dtype):
        """The `Batch` of a step: the examples at rows (batch,) of every stream."""
        first, *more = (
            Batch(from_uint8(images, value_range, dtype), labels, step)
            for images, labels in map(gather, self.data, rows)
        )
        return first._replace(more=dict(zip(self.names, more, strict=True)))


def gather(data, rows):
    """Images and labels of some rows, gathered on the device that holds the images."""
    images, labels = data
    with tf.device(images.device):
        return tf.gather(images, rows), tf.gather(labels, rows)


def fingerprint(streams):
    """The SHA-256 of streams and their names, or None without streams."""
    if not streams:
        return None
    named = [(name, array) for name, s in streams.items() for array in s if array is not None]
    names = np.frombuffer(' '.join(name for name, _ in named).encode(), np.uint8)
    return datasets.fingerprint_of([names, *(np.asarray(array) for _, array in named)])
