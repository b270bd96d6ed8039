"""What adversarial models share: a generator, and who judges what it makes."""

import tensorflow as tf

from models.shared.base import GenerativeModel
from models.shared.layers import stock
from models.shared.noise import LATENTS_STEP, uniform


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
