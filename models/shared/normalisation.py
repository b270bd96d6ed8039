"""A normalisation that Keras does not have: virtual batch norm."""

import tensorflow as tf
from keras import layers

from models.shared.layers import exact
from models.shared.noise import normal, uniform

EPSILON = 1e-5


class Reference(layers.Layer):
    """Puts a fixed batch of noise before the examples, for `VirtualBatchNorm` to compare with.

    Args:
      count: R, examples of the reference batch.
      seed: of its noise.
      distribution: 'uniform' in [-1, 1], or 'normal' with its variance.
    """

    def __init__(self, count, seed=0, distribution='uniform', **options):
        super().__init__(**options)
        self.count, self.seed, self.distribution = count, seed, distribution

    def call(self, noise):
        """(N, D) -> (R + N, D)."""
        shape, seed = [self.count, noise.shape[1]], [self.seed, -1000]
        if self.distribution == 'normal':
            fixed = normal(shape, seed, noise.dtype) / tf.sqrt(tf.constant(3.0, noise.dtype))
        else:
            fixed = uniform(shape, seed, -1.0, 1.0, noise.dtype)
        return tf.concat([fixed, noise], axis=0)

    def compute_output_shape(self, shape):
        """The same features, more examples."""
        return shape


class WithoutReference(layers.Layer):
    """Takes the reference batch away again.

    Args:
      count: R, its examples.
    """

    def __init__(self, count, **options):
        super().__init__(**options)
        self.count = count

    def call(self, inputs):
        """(R + N, ...) -> (N, ...)."""
        return inputs[self.count :]


class VirtualBatchNorm(layers.Layer):
    """Batch norm by a fixed reference batch and the example itself.

    Salimans et al. 2016 (arXiv:1606.03498), section 3.5. An example's mean and mean square of each
    feature are averages of the reference batch's, with weight R / (R + 1), and its own, with
    1 / (R + 1); so what becomes of it does not depend on the other examples. The reference batch
    itself is normalised by its own. It passes the network with its present weights at every step.

    Args:
      count: R, the first examples, which are the reference batch.
    """

    def __init__(self, count, **options):
        super().__init__(**options)
        self.count = count

    def build(self, shape):
        """Makes scale and shift, one a feature."""
        kind = {'shape': [shape[-1]], 'dtype': exact()}
        self.gamma = self.add_weight(initializer='ones', name='gamma', **kind)
        self.beta = self.add_weight(initializer='zeros', name='beta', **kind)

    def call(self, inputs):
        """(R + N, ..., F) -> the same shape."""
        inner = [*range(1, len(inputs.shape) - 1)]
        means = [tf.reduce_mean(x, inner, keepdims=True) for x in (inputs, tf.square(inputs))]
        mean, square = (self.blended(x) for x in means)
        scale = tf.math.rsqrt(square - tf.square(mean) + EPSILON)
        gamma, beta = (tf.cast(x, inputs.dtype) for x in (self.gamma, self.beta))
        return (inputs - mean) * scale * gamma + beta

    def blended(self, own):
        """Averages (R + N, ..., F) of each example as the class says."""
        fixed = tf.reduce_mean(own[: self.count], 0, keepdims=True)
        examples = (self.count * fixed + own[self.count :]) / (self.count + 1.0)
        return tf.concat([tf.repeat(fixed, self.count, axis=0), examples], axis=0)
