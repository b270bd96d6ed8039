"""The contract of a model: players with an objective each, latents and samples."""

from typing import NamedTuple

import keras
import tensorflow as tf

from models.shared.optimizers import Adam


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
