"""Minibatch discrimination: lets a discriminator see how alike the examples of a batch are."""

import tensorflow as tf
from keras import initializers, layers


class MinibatchDiscrimination(layers.Layer):
    """Appends to each example's features how near the other examples' features are.

    Salimans et al. 2016 (arXiv:1606.03498), section 3.2. A tensor T takes the features f_i (A,) of
    example i to a matrix M_i (B, C). With c_b(i, j) = exp(-|M_ib - M_jb|_1),

        o_ib = sum over j of c_b(i, j)

    goes behind f_i. The paper's sum has j = i in it, which adds 1; the authors' code leaves the
    example itself out, and so does this. A generator that draws one image makes all o as large as
    they can be, which the discriminator sees at once.

    Args:
      kernels: B, numbers that are appended.
      size: C, numbers that a distance is taken over.
    """

    def __init__(self, kernels=50, size=5, **options):
        super().__init__(**options)
        self.kernels, self.size = kernels, size

    def build(self, shape):
        """Makes T."""
        normal = initializers.RandomNormal(stddev=0.05)
        self.projection = self.add_weight([shape[-1], self.kernels * self.size], normal, name='T')

    def call(self, features):
        """(N, A) -> (N, A + B)."""
        matrices = tf.reshape(features @ self.projection, [-1, self.kernels, self.size])
        apart = tf.reduce_sum(tf.abs(matrices[:, None] - matrices[None]), axis=3)
        others = 1.0 - tf.eye(tf.shape(features)[0], dtype=features.dtype)
        return tf.concat([features, tf.einsum('ij,ijb->ib', others, tf.exp(-apart))], axis=1)

    def get_config(self):
        """The configuration, as Keras wants it."""
        return super().get_config() | {'kernels': self.kernels, 'size': self.size}
