"""The Wasserstein GAN.

Arjovsky, Chintala & Bottou 2017, "Wasserstein GAN" (arXiv:1701.07875): algorithm 1 with its
defaults. A critic, whose output is any real number, takes the place of the discriminator; the
difference of its means over data and samples estimates the earth mover's distance, as far as its
slope is bounded. Here every weight of the critic is clipped to [-0.01, 0.01] after each step. The
critic makes five steps for each of the generator, all on batches and noise of their own.

The networks are those of `dcgan`, without batch norm in the critic. The authors' code
(github.com/martinarjovsky/WassersteinGAN) keeps it and clips its scales too, to a hundredth; and it
makes the critic a function of the batch, not of an image, whose slope then means nothing. RMSProp
decays as in their code, which takes PyTorch's defaults. Clipping wastes much of a critic, so it has
more filters here.

Not here is how that code starts: its critic makes 100 steps, not 5, for each of the generator's
first 25, and again at every 500th. Nor is its noise, which is normal of variance 1; here it is
uniform, as in `dcgan`, or normal of variance 1/3.
"""

import tensorflow as tf
from keras.optimizers import RMSprop

from losses import wasserstein_loss
from models import dcgan
from models.shared.alternating import AlternatingModel

defaults = {
    'epochs': 50,
    'learning_rate': 5e-5,
    'train_size': 60000,
    'discriminator_steps': 5,
    'width': 1.5,
}
options = {
    'clip': {
        'default': 0.01,
        'help': "largest absolute value of the critic's weights",
        'least': 1e-6,
    },
}


class Model(AlternatingModel):
    """Generator and critic in turn, on pixels in [-1, 1]; the critic is called discriminator."""

    value_range = (-1.0, 1.0)
    critic = True

    def networks(self):
        """Those of `dcgan`, without batch norm in the critic."""
        return dcgan.networks(self.image_shape, self.settings, list)

    def game(self, true_logit, fake_logit):
        """The dual of the earth mover's distance."""
        return wasserstein_loss(true_logit, fake_logit)

    def play(self, batch, fake_images, seed):
        """The losses, and the estimate of the distance."""
        losses, logs = super().play(batch, fake_images, seed)
        return losses, logs | {'wasserstein': -losses['discriminator']}

    def optimizers(self):
        """RMSProp for both players; gradients may be tiny here, so epsilon must be."""
        rate = self.settings.learning_rate
        return {p: RMSprop(rate, rho=0.99, epsilon=1e-16) for p in self.players}

    def after_step(self, player, step):
        """Clips the critic."""
        super().after_step(player, step)
        if player == 'discriminator':
            for weight in self.discriminator.trainable_variables:
                weight.assign(tf.clip_by_value(weight, -self.settings.clip, self.settings.clip))
