"""The first generative adversarial network, of dense layers.

Goodfellow et al. 2014, "Generative Adversarial Networks" (arXiv:1406.2661): algorithm 1 with the
networks of the authors' code for MNIST (github.com/goodfeli/adversarial). Two hidden layers of 1200
ReLU units make an image of noise; two of 240 maxout units with 5 pieces each tell it from data, and
drop-out keeps them from being too sure. The discriminator makes k steps, the generator one, each on
noise of its own.

Weights begin uniform, in [-0.05, 0.05] and [-0.005, 0.005], and both players move by gradient
descent with momentum, as in that code. Two more things of it are not told in the paper. Noise has a
variance of 1; with less the generator soon draws one picture for all noise, or few classes. And the
discriminator minimises half its loss, so it learns at half the rate; that saves half the epochs.
Left out: the falling rate, the momentum's growth from 0.5 to 0.7, the data's mean as the first
picture; and there both players move at once, on the same noise, and see 50,000 images.

It is fragile. Early in training it draws one picture for all noise, and recovers. Later it draws
ones too often: after 6,000 steps on MNIST one seed of three drew seven classes (see
docs/robustness.md).
"""

import math

import keras
import tensorflow as tf
from keras import layers
from keras.initializers import RandomUniform
from keras.optimizers import SGD

from losses import minimax_loss, non_saturating_loss
from models.shared.alternating import AlternatingModel
from models.shared.layers import Dropout, exact

defaults = {'epochs': 50, 'batch_size': 100, 'learning_rate': 0.1, 'train_size': 60000}
options = {
    'generator_loss': {
        'default': 'non_saturating',
        'help': 'log(1 - D(G(z))), the value of the game, or -log D(G(z)), which does not saturate',
        'choices': ('minimax', 'non_saturating'),
    },
}


class Model(AlternatingModel):
    """Generator and discriminator in turn, on pixels in [0, 1]."""

    def networks(self):
        """Dense layers; `--width` multiplies their units."""
        width = self.settings.width
        return (
            generator(self.image_shape, self.settings.latent_dim, round(1200 * width)),
            discriminator(self.image_shape, round(240 * width)),
        )

    def game(self, true_logit, fake_logit):
        """The losses of section 3."""
        minimax = self.settings.generator_loss == 'minimax'
        return (minimax_loss if minimax else non_saturating_loss)(true_logit, fake_logit)

    def optimizers(self):
        """Gradient descent with momentum for both players."""
        rate = self.settings.learning_rate
        rates = {'discriminator': rate / 2, 'generator': rate}
        return {player: SGD(rate, momentum=0.5) for player, rate in rates.items()}


def generator(image_shape, latent_dim, units):
    """Two ReLU layers, sigmoid pixels."""
    stack = [
        keras.Input([latent_dim]),
        layers.Rescaling(math.sqrt(3.0)),  # uniform in [-1, 1], the noise has a variance of 1/3
        dense(units, 0.05, activation='relu'),
        dense(units, 0.05, activation='relu'),
        dense(math.prod(image_shape), 0.05, activation='sigmoid', dtype=exact()),
        layers.Reshape(image_shape, dtype=exact()),
    ]
    return keras.Sequential(stack, name='generator')


def discriminator(image_shape, units):
    """Two maxout layers, each after drop-out, and a logit."""
    stack = [
        keras.Input(image_shape),
        layers.Flatten(),
        Dropout(0.2),
        *maxout(units),
        Dropout(0.5),
        *maxout(units),
        Dropout(0.5),
        dense(1, 0.005, dtype=exact()),
    ]
    return keras.Sequential(stack, name='discriminator')


def maxout(units, pieces=5):
    """Units that give the largest of several affine functions (Goodfellow et al. 2013)."""
    return [dense(units * pieces, 0.005), layers.Reshape([units, pieces]), Largest()]


def dense(units, largest, **options):
    """A dense layer whose weights begin uniform in [-largest, largest]."""
    return layers.Dense(units, kernel_initializer=RandomUniform(-largest, largest), **options)


class Largest(layers.Layer):
    """The largest of the numbers on the last axis."""

    def call(self, inputs):
        """(N, U, P) -> (N, U)."""
        return tf.reduce_max(inputs, axis=-1)
