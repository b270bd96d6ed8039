"""The Wasserstein GAN with gradient penalty.

Gulrajani, Ahmed, Arjovsky, Dumoulin & Courville 2017, "Improved Training of Wasserstein GANs"
(arXiv:1704.00028): algorithm 1 with its defaults. In the place of clipping, which drives a critic's
weights to the bounds and its gradients to zero or infinity (section 3), a penalty on its loss
asks for a slope of 1 between data and samples.

The rest is `wgan`, with Adam, and layer norm in the critic: the penalty is on the slope at each
image, which batch norm would make depend on the other images (section 4).
"""

from keras import layers

from losses import gradient_penalty
from models import wgan
from models.shared.noise import apart
from models.shared.optimizers import Adam

defaults = {'epochs': 40, 'learning_rate': 1e-4, 'train_size': 60000}
options = {
    'penalty_weight': (10.0, 'lambda, weight of the gradient penalty', 0.0),
    'discriminator_steps': (5, "the critic's steps for each of the generator", 1, 1000),
    'width': (1.0, 'multiplies the filters of all layers', 0.1, 16.0),
}


class Model(wgan.Model):
    """Generator and critic in turn."""

    def norm(self):
        """Layer norm over all axes of an image, with a scale and a shift a filter."""
        return [layers.GroupNormalization(groups=1)]

    def play(self, batch, fake_images, seed):
        """The losses, the critic's with the penalty; the estimate of the distance without it."""
        losses, logs = super().play(batch, fake_images, seed)
        penalty = gradient_penalty(self.discriminator, batch.images, fake_images, apart(seed))
        losses['discriminator'] += self.options.penalty_weight * penalty
        return losses, logs | {'penalty': penalty}

    def optimizers(self):
        """Adam without momentum for both players."""
        return {p: Adam(self.options.learning_rate, 0.0, 0.9) for p in self.players}

    def after_step(self, player, step):
        """Clips nothing."""
        return
