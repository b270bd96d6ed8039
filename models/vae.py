"""The variational autoencoder: the post's loss on the networks of its public code.

Kingma & Welling 2014, "Auto-Encoding Variational Bayes" (arXiv:1312.6114); tutorial: Doersch
2016 (arXiv:1606.05908). The encoder proposes a Gaussian q(z given x) = N(mean, std^2) over codes,
the decoder turns a code into the logits of p(x given z), and training raises the evidence lower
bound

    E_q[log p(x given z)] - KL(q(z given x) || N(0, I))

with one reparametrised sample z = mean + std * eps an image (section 2.4).

The blog post gives the loss and trains for 125 epochs. Its public code
(github.com/kvmanohar22/Generative-Models) has the networks, codes of 100, 10,000 training images
and batches of 64. What differs from that code:

- Softplus keeps std positive. Its linear head reaches gradient norms in the tens of thousands
  within the first epoch.
- The learning rate is 1e-3. Its 1e-6 does not train.
- Glorot's weights and biases of zero. There the transposed convolutions start from N(0, 0.02), cut
  at two deviations, and some biases from 0.01: for 28x28 all but one, for 32x32 the two heads'.
- Every epoch has an order of its own. There it is the same in each.
- Samples are drawn from the prior. There the pictures called samples are reconstructions, with
  noise on the codes, of the first 64 training images.

`--variant=burda` is the VAE that Burda, Grosse & Salakhutdinov 2016, "Importance Weighted
Autoencoders" (arXiv:1509.00519), compare with: pixels drawn black or white anew at every step,
two tanh layers of 200, 50 latents, and the schedule of their section 5. Batches are of 100 where
theirs are of 20, which makes a fifth of the steps. In the authors' code
(github.com/yburda/iwae) the output's biases start from the logits of the mean image, here from
zero; it also keeps 400 images apart, rounds the rates, and its Adam has a beta_1 of 0.99, here 0.9,
and second moments that start from 1.

`--variant=mlp` has the networks of Kingma & Welling, a tanh layer of 500 on either side, and a code
of two numbers, whose plane shows all that it draws (their figure 4). Adam and Glorot's weights take
the place of their Adagrad, N(0, 0.01) and small weight decay.
"""

import math

import keras
import tensorflow as tf
from keras import layers
from keras.optimizers.schedules import PiecewiseConstantDecay

from losses import VAE_loss, kl_from_standard_normal, reconstruction_error
from models.shared.base import GenerativeModel
from models.shared.layers import Conv2D, Conv2DTranspose, exact, stock
from models.shared.noise import LATENTS_STEP, normal
from models.shared.optimizers import Adam
from models.shared.pixels import binarize

defaults = {'epochs': 125, 'learning_rate': 1e-3}
options = {
    'variant': {
        'default': 'post',
        'help': "whose networks: those of the post's code, Burda et al.'s with their training, mlp "
        "Kingma & Welling's",
        'choices': ('post', 'burda', 'mlp'),
    },
    'kl_weight': {'default': 1.0, 'help': 'lambda_1, weight of the KL term', 'least': 0.0},
    'reconstruction_weight': {
        'default': 1.0,
        'help': 'lambda_2, weight of the reconstruction term',
        'least': 0.0,
    },
    'reconstruction': {
        'default': 'bernoulli',
        'help': 'reconstruction term, in nats: bernoulli is a likelihood of black and white pixels '
        'only; l2 and l1 are log-densities of grey pixels up to a constant',
        'choices': ('bernoulli', 'l2', 'l1'),
    },
}
variants = {
    'burda': {'epochs': 3280, 'batch_size': 100, 'latent_dim': 50, 'train_size': 60000},
    'mlp': {'epochs': 50, 'batch_size': 100, 'latent_dim': 2, 'train_size': 60000},
}
HIDDEN = {'burda': [200, 200], 'mlp': [500]}  # units of the encoder's layers; the decoder mirrors


class Model(GenerativeModel):
    """Encoder q(z given x) and decoder p(x given z), trained together on pixels in [0, 1]."""

    players = {'vae': 1}
    xla_up_to = (32, 256)

    def __init__(self, image_shape, classes, settings):
        super().__init__(image_shape, classes, settings)
        self.burda = settings.variant == 'burda'
        self.encoder, self.decoder = self.networks()

    def networks(self):
        """(encoder, decoder): images -> mean and std, each (N, D), and (N, D) -> logits."""
        return networks_of(self.settings.variant, self.image_shape, self.settings.latent_dim)

    def optimizers(self):
        """Adam; with the variant `burda` at their falling rates."""
        return {'vae': adam_burda(self.settings)} if self.burda else super().optimizers()

    def objectives(self, batch, seed):
        """The post's loss with one draw of z an image, and its two terms."""
        batch = self.seen(batch, seed)
        found = batch.images, *self.infer(batch, seed)
        weights = self.settings.kl_weight, self.settings.reconstruction_weight
        loss = VAE_loss(*found, *weights, self.settings.reconstruction)
        kl, error = self.terms(*found)
        return {'vae': loss}, {'kl': tf.reduce_mean(kl), 'reconstruction': tf.reduce_mean(error)}

    def test(self, batch, seed):
        """The two terms and their sum in nats: the negative ELBO, of l2 and l1 less a constant."""
        batch = self.seen(batch, seed)
        kl, error = self.terms(batch.images, *self.infer(batch, seed))
        total = 'negative_elbo' if self.settings.reconstruction == 'bernoulli' else 'sum'
        return {total: kl + error, 'kl': kl, 'reconstruction': error}

    def seen(self, batch, seed):
        """The batch as it is learnt: with the variant `burda` of black and white pixels."""
        return batch._replace(images=binarize(batch.images, seed)) if self.burda else batch

    def infer(self, batch, seed):
        """(logits, mean, std) with z = mean + std * eps, one eps an image."""
        mean, std = self.encode(batch)
        noise = normal(tf.shape(mean), seed, mean.dtype)
        return self.decode(mean + std * noise, batch.labels), mean, std

    def terms(self, images, logits, mean, std):
        """KL and reconstruction term of each image, unweighted: two (N,)."""
        error = reconstruction_error(images, logits, self.settings.reconstruction)
        return kl_from_standard_normal(mean, std), error

    @property
    def likelihood(self):
        """The Bernoulli term is one of black and white pixels; L2 and L1 are densities."""
        return 'binarized' if self.settings.reconstruction == 'bernoulli' else None

    def encode(self, batch):
        """Mean and standard deviation of q(z given x), each (N, D), of a batch of images."""
        return self.encoder(batch.images)

    def decode(self, codes, labels=None):
        """Logits of p(x given z), (N, H, W, C), of codes (N, D)."""
        return self.decoder(codes)

    def reconstruct(self, batch):
        """The images that the decoder draws from the mean codes of a batch, in [0, 1]."""
        return tf.sigmoid(self.decode(self.encode(batch)[0], batch.labels))

    def latents(self, count, seed, given=None):
        """Codes from the prior N(0, I): (count, D)."""
        return normal([count, self.settings.latent_dim], [seed, LATENTS_STEP])

    def sample(self, latents):
        """Pixel means of p(x given z)."""
        return tf.sigmoid(self.decoder(latents))

    def export(self):
        """Decoder and sigmoid: codes -> images in [0, 1]."""
        return keras.Sequential([stock(self.decoder), layers.Activation('sigmoid')])


def encoder_of(image_shape, latent_dim, filters, activation):
    """Convolutions of stride 2, then two heads: the mean, and through softplus the std."""
    images = keras.Input(image_shape)
    x = images
    for count in filters:
        x = activation()(Conv2D(count, 3, strides=2, padding='same')(x))
    x = layers.Flatten()(x)
    mean = layers.Dense(latent_dim, name='mean', dtype=exact())(x)
    std = layers.Dense(latent_dim, activation='softplus', name='std', dtype=exact())(x)
    return keras.Model(images, [mean, std], name='encoder')


def decoder_of(image_shape, latent_dim, filters, activation):
    """A dense layer to the smallest maps, then transposed convolutions of stride 2 to logits."""
    size = image_shape[0] // 2 ** len(filters)
    decoder = keras.Sequential(name='decoder')
    decoder.add(keras.Input([latent_dim]))
    decoder.add(layers.Dense(size * size * filters[0]))
    decoder.add(activation())
    decoder.add(layers.Reshape([size, size, filters[0]]))
    for count in filters[1:]:
        decoder.add(Conv2DTranspose(count, 3, strides=2, padding='same'))
        decoder.add(activation())
    decoder.add(Conv2DTranspose(image_shape[2], 3, strides=2, padding='same', dtype=exact()))
    return decoder


def leaky():
    """The leaky ReLU of the post's code."""
    return layers.LeakyReLU(0.2)


def networks_of(variant, image_shape, latent_dim):
    """(encoder, decoder) of a variant."""
    if variant in HIDDEN:
        return networks_dense(image_shape, latent_dim, HIDDEN[variant])
    networks = networks_28 if image_shape[0] == 28 else networks_32
    return networks(image_shape, latent_dim)


def networks_28(image_shape, latent_dim):
    """The networks of the post's code for 28x28: (encoder, decoder)."""
    return (
        encoder_of(image_shape, latent_dim, [16, 32], leaky),
        decoder_of(image_shape, latent_dim, [32, 16], layers.ReLU),
    )


def networks_32(image_shape, latent_dim):
    """Those of the post's code for 32x32, here for any multiple of 16: (encoder, decoder)."""
    return (
        encoder_of(image_shape, latent_dim, [32, 64, 128, 256], layers.ReLU),
        decoder_of(image_shape, latent_dim, [256, 128, 64, 32], leaky),
    )


def networks_dense(image_shape, latent_dim, units):
    """Tanh layers of so many units on either side, for any size: (encoder, decoder)."""
    hidden = [layers.Dense(n, activation='tanh') for n in [*units, *reversed(units)]]
    images = keras.Input(image_shape)
    x = layers.Flatten()(images)
    for layer in hidden[: len(units)]:
        x = layer(x)
    mean = layers.Dense(latent_dim, name='mean', dtype=exact())(x)
    std = layers.Dense(latent_dim, activation='exponential', name='std', dtype=exact())(x)
    logits = layers.Dense(math.prod(image_shape), dtype=exact())
    stack = [
        keras.Input([latent_dim]),
        *hidden[len(units) :],
        logits,
        layers.Reshape(image_shape, dtype=exact()),
    ]
    encoder = keras.Model(images, [mean, std], name='encoder')
    return encoder, keras.Sequential(stack, name='decoder')


def adam_burda(settings):
    """Adam with epsilon 1e-4 and the rate 10^(-i / 7) of the first for 3^i epochs, i = 0 to 7."""
    steps = settings.train_size // settings.batch_size
    ends = [steps * (3**i - 1) // 2 - 1 for i in range(1, 8)]
    rates = [settings.learning_rate * 10 ** (-i / 7) for i in range(8)]
    return Adam(PiecewiseConstantDecay(ends, rates), epsilon=1e-4)
