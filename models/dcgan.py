"""The deep convolutional generative adversarial network.

Radford, Metz & Chintala 2016, "Unsupervised Representation Learning with Deep Convolutional
Generative Adversarial Networks" (arXiv:1511.06434). Its five guidelines (section 3):

- strided convolutions take the place of pooling, in the generator transposed ones;
- batch norm in both networks, but not where images leave the generator or enter the discriminator;
- no dense hidden layers;
- ReLU in the generator, tanh at its end;
- leaky ReLU in the discriminator.

Fewer filters than in the paper, whose images have 64 pixels a side; `--width` multiplies them. The
maps go down to four pixels, as there, and it matters: with one convolution less the discriminator
adds up what it makes of patches of ten pixels, never sees whether the parts of a digit fit
together, and the generator does not learn it.
Both players move at once. `--adversarial_loss` takes the place of the paper's loss by that of Mao
et al. 2017 (arXiv:1611.04076) or Lim & Ye 2017 (arXiv:1705.02894).
"""

import keras
from keras import layers

from losses import hinge_loss, least_squares_loss, non_saturating_loss
from models.shared.adversarial import AdversarialModel
from models.shared.layers import Conv2D, Conv2DTranspose, exact
from models.shared.optimizers import Adam

defaults = {'epochs': 20, 'learning_rate': 2e-4, 'train_size': 60000}
options = {
    'adversarial_loss': {
        'default': 'non_saturating',
        'help': 'what both players minimise',
        'choices': ('non_saturating', 'least_squares', 'hinge'),
    },
    'real_target': {
        'default': 1.0,
        'help': 'target of the discriminator for data; 0.9 is one-sided label smoothing',
        'least': 0.0,
        'most': 1.0,
        'only_with': {'adversarial_loss': 'non_saturating'},
    },
    'width': {
        'default': 1.0,
        'help': 'multiplies the filters of all layers',
        'least': 0.1,
        'most': 16.0,
    },
}

FILTERS = 16  # in the layers at the largest maps; twice as many at half the side, and so on
KERNEL = 4  # pixels a side, a multiple of the stride, so that all pixels get equal shares
SMALLEST = 4  # pixels a side at most of the smallest maps; one of theirs sees 22 of the image


class Model(AdversarialModel):
    """Generator and discriminator of convolutions, on pixels in [-1, 1]."""

    value_range = (-1.0, 1.0)
    xla_up_to = (28, 64)

    def networks(self):
        """(generator, discriminator), mirrored, with batch norm in both."""
        return networks(self.image_shape, self.settings, lambda: [batch_norm()])

    def game(self, true_logit, fake_logit):
        """The losses that --adversarial_loss names."""
        kind = self.settings.adversarial_loss
        if kind == 'non_saturating':
            return non_saturating_loss(true_logit, fake_logit, self.settings.real_target)
        return (hinge_loss if kind == 'hinge' else least_squares_loss)(true_logit, fake_logit)

    @property
    def critic(self):
        """D is a probability in the paper's loss alone."""
        return self.settings.adversarial_loss != 'non_saturating'

    def optimizers(self):
        """Adam with beta_1 = 0.5 for both players."""
        return {p: Adam(self.settings.learning_rate, beta_1=0.5) for p in self.players}


def networks(image_shape, settings, norm):
    """(generator, discriminator), mirrored.

    Args:
      image_shape: (H, W, C).
      settings: namespace of all flags of the run.
      norm: `norm()` are the layers behind each inner convolution of the discriminator.
    """
    filters = filters_of(image_shape[0], settings.width)
    return (
        generator(image_shape, settings.latent_dim, filters),
        discriminator(image_shape, filters, norm),
    )


def sides_of(side):
    """Pixels a side of the maps, from the image to the smallest; each is half, rounded up."""
    return [side, *(sides_of(-(-side // 2)) if side > SMALLEST else [])]


def filters_of(side, width):
    """Filters of the maps below the image: twice as many at half the side."""
    return [round(FILTERS * width) * 2**i for i in range(len(sides_of(side)) - 1)]


def generator(image_shape, latent_dim, filters):
    """Noise to the smallest maps, then transposed convolutions of stride 2 to tanh pixels."""
    *sides, side = sides_of(image_shape[0])
    stack = [
        keras.Input([latent_dim]),
        layers.Dense(side * side * filters[-1], use_bias=False, kernel_initializer=weights()),
        layers.Reshape([side, side, filters[-1]]),
    ]
    for count, side in reversed([*zip(filters[:-1], sides[1:], strict=True)]):
        stack += [batch_norm(), layers.ReLU(), Conv2DTranspose(count, **strided(), use_bias=False)]
        stack += [layers.Cropping2D(((1, 0), (1, 0)))] if side % 2 else []
    stack += [batch_norm(), layers.ReLU()]
    stack += [Conv2DTranspose(image_shape[2], **strided(), activation='tanh', dtype=exact())]
    return keras.Sequential(stack, name='generator')


def discriminator(image_shape, filters, norm):
    """Convolutions of stride 2 and a logit; `norm()` are the layers behind all but the first.

    The logit has no bias, as in the authors' code; to a critic it would be no use.
    """
    stack = [keras.Input(image_shape)]
    for i, count in enumerate(filters):
        stack += [Conv2D(count, **strided()), *(norm() if i else []), layers.LeakyReLU(0.2)]
    last = layers.Dense(1, use_bias=False, kernel_initializer=weights(), dtype=exact())
    stack += [layers.Flatten(), last]
    return keras.Sequential(stack, name='discriminator')


def batch_norm():
    """Batch norm; an epoch may have 20 steps, too few for a momentum of 0.99."""
    return layers.BatchNormalization(momentum=0.9)


def weights():
    """Initial weights: N(0, 0.02^2)."""
    return keras.initializers.RandomNormal(stddev=0.02)


def strided():
    """What all convolutions have in common."""
    kind = {'kernel_size': KERNEL, 'strides': 2, 'padding': 'same'}
    return kind | {'kernel_initializer': weights()}
