"""What adversarial models share: a generator, and who judges what it makes."""

import keras
import tensorflow as tf

from models.shared.base import GenerativeModel
from models.shared.layers import stock
from models.shared.noise import LATENTS_STEP, normal, uniform

options = {
    'latent': {
        'default': 'uniform',
        'help': 'distribution of the noise: uniform in [-1, 1], or normal with the same variance',
        'choices': ('uniform', 'normal'),
    },
    'average': {
        'default': 0.0,
        'help': "decay of a moving average of the generator's weights, which then draws the "
        'samples; for example 0.999; 0 means no average',
        'least': 0.0,
        'most': 0.999999,
    },
}


class AdversarialModel(GenerativeModel):
    """A generator that turns noise into images, and who judges them.

    A model says what its `networks` are and what `game` they play.

    Attributes:
      critic: whether D is the logit itself; otherwise it is a probability, sigmoid(logit).
      drawer: the generator, or with --average a copy of it whose weights are moving averages
        (Yazici et al. 2019, arXiv:1806.04498).
    """

    players = {'discriminator': 1, 'generator': 1}
    critic = False

    def __init__(self, image_shape, classes, settings):
        super().__init__(image_shape, classes, settings)
        self.generator, self.discriminator = self.networks()
        self.drawer = self.twin('generator') if settings.average else self.generator

    def networks(self):
        """(generator, discriminator): (N, D) -> images, images -> logits (N, 1)."""
        raise NotImplementedError

    def twin(self, player):
        """A copy of a player's network that no player trains."""
        with keras.name_scope('twin'):
            generator, discriminator = self.networks()
        copy = generator if player == 'generator' else discriminator
        copy.set_weights(self.network(player).get_weights())
        copy.trainable = False
        return copy

    def game(self, true_logit, fake_logit):
        """(d_loss, g_loss), scalars, of the logits of data and samples."""
        raise NotImplementedError

    def noise(self, count, seed):
        """Noise (count, D), each number of variance 1/3."""
        shape = [count, self.settings.latent_dim]
        if self.settings.latent == 'normal':
            return normal(shape, seed) / tf.sqrt(3.0)
        return uniform(shape, seed, -1.0, 1.0)

    def objectives(self, batch, seed):
        """The losses of both players on a batch and as many samples."""
        fake_images = self.generator(self.noise_for(batch, seed), training=True)
        return self.play(batch, fake_images, seed)

    def noise_for(self, batch, seed):
        """What the generator makes of as many samples as the batch has images."""
        return self.noise(len(batch.images), seed)

    def play(self, batch, fake_images, seed):
        """What `objectives` returns; data and samples pass the discriminator apart."""
        true_logit = self.discriminator(batch.images, training=True)
        fake_logit = self.discriminator(fake_images, training=True)
        d_loss, g_loss = self.game(true_logit, fake_logit)
        losses = {'discriminator': d_loss, 'generator': g_loss}
        return losses, self.verdicts(true_logit, fake_logit)

    def verdicts(self, true_logit, fake_logit):
        """Means to log: D(x) of the data and D(G(z)) of the samples; of a critic the logits'."""
        say, name = (tf.identity, 'critic') if self.critic else (tf.sigmoid, 'd')
        d_true, d_fake = (tf.reduce_mean(say(x)) for x in (true_logit, fake_logit))
        return {f'{name}_true': d_true, f'{name}_fake': d_fake}

    def after_step(self, player, step):
        """Moves the averages towards the generator's weights."""
        if player == 'generator' and self.settings.average:
            follow(self.drawer, self.generator, self.settings.average, step)

    def latents(self, count, seed, given=None):
        """Noise (count, D) as in training."""
        return self.noise(count, [seed, LATENTS_STEP])

    def sample(self, latents):
        """The images of the generator or its average, by moving batch statistics."""
        return self.drawer(latents, training=False)

    def features(self, images):
        """What the last layer of the discriminator sees, by moving batch statistics: (N, D)."""
        network = self.discriminator
        return keras.Model(network.inputs, network.layers[-1].input)(images, training=False)

    def export(self):
        """The generator or its average: noise -> images in `value_range`; None if not of stock."""
        return stock(self.drawer)


def follow(average, network, decay, step):
    """Moves the weights of `average` to those of `network` by a share of 1 - decay, more at first.

    Args:
      average: a copy of `network`.
      decay: what the average keeps of itself, in [0, 1).
      step: number of the step, from 0.
    """
    step = tf.cast(step, tf.float32)
    keep = tf.minimum(decay, (1.0 + step) / (10.0 + step))
    for mean, value in zip(average.variables, network.variables, strict=True):
        share = tf.cast(keep, mean.dtype)
        mean.assign(share * mean + (1.0 - share) * value)
