"""Five techniques for training a generative adversarial network, each a flag.

Salimans, Goodfellow, Zaremba, Cheung, Radford & Chen 2016, "Improved Techniques for Training GANs"
(arXiv:1606.03498), section 3:

- `--feature_matching` (3.1): the generator no longer minimises -log D(G(z)), but the squared
  distance between the mean features of data and samples in a hidden layer of the discriminator.
  `--feature_layer` says in which; by default it is the last, as in the authors' code.
- `--minibatch_discrimination` (3.2): behind its last hidden layer the discriminator sees how alike
  the images of a batch are. Data and samples are batches of their own.
- `--historical_averaging=1` (3.3): the loss of each player has a further term with this weight, the
  squared distance of its parameters from the mean of all their values so far. The paper's term has
  no weight.
- `--real_target=0.9` (3.4): the discriminator's target for data; that for samples stays 0.
- `--virtual_batch_norm` (3.5): in the generator, with a reference batch of noise as large as the
  batches.

Without any of them it is `gan`. Its guards, batch norm in the discriminator and noise on what that
sees, were found on digits; `--nobatch_norm --instance_noise=0` takes them away. docs/robustness.md
has what each technique is worth with the guards, and whether it can take their place.

The authors' code has no historical averaging. `models/shared/minibatch.py` and
`models/shared/normalisation.py` say where the paper and their code differ in the other layers.
"""

import keras
import tensorflow as tf
from keras import layers

from losses import feature_matching_loss, historical_averaging_loss, non_saturating_loss
from models import gan
from models.shared.layers import exact
from models.shared.minibatch import MinibatchDiscrimination
from models.shared.noise import LATENTS_STEP, apart
from models.shared.normalisation import Referenced, VirtualBatchNorm
from support.errors import InputError

options = {
    'batch_norm': {'default': True, 'help': 'batch norm in the discriminator, as in `gan`'},
    'feature_matching': {
        'default': False,
        'help': 'train the generator to match the mean features of a hidden layer of the '
        'discriminator',
    },
    'feature_layer': {
        'default': 1,
        'help': 'which hidden layer, counted from the last',
        'least': 1,
        'only_with': {'feature_matching': True},
    },
    'minibatch_discrimination': {
        'default': False,
        'help': 'show the discriminator how alike the images of a batch are',
    },
    'historical_averaging': {
        'default': 0.0,
        'help': "weight of the squared distance of a player's parameters from their mean so far",
        'least': 0.0,
    },
    'real_target': {
        'default': 1.0,
        'help': 'target of the discriminator for data; 0.9 is one-sided label smoothing',
        'least': 0.0,
        'most': 1.0,
    },
    'virtual_batch_norm': {
        'default': False,
        'help': 'normalise in the generator by a fixed reference batch and the example itself',
    },
}


class Model(gan.Model):
    """The post's GAN, and the techniques of its flags.

    Attributes:
      watcher: images (N, H, W, C) -> features (N, ...) of --feature_layer, and logits (N, 1).
      histories: {player: means of all values that its parameters have had}; empty without
        --historical_averaging.
    """

    def __init__(self, image_shape, classes, settings):
        super().__init__(image_shape, classes, settings)
        self.watcher = watcher(self.discriminator, settings.feature_layer)
        kept = self.players if settings.historical_averaging else ()
        self.histories = {player: copies(self.network(player)) for player in kept}

    @property
    def over_batch(self):
        """The techniques that compare the images of a batch, if any."""
        names = ('feature_matching', 'minibatch_discrimination')
        return ' and '.join(f'--{n}' for n in names if getattr(self.settings, n)) or None

    def networks(self):
        """Those of `gan`, with other layers where the flags ask for them."""
        generator, discriminator = gan.stacks(self.image_shape)
        return self.generator_of(generator), self.discriminator_of(discriminator)

    def generator_of(self, stack):
        """The generator of these layers, with --virtual_batch_norm in the place of batch norm."""
        shape, count = [self.settings.latent_dim], self.settings.batch_size
        if not self.settings.virtual_batch_norm:
            return gan.network('generator', shape, stack)
        stack = [VirtualBatchNorm(count) if is_batch_norm(layer) else layer for layer in stack]
        noise = self.noise(count, apart([self.settings.seed, LATENTS_STEP], 2))
        return Referenced(gan.network('generator', shape, stack), noise)

    def discriminator_of(self, stack):
        """The discriminator of these layers, with or without batch norm."""
        kept = self.settings.batch_norm
        *hidden, logit = [layer for layer in stack if kept or not is_batch_norm(layer)]
        if self.settings.minibatch_discrimination:
            hidden.append(MinibatchDiscrimination(dtype=exact()))
        return gan.network('discriminator', self.image_shape, [*hidden, logit])

    def play(self, batch, fake_images, seed):
        """The losses with what the flags add; data and samples pass the discriminator apart."""
        batch, fake_images = self.disguised(batch, fake_images, seed)
        true_features, true_logit = self.watch(batch.images)
        fake_features, fake_logit = self.watch(fake_images)
        d_loss, g_loss = self.game(true_logit, fake_logit)
        if self.settings.feature_matching:
            g_loss = feature_matching_loss(true_features, fake_features)
        losses = self.with_history({'discriminator': d_loss, 'generator': g_loss})
        return losses, self.verdicts(true_logit, fake_logit)

    def watch(self, images):
        """Features (N, ...), as exact as the logits, and logits (N, 1)."""
        features, logit = self.watcher(images, training=True)
        return tf.cast(features, logit.dtype), logit

    def game(self, true_logit, fake_logit):
        """The post's losses, smoothed on one side."""
        return non_saturating_loss(true_logit, fake_logit, self.settings.real_target)

    def with_history(self, losses):
        """The losses, with the weighted distance of each player that has a history from it."""
        weight, found = self.settings.historical_averaging, dict(losses)
        for player, means in self.histories.items():
            values = self.network(player).trainable_variables
            found[player] += weight * historical_averaging_loss(values, means)
        return found

    def after_step(self, player, step):
        """Also takes the player's new parameters into its history."""
        super().after_step(player, step)
        if player in self.histories:
            values = self.network(player).trainable_variables
            for mean, value in zip(self.histories[player], values, strict=True):
                count = tf.cast(step, mean.dtype) + 2.0  # the initial parameters are the first
                mean.assign_add((value - mean) / count)


def is_batch_norm(layer):
    """Whether a layer is batch norm."""
    return isinstance(layer, layers.BatchNormalization)


def copies(network):
    """Variables that begin as the parameters of a network, and that nobody trains."""
    return [keras.Variable(v.numpy(), trainable=False) for v in network.trainable_variables]


def watcher(discriminator, number):
    """The discriminator with a second output: its hidden layer of this number from the last.

    Raises:
      InputError: there is no such layer.
    """
    hidden = [layer for layer in discriminator.layers if isinstance(layer, layers.LeakyReLU)]
    if number > len(hidden):
        told = f'the discriminator has {len(hidden)} hidden layers; choose one of them'
        raise InputError(f'--feature_layer={number}: {told}')
    return keras.Model(discriminator.inputs, [hidden[-number].output, *discriminator.outputs])
