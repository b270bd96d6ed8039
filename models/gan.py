"""The generative adversarial network: the post's loss on the networks of its public code.

Goodfellow et al. 2014, "Generative Adversarial Networks" (arXiv:1406.2661); tutorial: Goodfellow
2016 (arXiv:1701.00160). The discriminator learns to tell data from samples, the generator to be
taken for data (the non-saturating loss of section 3). They move in turn, on the same noise.

The blog post gives the losses, here those without labels, and trains for 368 epochs. Its public
code (github.com/kvmanohar22/Generative-Models) has the networks for 28x28, uniform codes of 100,
10,000 training images, batches of 64 and the rate of 2e-4 for both players. What differs from that
code:

- Gaussian noise on all that the discriminator sees, data and samples (Arjovsky & Bottou 2017,
  section 3, arXiv:1701.04862; Sonderby et al. 2017, arXiv:1610.04490), so that at first it cannot
  tell them apart with certainty. Without it the discriminator wins within two epochs, or does not,
  by the last bits of the sums.
- Weights from N(0, 0.02), cut at two deviations. There the generator starts from N(0, 0.2), cut in
  the same way, the discriminator from Glorot's weights, and the biases of its convolutions from
  0.01, here from zero.
- beta_1 of Adam 0.5 for 0.9, as in Radford et al. 2016 (arXiv:1511.06434), and so are the weights.
- Five times the discriminator's learning rate for the generator.
- Samples are drawn with moving averages in batch norm. There they are drawn with the statistics of
  their batch.
- Every epoch has an order of its own. There it is the same in each.
- Rates that fall as 1 / (1 + step / 500), and with them the noise. With 5000 in the place of 500
  the discriminator's loss fell from 1.26 to 0.7, and at epoch 76 the run broke down for ten epochs
  (MNIST, one seed, noise of 0.2 that did not fall).

`python -m benchmarks.robustness` counts over several seeds what most of them are worth. They were
found on digits. On CIFAR-10 they leave the discriminator at chance; docs/results.md has flags that
do not.

That code's GAN for 32x32 cannot run: names are missing, and arguments are given twice. The one here
has its layers, the sizes of its maps and the discriminator's kernels; the generator's kernels, the
activations and the place of batch norm are those for 28x28.
"""

import keras
import tensorflow as tf
from keras import layers
from keras.optimizers.schedules import InverseTimeDecay

from losses import GAN_loss_without_labels
from models.shared.adversarial import AdversarialModel
from models.shared.layers import Conv2D, Conv2DTranspose, exact
from models.shared.noise import apart, normal
from models.shared.optimizers import Adam

defaults = {'epochs': 368, 'learning_rate': 2e-4}
options = {
    'generator_rate': {
        'default': 5.0,
        'help': "the generator's learning rate, in units of --learning_rate",
        'least': 0.0,
    },
    'instance_noise': {
        'default': 0.5,
        'help': 'initial standard deviation of the noise on everything that the discriminator '
        'sees; 1 is the pixel range',
        'least': 0.0,
        'most': 10.0,
    },
    'decay_steps': {
        'default': 500,
        'help': 'steps after which the learning rates and the noise are half of what they were',
        'least': 1,
    },
}


class Model(AdversarialModel):
    """Generator and discriminator in turn, on the same noise."""

    alternate = True
    xla_up_to = (32, 128)

    def __init__(self, image_shape, classes, settings):
        super().__init__(image_shape, classes, settings)
        self.value_range = (0.0, 1.0) if image_shape[0] == 28 else (-1.0, 1.0)

    def networks(self):
        """For 28x28 those of the post's code, else what its code for 32x32 means."""
        return networks(self.image_shape, self.settings.latent_dim)

    def play(self, batch, fake_images, seed):
        """The losses where the discriminator sees data and samples through noise."""
        return super().play(*self.disguised(batch, fake_images, seed), seed)

    def disguised(self, batch, fake_images, seed):
        """The batch and the samples as the discriminator sees them: through noise."""
        true_images = self.blurred(batch.images, batch.step, apart(seed, 1))
        fake_images = self.blurred(fake_images, batch.step, apart(seed, 2))
        return batch._replace(images=true_images), fake_images

    def blurred(self, images, step, seed):
        """The images with the noise of step number `step`."""
        noise = normal(tf.shape(images), seed, images.dtype)
        return images + tf.cast(self.instance_noise(step), images.dtype) * noise

    def instance_noise(self, step):
        """Deviation of the noise in step number `step` from 0; it falls as the rates do."""
        low, high = self.value_range
        fall = 1.0 + tf.cast(step, tf.float32) / self.settings.decay_steps
        return self.settings.instance_noise * (high - low) / fall

    def game(self, true_logit, fake_logit):
        """The post's losses."""
        return GAN_loss_without_labels(true_logit, fake_logit)

    def optimizers(self):
        """Adam for both players, at rates that fall as 1 / (1 + step / decay_steps)."""
        rate = self.settings.learning_rate
        rates = {'discriminator': rate, 'generator': rate * self.settings.generator_rate}
        decay = self.settings.decay_steps
        return {
            player: Adam(InverseTimeDecay(rate, decay, decay_rate=1.0), beta_1=0.5)
            for player, rate in rates.items()
        }


def networks(image_shape, inputs, outputs=1):
    """(generator, discriminator): (N, inputs) -> images -> logits (N, outputs)."""
    small = image_shape[0] == 28
    layers_of = (generator_28, discriminator_28) if small else (generator_32, discriminator_32)
    generator, discriminator = layers_of
    return (
        network('generator', [inputs], generator(image_shape)),
        network('discriminator', image_shape, discriminator(outputs)),
    )


def generator_28(image_shape):
    """The layers of the post's code: three dense ones, then maps of 4, 7, 14 and 28 pixels."""
    return [
        *dense(7 * 7 * 64),
        *dense(4 * 4 * 64),
        *dense(4 * 4 * 128),
        layers.Reshape([4, 4, 128]),
        *up(64, crop=True),
        *up(32),
        transposed(image_shape[2], activation='sigmoid', dtype=exact()),
    ]


def discriminator_28(outputs):
    """The layers of the post's code, with batch norm from the third on."""
    return [
        *down(32, 5, norm=False),
        *down(64, 5, norm=False),
        *down(128, 3),
        layers.Flatten(),
        *dense(1024),
        *dense(512),
        linear(outputs, dtype=exact()),
    ]


def generator_32(image_shape):
    """For 32x32 and any multiple of 16, after code of the post's that cannot run."""
    size = image_shape[0] // 8
    return [
        *dense(size * size * 128),
        layers.Reshape([size, size, 128]),
        *up(64),
        *up(32),
        transposed(image_shape[2], activation='tanh', dtype=exact()),
    ]


def discriminator_32(outputs):
    """For 32x32 and any multiple of 16, after code of the post's that cannot run."""
    return [
        *down(32, 5, norm=False),
        *down(64, 3, norm=False),
        *down(128, 3),
        layers.Flatten(),
        linear(outputs, dtype=exact()),
    ]


def network(name, shape, stack):
    """A stack of layers as a network."""
    return keras.Sequential([keras.Input(shape), *stack], name=name)


def weights():
    """Initial weights: a normal distribution, cut at two standard deviations."""
    return keras.initializers.TruncatedNormal(stddev=0.02)


def linear(units, **options):
    """A dense layer."""
    bias = keras.initializers.Constant(0.01)
    return layers.Dense(units, kernel_initializer=weights(), bias_initializer=bias, **options)


def transposed(filters, **options):
    """A transposed convolution to twice the size."""
    kind = {'strides': 2, 'padding': 'same', 'kernel_initializer': weights()}
    return Conv2DTranspose(filters, 3, **kind, **options)


def batch_norm():
    """Batch norm without scale; an epoch may have 20 steps, too few for a momentum of 0.99."""
    return layers.BatchNormalization(scale=False, momentum=0.9)


def dense(units):
    """Dense layer, batch norm, leaky ReLU."""
    return [linear(units), batch_norm(), layers.LeakyReLU(0.2)]


def up(filters, crop=False):
    """To twice the size, or with `crop` one less; batch norm, ReLU."""
    cut = [layers.Cropping2D(((1, 0), (1, 0)))] if crop else []
    return [transposed(filters), *cut, batch_norm(), layers.ReLU()]


def down(filters, size, norm=True):
    """Convolution to half the size, batch norm, leaky ReLU."""
    kind = {'strides': 2, 'padding': 'same', 'kernel_initializer': weights()}
    middle = [batch_norm()] if norm else []
    return [Conv2D(filters, size, **kind), *middle, layers.LeakyReLU(0.2)]
