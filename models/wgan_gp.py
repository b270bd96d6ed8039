"""The Wasserstein GAN with gradient penalty.

Gulrajani, Ahmed, Arjovsky, Dumoulin & Courville 2017, "Improved Training of Wasserstein GANs"
(arXiv:1704.00028): algorithm 1 with its defaults. In the place of clipping, which drives a critic's
weights to the bounds and its gradients to zero or infinity (section 3), a penalty on its loss
asks for a slope of 1 between data and samples.

The critic and its game are those of `wgan`, the networks those of `dcgan`, with Adam, and layer
norm in the critic: the penalty is on the slope at each image, which batch norm would make depend on
the other images (section 4).

The authors' example for MNIST (gan_mnist.py in github.com/igul222/improved_wgan_training) does not
keep to the paper: no norm in either network, beta_1 = 0.5, normal noise, batches of 50, kernels of
5, sigmoid pixels and four times the filters.

The paper's rate is for hundreds of thousands of steps. After a few thousand it has drawn two
classes of digits; with `--learning_rate=5e-4` all ten, with each of three seeds (see
docs/robustness.md).
"""

from keras import layers

from losses import gradient_penalty, wasserstein_loss
from models import dcgan
from models.shared.alternating import AlternatingModel
from models.shared.noise import apart, uniform
from models.shared.optimizers import Adam

defaults = {'epochs': 40, 'learning_rate': 1e-4, 'train_size': 60000, 'discriminator_steps': 5}
options = {
    'penalty_weight': {
        'default': 10.0,
        'help': 'lambda, weight of the gradient penalty',
        'least': 0.0,
    },
}


class Model(AlternatingModel):
    """Generator and critic in turn, on pixels in [-1, 1]; the critic is called discriminator."""

    value_range = (-1.0, 1.0)
    critic = True
    xla_up_to = (28, 64)

    def networks(self):
        """Those of `dcgan`, with layer norm in the critic."""
        return dcgan.networks(self.image_shape, self.settings, layer_norm)

    def game(self, true_logit, fake_logit):
        """The dual of the earth mover's distance."""
        return wasserstein_loss(true_logit, fake_logit)

    def play(self, batch, fake_images, seed):
        """The losses, the critic's with the penalty; the estimate of the distance without it."""
        losses, logs = super().play(batch, fake_images, seed)
        distance = -losses['discriminator']
        images = batch.images
        shape = [len(images)] + [1] * (len(images.shape) - 1)
        share = uniform(shape, apart(seed), dtype=images.dtype)
        penalty = gradient_penalty(self.discriminator, images, fake_images, share)
        losses['discriminator'] += self.settings.penalty_weight * penalty
        return losses, logs | {'wasserstein': distance, 'penalty': penalty}

    def optimizers(self):
        """Adam without momentum for both players."""
        return {p: Adam(self.settings.learning_rate, 0.0, 0.9) for p in self.players}


def layer_norm():
    """Layer norm over all axes of an image, with a scale and a shift a filter."""
    return [layers.GroupNormalization(groups=1)]
