"""What all models share: players and their variables, random draws, pixel ranges."""

from typing import NamedTuple

import keras
import tensorflow as tf

from models.layers import stock
from optimizers import Adam

LATENTS_STEP = -1  # training draws use steps from 0 up, so shown latents never meet them
KINDS_APART = 0x61C88647  # odd, so that its multiples repeat after 2^32 only


class Batch(NamedTuple):
    """A batch as objectives see it: images (N, H, W, C) in `value_range`, labels (N,) integers.

    `step` is the number of the step, from 0, that it is for.
    """

    images: tf.Tensor
    labels: tf.Tensor
    step: tf.Tensor | int = 0


class GenerativeModel(keras.Model):
    """A set of players, each with an objective; the loop lets each one move.

    A model file names its class `Model` and may have two literals beside it: `defaults`, shared
    flags that it prefers ({flag: value}), and `options`, flags of its own
    ({flag: (default, help)}; a third entry holds the choices of a word or the least number, a
    fourth the largest). `variants` holds further preferences by the value of --variant, and `only`
    ({flag: (other flag, value)}) those options that are read where the other has that value alone.

    Attributes:
      value_range: (low, high), the pixel range its networks speak.
      players: {name: it moves on every so many-th step}, in the order of their moves. A single
        player trains the whole model; of several, each is an attribute that holds the network it
        trains. The first moves on every step, and so do all that move at once.
      alternate: True lets each player's move see the one before it; otherwise all objectives
        are evaluated once, and all players move at once.
      fresh_noise: True gives each player's move a seed of its own; otherwise all moves of a step
        see the same noise.
    """

    value_range = (0.0, 1.0)
    players = {}
    alternate = False
    fresh_noise = False

    def __init__(self, image_shape, classes, options):
        """Builds the networks.

        Args:
          image_shape: (H, W, C).
          classes: number of classes in the data.
          options: namespace of all flags of the run, the model's own included.
        """
        super().__init__()
        self.image_shape, self.classes, self.options = tuple(image_shape), classes, options

    def objectives(self, batch, seed):
        """What a step minimises, in training mode.

        Args:
          batch: a `Batch`.
          seed: (2,) int32; all randomness of the step is a function of it.

        Returns:
          ({player: scalar loss}, {name: scalar to log}).
        """
        raise NotImplementedError

    def after_step(self, player, step):
        """Called after each move of `player`, in step number `step` from 0: clips, averages."""
        return

    def latents(self, count, seed, label=None):
        """What `sample` takes: (count, ...) codes; row i depends on `seed` and i alone."""
        raise NotImplementedError

    def sample(self, latents):
        """Images (N, H, W, C) in `value_range` from latents, deterministic, in inference mode."""
        raise NotImplementedError

    def show(self, latents):
        """The images of a grid, of as many latents as it has cells, row by row, as `sample`."""
        return self.sample(latents)

    def test(self, batch, seed):
        """{name: (N,) value of each example}, in inference mode; the loop averages over a split."""
        return {}

    def export(self):
        """The part that draws, as a `keras.Model` of stock layers: latents -> `value_range`."""
        raise NotImplementedError

    def optimizers(self):
        """{player: optimizer}."""
        return {player: Adam(self.options.learning_rate) for player in self.players}

    def network(self, player):
        """The network that `player` trains."""
        return self if len(self.players) == 1 else getattr(self, player)


def critic_verdicts(true_logit, fake_logit):
    """Means to log where D, a critic, is the logit itself and no probability."""
    return {'critic_true': tf.reduce_mean(true_logit), 'critic_fake': tf.reduce_mean(fake_logit)}


class AdversarialModel(GenerativeModel):
    """A generator that turns noise, uniform in [-1, 1]^D, into images, and who judges them.

    A model says what its `networks` are and what `game` they play.
    """

    players = {'discriminator': 1, 'generator': 1}

    def __init__(self, image_shape, classes, options):
        super().__init__(image_shape, classes, options)
        self.generator, self.discriminator = self.networks()

    def networks(self):
        """(generator, discriminator): (N, D) -> images, images -> logits (N, 1)."""
        raise NotImplementedError

    def game(self, true_logit, fake_logit):
        """(d_loss, g_loss), scalars, of the logits of data and samples."""
        raise NotImplementedError

    def objectives(self, batch, seed):
        """The losses of both players on a batch and as many samples."""
        noise = uniform([len(batch.images), self.options.latent_dim], seed, -1.0, 1.0)
        return self.play(batch, self.generator(noise, training=True), seed)

    def play(self, batch, fake_images, seed):
        """What `objectives` returns; data and samples pass the discriminator apart."""
        true_logit = self.discriminator(batch.images, training=True)
        fake_logit = self.discriminator(fake_images, training=True)
        d_loss, g_loss = self.game(true_logit, fake_logit)
        losses = {'discriminator': d_loss, 'generator': g_loss}
        return losses, self.verdicts(true_logit, fake_logit)

    def verdicts(self, true_logit, fake_logit):
        """Means to log: D(x) of the data and D(G(z)) of the samples, D = sigmoid(logit)."""
        d_true, d_fake = (tf.reduce_mean(tf.sigmoid(x)) for x in (true_logit, fake_logit))
        return {'d_true': d_true, 'd_fake': d_fake}

    def latents(self, count, seed, label=None):
        """Noise (count, D), uniform in [-1, 1]."""
        return uniform([count, self.options.latent_dim], [seed, LATENTS_STEP], -1.0, 1.0)

    def sample(self, latents):
        """The generator's images, by its moving batch statistics."""
        return self.generator(latents, training=False)

    def export(self):
        """The generator: noise -> images in `value_range`."""
        return stock(self.generator)


def apart(seed, kind=1):
    """A seed (2,) for the numbers of another `kind`, 1, 2, ..., that a step draws.

    `seed` itself is for kind 0. Every kind is counted from there: `apart(apart(seed))` is `seed`.
    """
    return tf.stack([seed[0] + tf.constant(KINDS_APART) * (kind - 1), LATENTS_STEP - 1 - seed[1]])


def normal(shape, seed):
    """Standard normal numbers; a row depends on `seed` and its index alone.

    Philox is named because the default generator draws other numbers once a step is compiled.
    """
    return tf.random.stateless_normal(shape, seed, alg='philox')


def uniform(shape, seed, low, high):
    """Uniform numbers in [low, high); a row depends on `seed` and its index alone."""
    return tf.random.stateless_uniform(shape, seed, low, high, alg='philox')


def from_uint8(images, value_range):
    """uint8 pixels as float32 in `value_range`."""
    low, high = value_range
    return tf.cast(images, tf.float32) * ((high - low) / 255.0) + low


def to_uint8(images, value_range):
    """The nearest uint8 pixels of images in `value_range`; what lies outside is clipped."""
    low, high = value_range
    levels = tf.round((tf.cast(images, tf.float32) - low) * (255.0 / (high - low)))
    return tf.cast(tf.clip_by_value(levels, 0.0, 255.0), tf.uint8)
