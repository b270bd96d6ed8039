"""The contestant in the style of Keras: a model with its own train_step, trained by `fit`."""

import keras

from benchmarks.updates import batches, update_of
from models.shared.build import build


class Fitted(keras.Model):
    """Wraps a model for `fit`."""

    def __init__(self, model):
        super().__init__()
        self.model, self.update = model, update_of(model)
        self.built = True  # its networks know their input shapes

    def train_step(self, images):
        """One update; returns what `fit` logs."""
        return {'loss': self.update.step(images)}


class Trainer:
    """Trains in float32 by `fit`, compiled with its default options."""

    def __init__(self, settings, data, _):
        self.model = build(data.train_images.shape[1:], len(data.class_names), settings)
        self.fitted = Fitted(self.model)
        self.fitted.compile()
        size = settings.batch_size
        self.batches = batches(data.train_images, self.model.value_range, size)
        self.images = len(data.train_images) // size * size

    def epoch(self):
        """Trains for one epoch; returns the images seen."""
        self.fitted.fit(self.batches, verbose=0)
        return self.images
