"""What autoregressive models share: an exact likelihood, pixel by pixel, and drawing by it.

van den Oord, Kalchbrenner & Kavukcuoglu 2016, "Pixel Recurrent Neural Networks" (arXiv:1601.06759),
section 2: p(x) = prod p(x_i given x_1, ..., x_{i-1}) over the numbers of an image, in the order of
`models.shared.masked`: pixel by pixel, red before green before blue.
"""

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from keras.optimizers.schedules import ExponentialDecay

from losses import levels_error, reconstruction_error
from models.shared.base import GenerativeModel
from models.shared.layers import exact
from models.shared.masked import IMAGE, MARGIN, MaskedConv2D, Spot
from models.shared.noise import LATENTS_STEP, uniform
from models.shared.optimizers import Adam
from models.shared.pixels import binarize

LEVELS, UNKNOWN = 256, -1.0
HEAD = 32  # maps before the logits
options = {
    'pixels': {
        'default': 'binary',
        'help': 'what a pixel may be: binary, black or white, drawn anew at every step with the '
        'grey value as the probability of white; levels, one of 256',
        'choices': ('binary', 'levels'),
    },
    'half_life': {
        'default': 20000,
        'help': 'steps in which the learning rate falls to one half',
        'least': 1,
    },
    'width': {
        'default': 1.0,
        'help': 'multiplies the feature maps of the hidden layers',
        'least': 0.1,
        'most': 16.0,
    },
}


class Wanted(NamedTuple):
    """Images to draw.

    Attributes:
      noise: the quantile of each number, (N, H, W, C) in [0, 1).
      given: the numbers that are kept, UNKNOWN where one is to be drawn: (N, H, W, C).
      labels: (N,), or None where the model draws without.
    """

    noise: tf.Tensor
    given: tf.Tensor
    labels: tf.Tensor | None


class AutoregressiveModel(GenerativeModel):
    """A model of p(x) as a product over the numbers of an image, in [0, 1].

    A model builds its layers and calls `finish`; it says what its `conditionals` are, and what of
    them is the same for all pixels of a row.
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

    def finish(self):
        """Builds the end of the networks, and with it all of them: two convolutions of 1x1."""
        channels = self.image_shape[2]
        self.head = MaskedConv2D(multiple(self.settings.width * HEAD, channels), 1, 'B', channels)
        self.last = MaskedConv2D(channels * self.outputs, 1, 'B', channels, dtype=exact())
        self.logits(tf.zeros([1, *self.image_shape]), tf.zeros([1], tf.int32))

    def told(self, maps, spot=None):
        """What the end of the networks makes of maps (N, H, W, D): (N, H, W, C * outputs)."""
        return self.last(tf.nn.relu(self.head(tf.nn.relu(maps), spot=spot)), spot=spot)

    def above(self, images, labels=None, spot=None):
        """What the rows above each pixel tell it, where that is the same for a row: a list of maps.

        Args:
          images: (N, H, W, C), or None at a `Spot`.
          labels: (N,), for a model that is given some.
          spot: one of a whole row; the maps are those of this row.
        """
        return []

    def conditionals(self, images, above, spot=None):
        """What tells the next number: (N, H, W, C * outputs).

        Args:
          images: (N, H, W, C), or None at a `Spot`.
          above: what the method of that name returns.
          spot: one of a pixel; the result is that of this pixel.
        """
        raise NotImplementedError

    def logits(self, images, labels=None):
        """Logits of the pixels (N, H, W, C) or, of levels, (N, H, W, C, 256)."""
        return self.split(self.conditionals(images, self.above(images, labels)))

    def split(self, found):
        """What the network gives, with the levels on an axis of their own."""
        return found if self.binary else tf.reshape(found, [*found.shape[:3], -1, LEVELS])

    def objectives(self, batch, seed):
        """The mean negative log-likelihood, in nats; logs bits a dimension."""
        nats = tf.reduce_mean(self.nats(self.seen(batch, seed)))
        [player] = self.players
        return {player: nats}, {'bits_per_dimension': nats / self.bit}

    def optimizers(self):
        """Adam at a rate that falls by one half in every `half_life` steps."""
        rate = ExponentialDecay(self.settings.learning_rate, self.settings.half_life, 0.5)
        return {player: Adam(rate) for player in self.players}

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
        return error(batch.images, self.logits(batch.images, batch.labels))

    def log_prob(self, batch):
        """The exact log-likelihood of each image of a `Batch`, in nats: (N,)."""
        return -self.nats(batch)

    def latents(self, count, seed, given=None):
        """Uniform noise, a number for each number of an image: (count, H, W, C) in [0, 1)."""
        return uniform([count, *self.image_shape], [seed, LATENTS_STEP])

    def parts(self, latents):
        """The noise of latents, and the labels of a model that is given some."""
        return latents, None

    def sample(self, latents):
        """Images whose numbers are the quantiles that `latents` tell, drawn one by one."""
        noise, labels = self.parts(latents)
        return self.draw(Wanted(noise, unknown_like(noise), labels))

    def complete(self, latents, images, rows):
        """The first `rows` rows of images (N, H, W, C), the others drawn; as many latents.

        Where pixels are black or white, so are the given ones: whichever is nearer.
        """
        noise, labels = self.parts(latents)
        images = tf.round(images) if self.binary else images
        given = tf.concat([images[:, :rows], unknown_like(images[:, rows:])], axis=1)
        return self.draw(Wanted(noise, given, labels))

    def draw(self, wanted):
        """The images (N, H, W, C) that are `Wanted`.

        What the networks compute of a pixel is kept for those after it.
        """
        height, memory = self.image_shape[0], self.empty(wanted)

        def row(number, memory):
            return number + 1, self.drawn_row(number, memory, wanted)

        _, memory = tf.while_loop(lambda number, _: number < height, row, [0, memory])
        image = memory[IMAGE][MARGIN:, MARGIN:-MARGIN]
        return tf.transpose(image, [2, 0, 1, 3])

    def drawn_row(self, row, memory, wanted):
        """The memory after the pixels of a row are drawn."""
        width = self.image_shape[1]
        spot = Spot(row, 0, width, memory)
        above = self.above(None, wanted.labels, spot)

        def pixel(column, memory):
            told = [tf.slice(x, [0, 0, column, 0], [*x.shape[:2], 1, x.shape[3]]) for x in above]
            return column + 1, self.drawn(Spot(row, column, 1, memory), told, wanted)

        return tf.while_loop(lambda column, _: column < width, pixel, [0, spot.memory])[1]

    def drawn(self, spot, above, wanted):
        """The memory after the numbers of the pixel at the spot are drawn, one by one."""
        count, *_, channels = wanted.noise.shape
        place, size = [0, spot.row, spot.column, 0], [count, 1, 1, channels]
        noise, given = (tf.slice(x, place, size) for x in (wanted.noise, wanted.given))
        known = tf.zeros_like(noise)
        for channel in range(channels):
            found = quantile(self.split(self.conditionals(None, above, spot)), noise, self.binary)
            found = tf.where(given == UNKNOWN, found, given)
            known = tf.concat([known[..., :channel], found[..., channel:]], axis=3)
            spot.remember(IMAGE, known)
        return spot.memory

    def empty(self, wanted):
        """The memory of a drawing of which nothing is done."""
        height, width, channels = self.image_shape
        shape = [height + MARGIN, width + 2 * MARGIN, wanted.noise.shape[0], channels]
        row = Spot(0, 0, width, {IMAGE: tf.zeros(shape, wanted.noise.dtype)})
        above = [maps[:, :, :1] for maps in self.above(None, wanted.labels, row)]
        pixel = Spot(0, 0, 1, row.memory)
        self.conditionals(None, above, pixel)
        return {name: tf.zeros_like(maps) for name, maps in pixel.memory.items()}

    def draw_naively(self, latents):
        """What `sample` must give: for each number the whole network on all that is known."""
        noise, labels = self.parts(latents)
        images = tf.zeros_like(noise)
        for place in np.ndindex(*self.image_shape):
            here = np.zeros(self.image_shape, np.float32)
            here[place] = 1.0
            images += here * quantile(self.logits(images, labels), noise, self.binary)
        return images


def unknown_like(images):
    """UNKNOWN for each number of images."""
    return tf.fill(tf.shape(images), tf.cast(UNKNOWN, images.dtype))


def quantile(logits, noise, binary):
    """The pixels in [0, 1] of which a share of `noise` lies below, by these logits."""
    share = tf.cast(noise, logits.dtype)
    if binary:
        return tf.cast(share < tf.sigmoid(logits), noise.dtype)
    below = tf.cumsum(tf.nn.softmax(logits), axis=-1)
    level = tf.reduce_sum(tf.cast(below <= share[..., None], noise.dtype), axis=-1)
    return tf.minimum(level, LEVELS - 1.0) / (LEVELS - 1.0)


def multiple(count, channels):
    """The multiple of `channels` that is nearest to `count`, but not zero."""
    return channels * max(1, round(count / channels))
