"""The deep convolutional generative adversarial network.

Radford, Metz & Chintala 2016, "Unsupervised Representation Learning with Deep Convolutional
Generative Adversarial Networks" (arXiv:1511.06434). Its five guidelines (section 3):

- strided convolutions take the place of pooling, in the generator transposed ones;
- batch norm in both networks, but not where images leave the generator or enter the discriminator;
- no dense hidden layers;
- ReLU in the generator, tanh at its end;
- leaky ReLU in the discriminator.

What differs from the paper and from its authors' code (github.com/Newmu/dcgan_code):

- fewer filters, for images of 28 pixels a side instead of 64; `--width` multiplies them;
- kernels of 4 pixels a side, where the code has 5: a multiple of the stride, so that every pixel
  is reached by equally many weights;
- batches of 64 instead of 128, and no weight decay, which the code has (1e-5);
- both players move at once, on one batch and one noise, where the code lets them take turns, each
  on a batch and noise of its own;
- for MNIST the code has another network, which is told the labels: its maps end at 7 pixels a side,
  and a dense hidden layer looks at all of them.

Here the maps go down to four pixels a side, as in the paper's network for 64 pixels.
`--discriminator_maps` and `--generator_maps` stop them earlier or later: at 7 the discriminator
adds up what it makes of windows of 10 pixels, at 4 of 22 (see `lessons.windows`).
`--adversarial_loss` takes the place of the paper's loss by that of Mao et al. 2017
(arXiv:1611.04076) or Lim & Ye 2017 (arXiv:1705.02894).
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
    'discriminator_maps': {
        'default': 4,
        'help': "pixels a side, at most, of the discriminator's smallest maps; on 28 pixels, 14, "
        '7, 4 and 2 are one, two, three and four convolutions',
        'least': 2,
        'most': 14,
    },
    'generator_maps': {
        'default': 4,
        'help': "the same of the generator's",
        'least': 2,
        'most': 14,
    },
}

FILTERS = 16  # in the layers at the largest maps; twice as many at half the side, and so on
KERNEL = 4  # pixels a side, a multiple of the stride, so that all pixels get equal shares
SMALLEST = 4  # pixels a side, at most, of the smallest maps where no flag tells


class Model(AdversarialModel):
    """Generator and discriminator of convolutions, on pixels in [-1, 1]."""

    value_range = (-1.0, 1.0)
    xla_up_to = (28, 64)

    def networks(self):
        """(generator, discriminator), with batch norm in both."""
        smallest = self.settings.generator_maps, self.settings.discriminator_maps
        return networks(self.image_shape, self.settings, lambda: [batch_norm()], smallest)

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


def networks(image_shape, settings, norm, smallest=(SMALLEST, SMALLEST)):
    """(generator, discriminator), mirrored if their smallest maps are equal.

    Args:
      image_shape: (H, W, C).
      settings: namespace of all flags of the run.
      norm: `norm()` are the layers behind each inner convolution of the discriminator.
      smallest: pixels a side, at most, of the smallest maps of either.
    """
    sides, judged = (sides_of(image_shape[0], least) for least in smallest)
    return (
        generator(image_shape, settings.latent_dim, sides, filters_of(sides, settings.width)),
        discriminator(image_shape, filters_of(judged, settings.width), norm),
    )


def sides_of(side, smallest):
    """Pixels a side of the maps, from the image to the smallest; each is half, rounded up."""
    return [side, *(sides_of(-(-side // 2), smallest) if side > smallest else [])]


def filters_of(sides, width):
    """Filters of the maps below the image: twice as many at half the side."""
    return [round(FILTERS * width) * 2**i for i in range(len(sides) - 1)]


def generator(image_shape, latent_dim, sides, filters):
    """Noise to the smallest maps, then transposed convolutions of stride 2 to tanh pixels.

    `sides` are those of the maps from the image down, `filters` those of all but the image.
    """
    *sides, side = sides
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
    """Convolutions of stride 2, one for each of `filters`, and a logit.

    `norm()` are the layers behind all convolutions but the first. The logit has no bias, as in
    the authors' code; to a critic it would be no use.
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
