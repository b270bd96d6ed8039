"""Labels as networks take them: a one-hot vector beside noise or codes, maps beside pixels."""

import tensorflow as tf

from models.shared.adversarial import AdversarialModel
from models.shared.noise import LATENTS_STEP, apart, uniform


def beside(vectors, labels, classes):
    """Vectors (N, D) with the one-hot vector of each one's label (N,) behind: (N, D + classes)."""
    return tf.concat([vectors, tf.one_hot(labels, classes, dtype=vectors.dtype)], axis=1)


def maps_beside(images, labels, classes):
    """Images (N, H, W, C) and a map a class, 1 for each one's label: (N, H, W, C + classes)."""
    vectors = tf.one_hot(labels, classes, dtype=images.dtype)
    maps = tf.ones_like(images[..., :1]) * vectors[:, None, None, :]
    return tf.concat([images, maps], axis=3)


def given_or_drawn(given, count, seed, classes):
    """Labels (count,): those that are given, else drawn by `seed`, each class as likely."""
    if given is not None:
        return tf.cast(given, tf.int32)
    seed = apart([seed, LATENTS_STEP], 2)  # kind 1 is the seed of the latents itself
    return tf.cast(uniform([count], seed, 0.0, float(classes)), tf.int32)


class LabelsIfAsked:
    """For a model with an option `condition`: labels where it is 'label', a class a column."""

    @property
    def given(self):
        """Labels, if it gets them."""
        return 'labels' if self.settings.condition == 'label' else None

    @property
    def columns(self):
        """A class each, if it gets labels."""
        return 10 if self.given else None


class ConditionalModel(AdversarialModel):
    """An adversarial model whose generator gets a label with its noise.

    Where a subclass declares `given` as None, the generator gets noise alone.
    """

    given = 'labels'
    columns = 10

    def noise_for(self, batch, seed):
        """Noise with the labels of the batch: (N, D + classes)."""
        return self.labelled(super().noise_for(batch, seed), batch.labels)

    def latents(self, count, seed, given=None):
        """Noise as in training with the labels `given` (count,), or with labels drawn by `seed`."""
        labels = given_or_drawn(given, count, seed, self.classes)
        return self.labelled(super().latents(count, seed), labels)

    def labelled(self, noise, labels):
        """The noise, with its labels if the generator gets any."""
        return beside(noise, labels, self.classes) if self.given else noise
