"""What autoregressive models share: an exact likelihood, pixel by pixel, and drawing by it.

van den Oord, Kalchbrenner & Kavukcuoglu 2016, "Pixel Recurrent Neural Networks" (arXiv:1601.06759),
section 2: p(x) = prod p(x_i given x_1, ..., x_{i-1}) over the numbers of an image, in the order of
`models.shared.masked`: pixel by pixel, red before green before blue.
"""

import math

import numpy as np
import tensorflow as tf

from losses import levels_error, reconstruction_error
from models.shared.base import GenerativeModel
from models.shared.masked import MARGIN, Spot
from models.shared.noise import LATENTS_STEP, uniform
from models.shared.pixels import binarize

LEVELS = 256
options = {
    'pixels': {
        'default': 'binary',
        'help': 'what a pixel may be: binary, black or white, drawn anew at every step with the '
        'grey value as the probability of white; levels, one of 256',
        'choices': ('binary', 'levels'),
    },
    'width': {
        'default': 1.0,
        'help': 'multiplies the feature maps of the hidden layers',
        'least': 0.1,
        'most': 16.0,
    },
}


class AutoregressiveModel(GenerativeModel):
    """A model of p(x) as a product over the numbers of an image, in [0, 1].

    A model says what its `network` is.
    """

    sequential = True

    @property
    def players(self):
        """The whole model, which is one network."""
        return {self.settings.model: 1}

    @property
    def binary(self):
        """Whether pixels are black or white."""
        return self.settings.pixels == 'binary'

    @property
    def likelihood(self):
        """The pixels that it gives a probability."""
        return 'binarized' if self.binary else 'levels'

    @property
    def outputs(self):
        """Numbers that the network gives for each number of a pixel: a logit, or one a level."""
        return 1 if self.binary else LEVELS

    def network(self, images, spot=None):
        """(N, H, W, C) -> (N, H, W, C * outputs); at a `Spot`, None -> (N, 1, 1, C * outputs)."""
        raise NotImplementedError

    def logits(self, images, spot=None):
        """What the network says, as logits (N, H, W, C) or, of levels, (N, H, W, C, 256)."""
        found = self.network(images, spot)
        if self.binary:
            return found
        return tf.reshape(found, [*found.shape[:3], -1, LEVELS])

    def objectives(self, batch, seed):
        """The mean negative log-likelihood, in nats; logs bits a dimension."""
        nats = tf.reduce_mean(self.nats(self.seen(batch, seed)))
        [player] = self.players
        return {player: nats}, {'bits_per_dimension': nats / self.bit}

    def test(self, batch, seed):
        """Nats and bits a dimension of each image."""
        nats = self.nats(self.seen(batch, seed))
        return {'nats': nats, 'bits_per_dimension': nats / self.bit}

    @property
    def bit(self):
        """The nats of one bit in every dimension."""
        return math.prod(self.image_shape) * math.log(2.0)

    def seen(self, batch, seed):
        """The batch as it is learnt: of black and white pixels, or as it is."""
        return batch._replace(images=binarize(batch.images, seed)) if self.binary else batch

    def nats(self, batch):
        """-log p(x) of each image of a `Batch`: (N,)."""
        error = reconstruction_error if self.binary else levels_error
        return error(batch.images, self.logits(batch.images))

    def log_prob(self, batch):
        """The exact log-likelihood of each image of a `Batch`, in nats: (N,)."""
        return -self.nats(batch)

    def latents(self, count, seed, given=None):
        """Uniform noise, a number for each number of an image: (count, H, W, C) in [0, 1)."""
        return uniform([count, *self.image_shape], [seed, LATENTS_STEP])

    def sample(self, latents):
        """Images whose numbers are the quantiles that `latents` tell, drawn one by one."""
        return self.draw(latents)

    def draw(self, noise):
        """The same, with what does not change kept from pixel to pixel."""
        height, width, channels = self.image_shape
        image = tf.zeros([height + MARGIN, width + 2 * MARGIN, noise.shape[0], channels])
        memory = self.memory(tf.cast(image, noise.dtype))

        def pixel(number, *memory):
            spot = Spot(number // width, number % width, 1, memory)
            return number + 1, *self.drawn(spot, noise)

        loop = tf.while_loop(lambda number, *_: number < height * width, pixel, [0, *memory])
        image = loop[1][MARGIN:, MARGIN:-MARGIN]
        return tf.transpose(image, [2, 0, 1, 3])

    def memory(self, image):
        """The empty memory of the network, the image first."""
        spot = Spot(0, 0, 1, [image])
        self.logits(None, spot)
        return [tf.zeros_like(maps) for maps in spot.memory]

    def drawn(self, spot, noise):
        """The memory after the numbers of the pixel at the spot are drawn, one by one."""
        here = tf.slice(
            noise, [0, spot.row, spot.column, 0], [noise.shape[0], 1, 1, noise.shape[3]]
        )
        known = tf.zeros_like(here)
        for channel in range(noise.shape[3]):
            spot.calls = 0
            found = quantile(self.logits(None, spot), here, self.binary)
            known = tf.concat([known[..., :channel], found[..., channel:]], axis=3)
            spot.remember(0, known)
        return spot.memory

    def draw_naively(self, noise):
        """What `draw` must give: for each number the whole network on all that is known."""
        images = tf.zeros_like(noise)
        for place in np.ndindex(*self.image_shape):
            here = np.zeros(self.image_shape, np.float32)
            here[place] = 1.0
            images += here * quantile(self.logits(images), noise, self.binary)
        return images


def quantile(logits, noise, binary):
    """The pixels in [0, 1] of which a share of `noise` lies below, by these logits."""
    if binary:
        return tf.cast(noise < tf.sigmoid(logits), noise.dtype)
    below = tf.cumsum(tf.nn.softmax(logits), axis=-1)
    level = tf.reduce_sum(tf.cast(below <= noise[..., None], noise.dtype), axis=-1)
    return tf.minimum(level, LEVELS - 1.0) / (LEVELS - 1.0)
