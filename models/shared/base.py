"""The contract of a model: players with an objective each, latents and samples.

A model file names its class `Model` and may declare beside it, as literals: `defaults`, `options`,
`variants` and `drawing` (see `models.shared.declarations`).
"""

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from models.shared.optimizers import Adam


class Batch(NamedTuple):
    """A batch as objectives see it.

    Attributes:
      images: (N, H, W, C) in `value_range`.
      labels: (N,) integers.
      step: number of the step that sees it, from 0.
      more: {name: Batch}, a batch of every further stream.
    """

    images: tf.Tensor
    labels: tf.Tensor
    step: tf.Tensor | int = 0
    more: dict = {}  # noqa: RUF012, nobody changes it


class Stream(NamedTuple):
    """Further data beside the run's own: uint8 images (N, H, W, C) and integer labels (N,)."""

    images: np.ndarray
    labels: np.ndarray
    test_images: np.ndarray | None = None
    test_labels: np.ndarray | None = None


class GenerativeModel(keras.Model):
    """A set of players, each with an objective; the loop lets each one move.

    What a model must have: `objectives`, `latents` and `sample`. The methods that end this class
    are offered by some models only; `offers` tells which.

    Attributes:
      value_range: (low, high), the pixel range its networks speak.
      drawing: {name: value} of the flags that the model file declares under that name; `build`
        sets their defaults.
      players: {name: it moves on every so many-th step}, in the order of their moves. A single
        player trains the whole model; of several, each is an attribute that holds the network it
        trains. The first moves on every step, and so do all that move at once.
      alternate: True lets each player's move see the one before it; otherwise all objectives
        are evaluated once, and all players move at once.
      fresh_noise: True gives each player's move a seed of its own; otherwise all moves of a step
        see the same noise.
      over_batch: what of its losses compares the images of a batch, in words, and so is no mean
        over them; such a model is trained on one device. None where all are means.
      likelihood: the pixels on which `terms` bound a likelihood or `log_prob` is one: 'binarized',
        black or white, 'levels', the 256 of a byte; None where neither is one. Bounds and bits a
        dimension are of these pixels alone.
      given: what `latents` are made of besides noise: 'labels', 'images' or None.
      columns: cells in a line of its grids, of a class each if it is given labels, which has it
        show the first of them if there are more; None for square grids.
      sequential: True has XLA compile `sample`, worth it where it draws pixel after pixel.
      xla_up_to: (pixels a side, images a batch) up to which XLA was measured faster on a CPU.
    """

    value_range = (0.0, 1.0)
    drawing = {}
    players = {}
    alternate = False
    fresh_noise = False
    over_batch = None
    likelihood = None
    given = None
    columns = None
    sequential = False
    xla_up_to = (0, 0)

    def __init__(self, image_shape, classes, settings):
        """Builds the networks.

        Args:
          image_shape: (H, W, C).
          classes: number of classes in the data.
          settings: namespace of all flags of the run, the model's own included.
        """
        super().__init__()
        self.image_shape, self.classes, self.settings = tuple(image_shape), classes, settings

    def streams(self, data, load):
        """{name: `Stream`} of further data, of which each step sees a batch beside the run's own.

        `data` is the run's `datasets.Dataset`, of its training split what the run uses, and
        `load(name)` another one by its name, of images as large.
        """
        return {}

    def initialise(self, images):
        """Sets initial weights by the first images of a run: (N, H, W, C) in `value_range`.

        Called once, before the first step. Layers may draw numbers in it. A run that goes on, and
        all that draws or scores, takes the weights of its checkpoint instead.
        """
        return

    def sources(self, data, load):
        """uint8 test images (N, H, W, C) that it begins from where it is scored or shown.

        Asked of models that are given images; the arguments are those of `streams`.
        """
        return data.test_images

    def objectives(self, batch, seed):
        """What a step minimises, in training mode.

        Variables of the model that belong to no player's network may be assigned here; they
        change once a step, by the evaluation for the first player.

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

    def latents(self, count, seed, given=None):
        """What `sample` takes: one tensor (count, ...); row i depends on `seed` and i alone.

        `given` are labels (count,) or images (count, H, W, C) in `value_range`, as the attribute
        of that name says; without labels, a model that is given some draws them itself.
        """
        raise NotImplementedError

    def sample(self, latents, **drawing):
        """Images (N, H, W, C) in `value_range` from latents, deterministic, in inference mode.

        `drawing` are the values of the flags that the model file declares under that name.
        """
        raise NotImplementedError

    def show(self, latents, **drawing):
        """The images of a grid, of as many latents as it has cells, row by row, as `sample`."""
        return self.sample(latents, **drawing)

    def test(self, batch, seed):
        """{name: (N,) value of each example}, in inference mode; the loop averages over a split."""
        return {}

    def export(self):
        """The part that draws, as a `keras.Model` of stock layers: latents -> `value_range`.

        None where there is no such part; what is exported then is `sample`, compiled.
        """
        return

    def optimizers(self):
        """{player: optimizer}."""
        return {player: Adam(self.settings.learning_rate) for player in self.players}

    def network(self, player):
        """The network that `player` trains."""
        return self if len(self.players) == 1 else getattr(self, player)

    def own_state(self):
        """Variables that are not trained and belong to no player's network: pools, averages."""
        networks = [self.network(player) for player in self.players]
        owned = {id(v) for network in networks for v in network.variables}
        return [v for v in self.non_trainable_variables if id(v) not in owned]

    def offers(self, name):
        """Whether the model has the method `name`, one of those below."""
        return getattr(type(self), name) is not getattr(GenerativeModel, name)

    def encode(self, batch):
        """Mean and standard deviation, each (N, D), of the codes of a `Batch` of images."""
        raise NotImplementedError

    def decode(self, codes, labels=None):
        """Logits of pixels (N, H, W, C) of codes (N, D); labels (N,) for models given some."""
        raise NotImplementedError

    def terms(self, images, logits, mean, std):
        """The KL and the reconstruction term of each image, in nats: two (N,)."""
        raise NotImplementedError

    def reconstruct(self, batch):
        """What the model makes of the codes of a `Batch`: (N, H, W, C) in `value_range`."""
        raise NotImplementedError

    def log_prob(self, batch):
        """The exact log-likelihood of each image of a `Batch`, in nats: (N,)."""
        raise NotImplementedError

    def complete(self, latents, images, rows):
        """Images (N, H, W, C) kept in their first `rows` rows and drawn by `latents` below."""
        raise NotImplementedError

    def features(self, images):
        """What a trained network sees in images (N, H, W, C) in `value_range`: (N, D)."""
        raise NotImplementedError
