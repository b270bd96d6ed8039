"""The autoencoder.

Rumelhart, Hinton & Williams 1986, "Learning representations by back-propagating errors"; in the
notation of Kingma & Welling 2014, "Auto-Encoding Variational Bayes" (arXiv:1312.6114), whose VAE it
becomes with noise on the codes and a prior: networks and options are those of `vae`.

    z = encoder(x),  loss = |x - sigmoid(decoder(z))|^2

Neither the post nor its public code has one. The rate and the number of epochs are those of `vae`.

Nothing says where the codes lie, so there is nothing to draw new ones from. On the left of its
grids are codes from N(0, I), the VAE's prior; on the right, and wherever else it draws, codes from
a Gaussian that follows those of the training images.
"""

import math

import keras
import tensorflow as tf
from keras import layers

from losses import reconstruction_error
from models.shared.base import GenerativeModel
from models.shared.layers import exact, stock
from models.shared.noise import LATENTS_STEP, normal
from models.vae import networks_of

defaults = {'epochs': 125, 'learning_rate': 1e-3}
options = {
    'variant': {
        'default': 'post',
        'help': "whose networks: those of the post's code, or mlp, Kingma & Welling's",
        'choices': ('post', 'mlp'),
    },
    'reconstruction': {
        'default': 'l2',
        'help': 'distance of image and reconstruction, summed over the pixels',
        'choices': ('bernoulli', 'l2', 'l1'),
    },
}
variants = {'mlp': {'epochs': 50, 'batch_size': 100, 'latent_dim': 2, 'train_size': 60000}}
MOMENTUM = 0.98  # of the Gaussian: it remembers some fifty batches


class Model(GenerativeModel):
    """Encoder and decoder, trained together on pixels in [0, 1].

    Attributes:
      mean, covariance: of the codes, moving averages, (D,) and (D, D).
    """

    players = {'ae': 1}

    def __init__(self, image_shape, classes, settings):
        super().__init__(image_shape, classes, settings)
        self.encoder, self.decoder = self.networks()
        size, fixed = settings.latent_dim, {'trainable': False, 'dtype': exact()}
        self.mean = self.add_weight([size], 'zeros', name='mean', **fixed)
        self.covariance = self.add_weight([size] * 2, 'identity', name='covariance', **fixed)

    def networks(self):
        """(encoder, decoder): images -> codes (N, D) -> logits; the VAE's, without std."""
        shape, size = self.image_shape, self.settings.latent_dim
        encoder, decoder = networks_of(self.settings.variant, shape, size)
        return keras.Model(encoder.inputs, encoder.outputs[0], name='encoder'), decoder

    def objectives(self, batch, seed):
        """The mean reconstruction error, summed over pixels."""
        codes = self.encoder(batch.images)
        self.follow(codes)
        return {'ae': tf.reduce_mean(self.error(batch.images, codes))}, {}

    def test(self, batch, seed):
        """The reconstruction error."""
        return {'reconstruction': self.error(batch.images, self.encoder(batch.images))}

    def error(self, images, codes):
        """Reconstruction error of each image: (N,)."""
        return reconstruction_error(images, self.decode(codes), self.settings.reconstruction)

    def follow(self, codes):
        """Moves the Gaussian towards the codes (N, D) of a batch."""
        apart = codes - self.mean
        products = tf.matmul(apart, apart, transpose_a=True) / len(codes)
        for average, value in (self.mean, tf.reduce_mean(codes, 0)), (self.covariance, products):
            average.assign(MOMENTUM * average + (1.0 - MOMENTUM) * value)

    def encode(self, batch):
        """Codes (N, D) of a batch of images, and their standard deviation: zero."""
        codes = self.encoder(batch.images)
        return codes, tf.zeros_like(codes)

    def decode(self, codes, labels=None):
        """Logits of pixels, (N, H, W, C), of codes (N, D)."""
        return self.decoder(codes)

    def reconstruct(self, batch):
        """What the decoder makes of the codes of a batch, in [0, 1]."""
        return tf.sigmoid(self.decode(self.encoder(batch.images)))

    def latents(self, count, seed, given=None):
        """Numbers from N(0, I): (count, D)."""
        return normal([count, self.settings.latent_dim], [seed, LATENTS_STEP])

    def sample(self, latents):
        """Pixels of codes from the Gaussian of the codes."""
        mean, root = self.fitted()
        return tf.sigmoid(self.decode(tf.cast(latents, mean.dtype) @ root + mean))

    def show(self, latents, **drawing):
        """On the left half of the grid the latents are the codes; on the right half as `sample`."""
        columns = math.ceil(math.sqrt(len(latents)))
        left = tf.range(len(latents)) % columns < columns // 2
        plain = tf.sigmoid(self.decode(latents))
        return tf.where(left[:, None, None, None], plain, self.sample(latents))

    def fitted(self):
        """Mean (D,) and root (D, D) that take z of N(0, I) to the codes: z root + mean."""
        values, vectors = tf.linalg.eigh(self.covariance)
        root = (vectors * tf.sqrt(tf.maximum(values, 0.0))) @ tf.transpose(vectors)
        return tf.convert_to_tensor(self.mean), root

    def export(self):
        """Numbers from N(0, I) -> images in [0, 1]."""
        fitted = layers.Dense(self.settings.latent_dim, name='fitted')
        fitted.build([None, self.settings.latent_dim])
        fitted.set_weights([*reversed(self.fitted())])
        inputs, last = keras.Input([self.settings.latent_dim]), layers.Activation('sigmoid')
        return keras.Sequential([inputs, fitted, stock(self.decoder), last])
