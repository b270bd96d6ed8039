"""Minibatch discrimination: lets a discriminator see how alike the examples of a batch are."""

import tensorflow as tf
from keras import initializers, layers


class MinibatchDiscrimination(layers.Layer):
    """Appends to each example's features how near those of the other examples are.

    Salimans et al. 2016 (arXiv:1606.03498), section 3.2. A tensor T takes the features f_i (A,) of
    example i to a matrix M_i (B, C). With c_b(i, j) = exp(-|M_ib - M_jb|_1) for row b,

        o_ib = mean over all j but i of c_b(i, j)

    is appended to f_i. If a generator draws one image for all noise, every o of its samples is 1,
    and no o of the data is.

    The paper sums over all j, i included. As in the authors' code, i is left out, where
    c_b(i, i) = 1 says nothing. The mean is that of their code for ImageNet; their code for CIFAR-10
    sums and adds a trained bias. The sum of N examples of almost equal features, as networks give
    them at first, is almost N - 1, which would drown the features.

    Args:
      kernels: B, the numbers appended.
      size: C, the numbers that a distance is taken over.
    """

    def __init__(self, kernels=100, size=5, **options):
        super().__init__(**options)
        self.kernels, self.size = kernels, size

    def build(self, shape):
        """Makes T, (A, B C)."""
        normal = initializers.RandomNormal(stddev=0.05)
        self.tensor = self.add_weight([shape[-1], self.kernels * self.size], normal, name='T')

    def call(self, features):
        """(N, A) -> (N, A + B)."""
        matrices = tf.reshape(features @ self.tensor, [-1, self.kernels, self.size])
        distances = tf.reduce_sum(tf.abs(matrices[:, None] - matrices[None]), axis=3)
        nearness = tf.reduce_sum(tf.exp(-distances), axis=1) - 1.0  # of the others, not itself
        others = tf.maximum(tf.shape(features)[0] - 1, 1)
        return tf.concat([features, nearness / tf.cast(others, nearness.dtype)], axis=1)
