"""The contestant in the style of TensorFlow's tutorials: a Python loop over a tf.function."""

import itertools
import time

import tensorflow as tf

from benchmarks.updates import batches, update_of
from models.shared.build import build


class Trainer:
    """Trains in float32, without XLA."""

    def __init__(self, settings, data, _):
        self.model = build(data.train_images.shape[1:], len(data.class_names), settings)
        self.step = tf.function(update_of(self.model).step)
        size = settings.batch_size
        self.batches = batches(data.train_images, self.model.value_range, size)
        self.size, self.images = size, len(data.train_images) // size * size
        self.endless = itertools.chain.from_iterable(itertools.repeat(self.batches))

    def epoch(self):
        """Trains for one epoch; returns the images seen."""
        for images in self.batches:
            loss = self.step(images)
        loss.numpy()  # until then a GPU may be behind
        return self.images

    def part(self, seconds):
        """Trains for so many seconds, over the ends of epochs; returns the images seen."""
        end, count = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            self.step(next(self.endless)).numpy()
            count += 1
        return count * self.size
