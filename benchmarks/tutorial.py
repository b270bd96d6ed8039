"""The contestant in the style of TensorFlow's tutorials: a Python loop over a tf.function."""

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
        self.images = len(data.train_images) // size * size

    def epoch(self):
        """Trains for one epoch; returns the images seen."""
        for images in self.batches:
            self.step(images)
        return self.images
