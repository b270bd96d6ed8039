"""Weight normalisation, its initialisation by data, and the noise layer that goes with it.

Salimans & Kingma 2016, "Weight Normalization: A Simple Reparameterization to Accelerate Training of
Deep Neural Networks" (arXiv:1602.07868).
"""

import functools

import keras
import tensorflow as tf
from keras import layers
from keras.initializers import RandomNormal

from models.shared.noise import layer_seed, normal


class WeightNormDense(layers.Layer):
    """A dense layer whose weights have a direction and a length of their own.

    The weights of a unit are w = g v / |v| (eq. 2). In mixed precision w is computed exactly, the
    product with the inputs is not.

    Args:
      units: of the layer.
      activation: a function or its Keras name; None for none.
      train_scale: whether g is trained; otherwise it stays as `initialise` leaves it.
    """

    def __init__(self, units, activation=None, train_scale=False, **options):
        super().__init__(**options)
        self.units, self.train_scale = units, train_scale
        self.activation = keras.activations.get(activation)

    def build(self, shape):
        """Makes v, g and a bias: from N(0, 0.1), one and zero."""
        weight = functools.partial(self.add_weight, autocast=False)
        self.v = weight([shape[-1], self.units], RandomNormal(stddev=0.1), name='v')
        self.g = weight([self.units], 'ones', trainable=self.train_scale, name='g')
        self.bias = weight([self.units], 'zeros', name='bias')

    def call(self, inputs):
        """(N, D) -> (N, units)."""
        return self.activation(self.sums(inputs))

    def sums(self, inputs):
        """w x + b of inputs (N, D): (N, units)."""
        weights = self.v * (self.g * tf.math.rsqrt(tf.reduce_sum(tf.square(self.v), axis=0)))
        return inputs @ tf.cast(weights, inputs.dtype) + tf.cast(self.bias, inputs.dtype)

    def initialise(self, inputs):
        """Gives the sums of inputs (N, D) mean 0 and deviation 1 by g and the bias (eq. 6).

        The sums of each unit must differ.
        """
        sums = self.sums(tf.cast(inputs, self.compute_dtype))
        mean, variance = tf.nn.moments(tf.cast(sums, self.variable_dtype), axes=0)
        scale = tf.math.rsqrt(variance)
        self.g.assign(self.g * scale)
        self.bias.assign((self.bias - mean) * scale)

    def get_config(self):
        """The configuration, as Keras wants it."""
        own = {'units': self.units, 'train_scale': self.train_scale}
        own['activation'] = keras.activations.serialize(self.activation)
        return super().get_config() | own


class GaussianNoise(layers.Layer):
    """Keras' GaussianNoise with numbers that follow from the step's seed and the row of the batch.

    Args:
      stddev: of the noise, which is added in training only.
    """

    def __init__(self, stddev, **options):
        super().__init__(**options)
        self.stddev = stddev

    def call(self, inputs, training=False):
        """(N, ...) -> (N, ...)."""
        if not training:
            return inputs
        return inputs + self.stddev * normal(tf.shape(inputs), layer_seed(), inputs.dtype)

    def get_config(self):
        """The configuration, as Keras wants it."""
        return super().get_config() | {'stddev': self.stddev}


def initialise(network, inputs):
    """Initialises the weight-normalised layers of a chain of layers by data (section 3).

    Each layer sees what those before it, already initialised, make of the inputs in training mode.

    Args:
      network: a `keras.Model` whose layers follow one upon the other.
      inputs: a batch of what it takes, (N, ...) with N at least 2.
    """
    _, *chain = network.layers  # the first is the input
    for layer in chain:
        if isinstance(layer, WeightNormDense):
            layer.initialise(inputs)
        inputs = layer(inputs, training=True)
