"""Normalisations that Keras does not have."""

import keras
import tensorflow as tf
from keras import layers

from models.shared.layers import exact


class VirtualBatchNorm(layers.Layer):
    """Batch norm by a reference batch and the example itself, without scale.

    Salimans et al. 2016 (arXiv:1606.03498), section 3.5, weighted as in the authors' code. The mean
    and the mean square of a feature are those of the reference batch, with weight R / (R + 1), and
    of the example, with weight 1 / (R + 1). So what becomes of an example does not depend on the
    other examples. The reference batch is normalised by its own mean and mean square. The authors'
    code has a scale for each feature too; behind these layers come weights that can take its part.

    Args:
      count: R. The first R examples are the reference batch; `Referenced` puts them there.
    """

    epsilon = 1e-3  # as in Keras' batch norm

    def __init__(self, count, **options):
        super().__init__(dtype=exact(), **options)
        self.count = count

    def build(self, shape):
        """Makes a shift for each feature."""
        self.beta = self.add_weight([shape[-1]], 'zeros', name='beta')

    def call(self, inputs):
        """(R + N, ..., F) -> the same shape."""
        mean, square = self.blended(inputs), self.blended(tf.square(inputs))
        variance = tf.maximum(square - tf.square(mean), 0.0)  # below 0 by rounding alone
        return (inputs - mean) * tf.math.rsqrt(variance + self.epsilon) + self.beta

    def blended(self, values):
        """The mean of `values` (R + N, ..., F) for each example: (R + N, 1, ..., F)."""
        inner = list(range(1, len(values.shape) - 1))
        own = tf.reduce_mean(values, inner, keepdims=True)
        reference = tf.reduce_mean(own[: self.count], 0, keepdims=True)
        examples = (self.count * reference + own[self.count :]) / (self.count + 1.0)
        return tf.concat([tf.repeat(reference, self.count, axis=0), examples], axis=0)


class Referenced(keras.Model):
    """A network that a fixed reference batch passes with every batch, for `VirtualBatchNorm`.

    The reference batch passes with the network's present weights, so it does so at every step and
    at every drawing.

    Args:
      network: (R + N, ...) -> (R + N, ...), with its variables.
      reference: (R, ...), the reference batch, which is saved with the weights.
    """

    def __init__(self, network, reference):
        super().__init__(name=network.name)
        self.network = network
        self.reference = keras.Variable(reference, dtype=exact(), trainable=False, name='reference')
        self.built = True

    def call(self, inputs, training=False):
        """(N, ...) -> (N, ...)."""
        both = tf.concat([self.reference, inputs], axis=0)
        return self.network(both, training=training)[self.reference.shape[0] :]
