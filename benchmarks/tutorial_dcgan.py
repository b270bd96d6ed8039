"""The DCGAN of the TensorFlow tutorial, made of the project's own parts; only for the benchmark.

Radford et al. 2016, "Unsupervised Representation Learning with Deep Convolutional Generative
Adversarial Networks" (arXiv:1511.06434), with the layers, losses and rates of
https://www.tensorflow.org/tutorials/generative/dcgan; both players move at once.
"""

import keras
from keras import layers

from losses import GAN_loss_without_labels
from models.shared.base import GenerativeModel
from models.shared.layers import Conv2D, Conv2DTranspose, Dropout, exact, stock
from models.shared.noise import LATENTS_STEP, normal
from models.shared.optimizers import Adam

NOISE = 100  # numbers in a code
RATE = 1e-4


class Model(GenerativeModel):
    """Generator and discriminator; noise z from N(0, I), pixels in [-1, 1]."""

    players = {'discriminator': 1, 'generator': 1}
    value_range = (-1.0, 1.0)

    def __init__(self, image_shape, classes, settings):
        super().__init__(image_shape, classes, settings)
        self.generator = generator(self.image_shape)
        self.discriminator = discriminator(self.image_shape)

    def optimizers(self):
        """Adam at the tutorial's rate for both players."""
        return {player: Adam(RATE) for player in self.players}

    def objectives(self, batch, seed):
        """The losses of both players."""
        fake = self.generator(normal([len(batch.images), NOISE], seed), training=True)
        true_logit = self.discriminator(batch.images, training=True)
        fake_logit = self.discriminator(fake, training=True)
        d_loss, g_loss = GAN_loss_without_labels(true_logit, fake_logit)
        return {'discriminator': d_loss, 'generator': g_loss}, {}

    def latents(self, count, seed, given=None):
        """Noise (count, 100) from N(0, I)."""
        return normal([count, NOISE], [seed, LATENTS_STEP])

    def sample(self, latents):
        """The generator's images, by its moving batch statistics."""
        return self.generator(latents, training=False)

    def export(self):
        """The generator: noise -> images in `value_range`."""
        return stock(self.generator)


def generator(image_shape):
    """A dense layer to maps of a quarter of the side, then three transposed convolutions."""
    size = image_shape[0] // 4
    return keras.Sequential(
        [
            keras.Input([NOISE]),
            layers.Dense(size * size * 256, use_bias=False),
            *normalized(),
            layers.Reshape([size, size, 256]),
            Conv2DTranspose(128, 5, strides=1, padding='same', use_bias=False),
            *normalized(),
            Conv2DTranspose(64, 5, strides=2, padding='same', use_bias=False),
            *normalized(),
            image_layer(image_shape[2]),
        ],
        name='generator',
    )


def normalized():
    """Batch norm, leaky ReLU."""
    return [layers.BatchNormalization(), layers.LeakyReLU(0.3)]


def image_layer(channels):
    """A transposed convolution to images, in float32."""
    kind = {'strides': 2, 'padding': 'same', 'use_bias': False}
    return Conv2DTranspose(channels, 5, activation='tanh', dtype=exact(), **kind)


def discriminator(image_shape):
    """Two convolutions with dropout, and a logit."""
    return keras.Sequential(
        [
            keras.Input(image_shape),
            *down(64),
            *down(128),
            layers.Flatten(),
            layers.Dense(1, dtype=exact()),
        ],
        name='discriminator',
    )


def down(filters):
    """Convolution to half the size, leaky ReLU, dropout."""
    convolution = Conv2D(filters, 5, strides=2, padding='same')
    return [convolution, layers.LeakyReLU(0.3), Dropout(0.3)]
