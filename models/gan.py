"""The generative adversarial network of the post.

Goodfellow et al. 2014, "Generative Adversarial Networks" (arXiv:1406.2661); tutorial: Goodfellow
2016 (arXiv:1701.00160). The discriminator learns to tell data from samples, the generator to be
taken for data (the non-saturating loss of section 3). They move in turn, on the same noise.
"""

import keras
from keras import layers

from losses import GAN_loss_without_labels
from models.base import LATENTS_STEP, GenerativeModel, uniform
from optimizers import Adam

defaults = {'epochs': 368, 'learning_rate': 2e-4}
options = {}


class Model(GenerativeModel):
    """Generator and discriminator; noise z uniform in [-1, 1]^D."""

    players = ('discriminator', 'generator')
    alternate = True

    def __init__(self, image_shape, classes, options):
        super().__init__(image_shape, classes, options)
        build = networks_28 if image_shape[0] == 28 else networks_32
        self.generator, self.discriminator = build(self.image_shape, options.latent_dim)
        self.value_range = (0.0, 1.0) if image_shape[0] == 28 else (-1.0, 1.0)

    def optimizers(self):
        """Adam for both players."""
        return {player: Adam(self.options.learning_rate, beta_1=BETA) for player in self.players}

    def objectives(self, batch, seed):
        """The two losses; data and samples pass the discriminator's batch norm apart."""
        noise = uniform([len(batch.images), self.options.latent_dim], seed, -1.0, 1.0)
        fake = self.generator(noise, training=True)
        true_logit = self.discriminator(batch.images, training=True)
        fake_logit = self.discriminator(fake, training=True)
        d_loss, g_loss = GAN_loss_without_labels(true_logit, fake_logit)
        return {'discriminator': d_loss, 'generator': g_loss}, {}

    def latents(self, count, seed, label=None):
        """Noise (count, D), uniform in [-1, 1]."""
        return uniform([count, self.options.latent_dim], [seed, LATENTS_STEP], -1.0, 1.0)

    def sample(self, latents):
        """The generator's images, by its moving batch statistics."""
        return self.generator(latents, training=False)

    def export(self):
        """The generator: noise -> images in `value_range`."""
        return self.generator


def networks_28(image_shape, latent_dim):
    """The post's networks for 28x28: (generator, discriminator)."""
    generator = [
        *dense(7 * 7 * 64),
        *dense(4 * 4 * 64),
        *dense(4 * 4 * 128),
        layers.Reshape([4, 4, 128]),
        *up(64, crop=True),
        *up(32),
        conv(layers.Conv2DTranspose, image_shape[2], 3),
        layers.Activation('sigmoid'),
    ]
    discriminator = [
        *down(32, 5),
        *down(64, 5),
        *down(128, 3, normed=True),
        layers.Flatten(),
        *dense(1024),
        *dense(512),
        linear(1),
    ]
    return network('generator', [latent_dim], generator), network(
        'discriminator', image_shape, discriminator
    )


def networks_32(image_shape, latent_dim):
    """The post's networks for 32x32, and for any multiple of 8: (generator, discriminator)."""
    size = image_shape[0] // 8
    generator = [
        *dense(size * size * 128),
        layers.Reshape([size, size, 128]),
        *up(64),
        *up(32),
        conv(layers.Conv2DTranspose, image_shape[2], 3),
        layers.Activation('tanh'),
    ]
    discriminator = [
        *down(32, 5),
        *down(64, 3),
        *down(128, 3, normed=True),
        layers.Flatten(),
        linear(1),
    ]
    return network('generator', [latent_dim], generator), network(
        'discriminator', image_shape, discriminator
    )


def network(name, shape, stack):
    """A stack of layers as a network."""
    return keras.Sequential([keras.Input(shape), *stack], name=name)


import os

BETA = float(os.environ.get('BETA', 0.9))
STD = float(os.environ.get('STD', 0.2))
MOM = float(os.environ.get('MOM', 0.9))


def weights():
    """Weights from a normal distribution cut at two standard deviations."""
    return keras.initializers.TruncatedNormal(stddev=STD)


def linear(units):
    """A dense layer with the post's weights and biases."""
    bias = keras.initializers.Constant(0.01)
    return layers.Dense(units, kernel_initializer=weights(), bias_initializer=bias)


def conv(kind, filters, size):
    """A convolution of stride 2 of the given kind."""
    return kind(filters, size, strides=2, padding='same', kernel_initializer=weights())


def norm():
    """Batch norm without scale. Momentum 0.9: an epoch may have 20 steps only."""
    return layers.BatchNormalization(scale=False, momentum=MOM)


def dense(units):
    """Dense layer, batch norm, leaky ReLU."""
    return [linear(units), norm(), layers.LeakyReLU(0.2)]


def up(filters, crop=False):
    """Transposed convolution to twice the size, less the first row and column; norm, ReLU."""
    cut = [layers.Cropping2D(((1, 0), (1, 0)))] if crop else []
    return [conv(layers.Conv2DTranspose, filters, 3), *cut, norm(), layers.ReLU()]


def down(filters, size, normed=False):
    """Convolution to half the size, leaky ReLU."""
    return [
        conv(layers.Conv2D, filters, size),
        *([norm()] if normed else []),
        layers.LeakyReLU(0.2),
    ]
