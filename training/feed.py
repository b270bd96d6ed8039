"""Which examples a step sees: the run's own data, and further streams beside them."""

import functools

import numpy as np
import tensorflow as tf

import datasets
from models.shared.base import Batch
from models.shared.pixels import from_uint8
from training.ahead import Ahead
from training.devices import fits
from training.held import Resident, Streamed

WINDOW = 2**26  # bytes of images that are read from disk at once


class Feed:
    """The data of a run by steps. The order in an epoch depends on the seed and the epoch only.

    The run's own data come first and define the epoch; an incomplete last batch is dropped. A
    further stream starts again when it ends, in a new order each time.

    An epoch has windows of equally many steps, the last one perhaps fewer. Of data that do not fit
    into memory, only what the steps of a window see is held. Data that fit make no windows: then
    the epoch is one. What a step sees does not depend on that.

    Attributes:
      steps_per_epoch: full batches in the run's own data.
      steps: of a window.
      data: `Resident` or `Streamed`, of every stream, the run's own first.
    """

    def __init__(self, images, labels, streams, batch_size, seed):
        """Moves what fits to the device.

        Args:
          images: (N, H, W, C) uint8; labels: (N,) integers.
          streams: {name: `models.shared.base.Stream`}.
          batch_size: examples per step from each stream, at most N.
          seed: of all orders.
        """
        self.batch_size, self.seed, self.images = batch_size, seed, images
        self.names = list(streams)
        own = [(images, labels), *((s.images, s.labels) for s in streams.values())]
        self.sizes = [len(images) for images, _ in own]
        self.steps_per_epoch = self.sizes[0] // batch_size
        large = [images for images, _ in own if not fits(images)]
        self.steps = self.window_steps(large) if large else self.steps_per_epoch
        self.data = [self.held(*arrays) for arrays in own]
        self.orders = functools.lru_cache(maxsize=2)(self._orders)  # many windows make an epoch
        self.read = Ahead(self._read, self.following) if large else self._read
        self.hold = functools.lru_cache(maxsize=1)(self._hold)  # many calls make a window

    def window_steps(self, large):
        """Steps of a window in which `large` images, one array a stream, are read from disk."""
        a_step = sum(self.batch_size * images[:1].nbytes for images in large)
        return min(self.steps_per_epoch, max(1, WINDOW // a_step))

    def held(self, images, labels):
        """What a call holds of a stream."""
        if fits(images):
            return Resident(images, labels, self.steps)
        return Streamed(images, labels, self.steps, self.batch_size)

    def order(self, epoch):
        """Indices of the run's own images in an epoch, one row per step: (steps, batch)."""
        order = np.random.default_rng([self.seed, epoch]).permutation(self.sizes[0])
        return order[: self.steps_per_epoch * self.batch_size].reshape(-1, self.batch_size)

    def first(self, count, value_range, dtype):
        """The run's own images that its first steps see: `count`, or all of an epoch if fewer."""
        images = self.images[self.order(0).ravel()[:count]]
        return from_uint8(images, value_range, dtype)

    def window(self, epoch, step):
        """Holds the window that has this step of the epoch.

        Returns:
          (its first step, the step after its last, of every stream a tensor (steps, batch): the
          rows at which the examples are held).
        """
        number = step // self.steps
        first = number * self.steps
        return first, min(first + self.steps, self.steps_per_epoch), self.hold(epoch, number)

    def following(self, epoch, number):
        """The window after this one, as (epoch, number)."""
        last = (number + 1) * self.steps >= self.steps_per_epoch
        return (epoch + 1, 0) if last else (epoch, number + 1)

    def _hold(self, epoch, number):
        parts = self.read(epoch, number)
        return [data.hold(part) for data, part in zip(self.data, parts, strict=True)]

    def _read(self, epoch, number):
        part = slice(number * self.steps, (number + 1) * self.steps)
        orders = self.orders(epoch)
        return [data.read(order[part]) for data, order in zip(self.data, orders, strict=True)]

    def _orders(self, epoch):
        """The indices (steps, batch) of every stream in an epoch, the run's own data first."""
        further = (self.wrapped(stream, epoch) for stream in range(1, len(self.sizes)))
        return [self.order(epoch), *further]

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
        """The `Batch` of a step: the examples held at rows (batch,) of every stream."""
        first, *more = (
            Batch(from_uint8(images, value_range, dtype), labels, step)
            for images, labels in map(gather, self.data, rows)
        )
        return first._replace(more=dict(zip(self.names, more, strict=True)))


def gather(data, rows):
    """Images and labels of some rows, gathered on the device that holds the images."""
    with tf.device(data.images.device):
        return tf.gather(data.images, rows), tf.gather(data.labels, rows)


def fingerprint(streams):
    """The SHA-256 of streams and their names, or None without streams."""
    if not streams:
        return None
    named = [(name, array) for name, s in streams.items() for array in s if array is not None]
    names = np.frombuffer(' '.join(name for name, _ in named).encode(), np.uint8)
    return datasets.fingerprint_of([names, *(array for _, array in named)])
