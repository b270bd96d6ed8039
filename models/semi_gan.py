"""Semi-supervised learning with a generative adversarial network.

Salimans, Goodfellow, Zaremba, Cheung, Radford & Chen 2016, "Improved Techniques for Training GANs"
(arXiv:1606.03498), section 5. Of each class a few images have labels. The discriminator is a
classifier of K classes and one more, that of samples. It learns

- from labelled images, to tell their class,
- from all images, that they are of one of the K classes,
- from samples, that they are of none.

The generator matches the mean features of the last hidden layer (section 3.1). Its samples can be
told from data (figure 3): what counts is the classifier. `test_error` in the log is the share of
test images whose class it tells wrongly.

Networks, noise, optimizers and the averaged weights that judge the test images are those of the
authors' code for MNIST (github.com/openai/improved-gan, train_mnist_feature_matching.py). The
discriminator has weight normalisation (Salimans & Kingma 2016, arXiv:1602.07868), set by 500 images
before the first step, and noise before each layer. What differs from that code:

- The generator matches the batch that the discriminator has just seen, there another.
- The average begins with the initial weights and forgets its first steps. There it begins at zero.
- Adam's epsilon is added to the root. There 1e-8 is added below it, which for small gradients is
  an epsilon of 1e-4; that is the one here.
- Samples are drawn with moving averages in batch norm. There it always has its batch's statistics.
- The generator's last layer begins from N(0, 0.1), there from Glorot's weights.

`--unsupervised_weight=0` is the same classifier, trained on the labelled images alone.
"""

import math

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from losses import data_logit, feature_matching_loss, semi_supervised_loss
from models.shared.adversarial import follow
from models.shared.alternating import AlternatingModel
from models.shared.base import Stream
from models.shared.layers import exact
from models.shared.optimizers import Adam
from models.shared.weight_norm import GaussianNoise, WeightNormDense, initialise
from support.errors import InputError

defaults = {'epochs': 300, 'batch_size': 100, 'learning_rate': 3e-3, 'train_size': 60000}
options = {
    'labelled_per_class': {
        'default': 10,
        'help': 'training images of each class whose labels are used; the seed draws them',
        'least': 1,
    },
    'unsupervised_weight': {
        'default': 1.0,
        'help': 'weight of what the classifier learns from images without labels and from samples; '
        '0 trains it on the labelled images alone',
        'least': 0.0,
    },
}
HIDDEN = (1000, 500, 250, 250, 250)  # units of the discriminator's layers
DECAY = 0.9999  # of the averaged classifier


class Model(AlternatingModel):
    """Classifier and generator in turn, on pixels in [0, 1]; the former is called discriminator.

    Attributes:
      classifier: a copy of the discriminator whose weights are moving averages.
    """

    over_batch = 'feature matching'

    def __init__(self, image_shape, classes, settings):
        super().__init__(image_shape, classes, settings)
        self.classifier = self.twin('discriminator')

    def networks(self):
        """(generator, discriminator): noise -> images -> features (N, D) and logits (N, K)."""
        width, length = self.settings.width, self.settings.latent_dim
        units = [round(width * count) for count in HIDDEN]
        return (
            generator(self.image_shape, length, round(width * 500)),
            discriminator(self.image_shape, self.classes, units),
        )

    def initialise(self, images):
        """Initialises the discriminator by data."""
        initialise(self.discriminator, images)
        self.classifier.set_weights(self.discriminator.get_weights())

    def streams(self, data, load):
        """The images with labels."""
        return {'labelled': labelled(data, self.settings.labelled_per_class, self.settings.seed)}

    def play(self, batch, fake_images, seed):
        """The losses of section 5, the classifier's two terms, and D(x) = 1 - p(sample given x)."""
        few = batch.more['labelled']
        images = few.images, batch.images, fake_images
        seen = [self.discriminator(x, training=True) for x in images]
        (_, true_features, fake_features), (few_logits, *logits) = zip(*seen, strict=True)
        supervised, unsupervised = semi_supervised_loss(few_logits, few.labels, *logits)
        weight = self.settings.unsupervised_weight
        losses = {
            'discriminator': supervised + weight * unsupervised,
            'generator': feature_matching_loss(true_features, fake_features),
        }
        terms = {'supervised': supervised, 'unsupervised': unsupervised}
        return losses, terms | self.verdicts(*map(data_logit, logits))

    def after_step(self, player, step):
        """Moves the averages towards the weights."""
        super().after_step(player, step)
        if player == 'discriminator':
            follow(self.classifier, self.discriminator, DECAY, step)

    def test(self, batch, seed):
        """1 for each image whose class the averaged classifier tells wrongly, else 0."""
        _, logits = self.classifier(batch.images, training=False)
        wrong = tf.not_equal(tf.argmax(logits, axis=1), tf.cast(batch.labels, tf.int64))
        return {'error': tf.cast(wrong, tf.float32)}

    def optimizers(self):
        """Adam for both players, with the authors' epsilon."""
        rate = self.settings.learning_rate
        return {player: Adam(rate, beta_1=0.5, epsilon=1e-4) for player in self.players}


def generator(image_shape, latent_dim, units):
    """Two softplus layers with batch norm, sigmoid pixels with weight normalisation."""
    pixels = math.prod(image_shape)
    stack = [
        keras.Input([latent_dim]),
        *hidden(units),
        *hidden(units),
        WeightNormDense(pixels, 'sigmoid', train_scale=True, dtype=exact()),
        layers.Reshape(image_shape, dtype=exact()),
    ]
    return keras.Sequential(stack, name='generator')


def hidden(units):
    """Dense layer, batch norm without scale, softplus."""
    norm = layers.BatchNormalization(scale=False, momentum=0.9)
    return [layers.Dense(units, use_bias=False), norm, layers.Activation('softplus')]


def discriminator(image_shape, classes, units):
    """Layers of so many units, each after noise; those of the last are the features."""
    *units, last = units
    images = keras.Input(image_shape)
    x = GaussianNoise(0.3)(layers.Flatten()(images))
    for count in units:
        x = GaussianNoise(0.5)(WeightNormDense(count, 'relu')(x))
    features = WeightNormDense(last, 'relu', dtype=exact())(x)
    logits = WeightNormDense(classes, train_scale=True, dtype=exact())
    x = GaussianNoise(0.5, dtype=exact())(features)
    return keras.Model(images, [features, logits(x)], name='discriminator')


def labelled(data, count, seed):
    """The `Stream` of `count` training images of each class, drawn by `seed`.

    Raises:
      InputError: the data have one class, or a class has fewer images.
    """
    check(data, count)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,)))
    order = rng.permutation(len(data.train_labels))
    labels = data.train_labels[order]
    classes = range(len(data.class_names))
    rows = np.concatenate([order[labels == number][:count] for number in classes])
    return Stream(data.train_images[rows], data.train_labels[rows])


def check(data, count):
    """Refuses data without two classes of `count` training images each."""
    names = data.class_names
    if len(names) < 2:
        raise InputError('--model=semi_gan: the data have one class; choose data with two or more')
    sizes = np.bincount(data.train_labels, minlength=len(names))
    least = np.argmin(sizes)
    if sizes[least] < count:
        fault = f'class {names[least]} has {sizes[least]} training images'
        raise InputError(
            f'--labelled_per_class={count}: {fault}; choose fewer, or another data set'
        )
