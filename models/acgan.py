"""The auxiliary classifier GAN.

Odena, Olah & Shlens 2017, "Conditional Image Synthesis with Auxiliary Classifier GANs"
(arXiv:1610.09585), section 3. The generator gets the class that it is to draw with its noise. The
discriminator answers two questions: is the image from the data (the source), and of which class is
it? Both players want the class to be told right, of data and of samples; about the source they are
opponents, as in every GAN.

Networks, noise and optimizers are those of `gan`, with K + 1 logits at the discriminator's end; the
paper has larger images, other networks and one rate for both.
"""

import tensorflow as tf

from losses import auxiliary_classifier_loss
from models import gan
from models.shared.labels import ConditionalModel


class Model(ConditionalModel, gan.Model):
    """Generator given a label; discriminator of source and class."""

    def networks(self):
        """Those of `gan`, with a logit for the source and one for each class."""
        length = self.settings.latent_dim + self.classes
        return gan.networks(self.image_shape, length, outputs=1 + self.classes)

    def play(self, batch, fake_images, seed):
        """The losses, the verdicts, and how often the class is told right."""
        batch, fake_images = self.disguised(batch, fake_images, seed)
        both = [self.discriminator(x, training=True) for x in (batch.images, fake_images)]
        sources, classes = [x[:, :1] for x in both], [x[:, 1:] for x in both]
        labels = tf.one_hot(batch.labels, self.classes, dtype=classes[0].dtype)
        d_loss, g_loss = auxiliary_classifier_loss(*sources, *classes, labels)
        losses = {'discriminator': d_loss, 'generator': g_loss}
        right = [self.accuracy(x, batch.labels) for x in classes]
        told = dict(zip(('class_true', 'class_fake'), right, strict=True))
        return losses, self.verdicts(*sources) | told

    def accuracy(self, logits, labels):
        """The share of logits (N, K) that are largest at their label (N,)."""
        right = tf.equal(tf.argmax(logits, axis=1), tf.cast(labels, tf.int64))
        return tf.reduce_mean(tf.cast(right, tf.float32))
