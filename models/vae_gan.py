"""The VAE/GAN: an autoencoder whose reconstructions are compared by a discriminator's features.

Larsen, Sonderby, Larochelle & Winther 2016, "Autoencoding beyond pixels using a learned similarity
metric" (arXiv:1512.09300), algorithm 1. Pixel by pixel, a digit is far from the same digit moved by
a pixel, and so a VAE blurs. Here three players share the networks of a VAE and a GAN. With z a code
of the image x, x~ its reconstruction, x_p a sample, the image of a z from the prior N(0, I), and F
the features in a hidden layer of the discriminator D, they minimise

    encoder        KL(q(z given x) || N(0, I)) + L,    L = E_q |F(x) - F(x~)|^2 / 2
    decoder        gamma L - log D(x~) - log D(x_p)
    discriminator  -log D(x) - log(1 - D(x~)) - log(1 - D(x_p))

L is the negative logarithm of N(F(x); F(x~), I), less a constant: a likelihood of features, so that
nothing here bounds one of pixels. All move at once, each by the gradient of its own loss alone: the
encoder learns nothing from the verdicts, the discriminator nothing from L.

The encoder is that of `vae`, decoder and discriminator are those of `gan`, and so are the
optimizers, without its noise on images; codes have the paper's 128 numbers. The paper has larger
networks for larger images, batch norm in the encoder, and RMSProp with one rate of 3e-4 for all;
with one rate for both players `gan` fails (docs/robustness.md). Other differences:

- F is the last convolution of the discriminator, divided by its deviation in each map. In the
  authors' code (github.com/andersbll/autoencoding_beyond_pixels) it is the convolution itself. Here
  that is a hundredth at first, and beside the Gaussian's unit variance nothing: then the codes tell
  nothing about the image.
- Reconstructions and samples together weigh as much in the verdicts as the data, as in that code.
  In the paper each of the two does.
- -log D in the decoder's loss takes the place of log(1 - D), as in `gan`.
- In that code the decoder or the discriminator waits while it is ahead, and the discriminator sees
  no reconstructions in the settings for faces. The paper finds that to see them helps.
- Reconstructions are of mean codes. In that code they are of drawn ones.
"""

import keras
import tensorflow as tf
from keras import layers

from losses import (
    feature_reconstruction_error,
    kl_from_standard_normal,
    non_saturating_loss,
    reconstruction_error,
)
from models import gan, vae
from models.shared.base import GenerativeModel
from models.shared.layers import Conv2D, exact, stock
from models.shared.noise import LATENTS_STEP, apart, normal

defaults = {'epochs': 40, 'learning_rate': 2e-4, 'latent_dim': 128}
options = {
    'gamma': {
        'default': 1e-3,
        'help': "weight of the reconstruction in the decoder's loss",
        'least': 0.0,
    },
    'decoder_rate': {
        'default': 5.0,
        'help': 'the learning rate of encoder and decoder, in units of --learning_rate',
        'least': 0.0,
    },
    'decay_steps': {
        'default': 500,
        'help': 'steps after which the learning rates are half of what they were',
        'least': 1,
    },
}


class Model(GenerativeModel):
    """Encoder q(z given x), decoder and discriminator, on pixels in [0, 1]."""

    players = {'encoder': 1, 'decoder': 1, 'discriminator': 1}

    def __init__(self, image_shape, classes, settings):
        super().__init__(image_shape, classes, settings)
        self.encoder, _ = vae.networks_of('post', image_shape, settings.latent_dim)
        self.decoder = decoder_of(image_shape, settings.latent_dim)
        self.discriminator = discriminator_of(image_shape)

    def optimizers(self):
        """Those of `gan`: Adam at rates that fall, the discriminator's the smallest."""
        rate, steps = self.settings.learning_rate, self.settings.decay_steps
        rates = dict.fromkeys(self.players, rate * self.settings.decoder_rate)
        rates['discriminator'] = rate
        return {player: gan.falling(own, steps) for player, own in rates.items()}

    def objectives(self, batch, seed):
        """The three losses, with one code and one sample an image."""
        mean, std = self.encode(batch)
        codes = [drawn(mean, std, seed), normal(tf.shape(mean), apart(seed), mean.dtype)]
        made = tf.sigmoid(self.decoder(tf.concat(codes, axis=0), training=True))
        true_logit, true_features = self.discriminator(batch.images, training=True)
        fake_logit, fake_features = self.discriminator(made, training=True)
        kl = kl_from_standard_normal(mean, std)
        error = feature_reconstruction_error(true_features, tf.split(fake_features, 2)[0])
        found = tf.reduce_mean(kl), tf.reduce_mean(error), true_logit, fake_logit
        return self.game(*found), logs_of(*found)

    def game(self, kl, error, true_logit, fake_logit):
        """{player: loss} of the mean of either term, and of all verdicts."""
        d_loss, g_loss = non_saturating_loss(true_logit, fake_logit)
        decoder_loss = self.settings.gamma * error + g_loss
        return {'encoder': kl + error, 'decoder': decoder_loss, 'discriminator': d_loss}

    def test(self, batch, seed):
        """Both terms of the encoder's loss, and the squared distance of the pixels, in nats."""
        mean, std = self.encode(batch)
        logits = self.decode(drawn(mean, std, seed))
        kl, error = self.terms(batch.images, logits, mean, std)
        pixels = reconstruction_error(batch.images, logits, 'l2')
        return {'kl': kl, 'feature_reconstruction': error, 'pixel_reconstruction': pixels}

    def features(self, images):
        """F, by moving batch statistics: (N, F) of images (N, H, W, C)."""
        return self.discriminator(images, training=False)[1]

    def encode(self, batch):
        """Mean and standard deviation of q(z given x), each (N, D), of a batch of images."""
        return self.encoder(batch.images)

    def decode(self, codes, labels=None):
        """Logits of the pixels, (N, H, W, C), of codes (N, D), by moving batch statistics."""
        return self.decoder(codes, training=False)

    def terms(self, images, logits, mean, std):
        """KL and reconstruction term of each image: two (N,)."""
        pair = self.features(images), self.features(tf.sigmoid(logits))
        return kl_from_standard_normal(mean, std), feature_reconstruction_error(*pair)

    def reconstruct(self, batch):
        """The images that the decoder draws from the mean codes of a batch, in [0, 1]."""
        return tf.sigmoid(self.decode(self.encode(batch)[0]))

    def latents(self, count, seed, given=None):
        """Codes from the prior N(0, I): (count, D)."""
        return normal([count, self.settings.latent_dim], [seed, LATENTS_STEP])

    def sample(self, latents):
        """The decoder's images of codes."""
        return tf.sigmoid(self.decode(latents))

    def export(self):
        """Decoder and sigmoid: codes -> images in [0, 1]."""
        return keras.Sequential([stock(self.decoder), layers.Activation('sigmoid')])


def logs_of(kl, error, true_logit, fake_logit):
    """Both terms, and the mean probability D of data, reconstructions and samples."""
    said = [tf.reduce_mean(tf.sigmoid(x)) for x in (true_logit, *tf.split(fake_logit, 2))]
    verdicts = dict(zip(('d_true', 'd_rebuilt', 'd_fake'), said, strict=True))
    return {'kl': kl, 'feature_reconstruction': error} | verdicts


def drawn(mean, std, seed):
    """Codes mean + std * eps, one an image: (N, D)."""
    return mean + std * normal(tf.shape(mean), seed, mean.dtype)


def decoder_of(image_shape, latent_dim):
    """The generator of `gan` to the logits of pixels: codes (N, D) -> (N, H, W, C)."""
    generator = gan.generator_28 if image_shape[0] == 28 else gan.generator_32
    *stack, _ = generator(image_shape)
    return gan.network(
        'decoder', [latent_dim], [*stack, gan.transposed(image_shape[2], dtype=exact())]
    )


def discriminator_of(image_shape):
    """The discriminator of `gan`: images -> logits (N, 1), features (N, F)."""
    _, network = gan.networks(image_shape, 1)
    *_, last = [layer.output for layer in network.layers if isinstance(layer, Conv2D)]
    features = layers.Flatten(dtype=exact())(unit_variance()(last))
    return keras.Model(network.inputs, [*network.outputs, features], name='discriminator')


def unit_variance():
    """Batch norm without parameters, exact for maps as small as those of the first steps."""
    kind = {'center': False, 'scale': False, 'momentum': 0.9, 'epsilon': 1e-9}
    return layers.BatchNormalization(**kind, dtype=exact())
