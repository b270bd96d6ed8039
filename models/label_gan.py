"""The post's GAN with labels.

After "Generative Models" (K. V. Manohar 2017), on the GAN of Goodfellow et al. 2014
(arXiv:1406.2661). The discriminator is a classifier of K logits. It is to know the class of an
image from the data, and to give a sample any class but one:

    d = -sum y log p(x) - sum (1 - y) log p(G(z)),    g = -sum y log p(G(z)),

with y one-hot and p the softmax of the logits (`GAN_loss_with_labels`). `1 - y` sums to K - 1: it
is no distribution, and weighs as much as K - 1 labels.

By default the generator gets the label with its noise, and y is what it was asked for. In the
post's public code it sees no label, so the y of a sample, that of an image in the same batch, has
nothing to do with it: `--condition=none`. Then there is no game. In the mean over y the samples'
terms are -(K - 1) / K sum log p_k for the discriminator and -1 / K sum log p_k for the generator:
both want the same, every class as likely, and no digit is drawn. With labels two seeds of three
draw digits (docs/robustness.md); with the third the discriminator tells the data's labels and gives
every sample all classes alike. `acgan` does not depend on that.

That code shuffles images without their labels; here each image keeps its own. Networks, noise and
optimizers are those of `gan`.
"""

import tensorflow as tf

from losses import GAN_loss_with_labels
from models import gan
from models.shared.labels import ConditionalModel, LabelsIfAsked

options = {
    'condition': {
        'default': 'label',
        'help': 'what the generator gets beside its noise: the label, or nothing, as in the '
        "post's code",
        'choices': ('none', 'label'),
    },
}


class Model(LabelsIfAsked, ConditionalModel, gan.Model):
    """The post's generator, and a discriminator that tells classes."""

    def networks(self):
        """Those of `gan`, with a logit for each class."""
        length = self.settings.latent_dim + (self.classes if self.given else 0)
        return gan.networks(self.image_shape, length, outputs=self.classes)

    def play(self, batch, fake_images, seed):
        """The losses, and the mean probability of y for data and samples."""
        batch, fake_images = self.disguised(batch, fake_images, seed)
        logits = [self.discriminator(x, training=True) for x in (batch.images, fake_images)]
        labels = tf.one_hot(batch.labels, self.classes, dtype=logits[0].dtype)
        d_loss, g_loss = GAN_loss_with_labels(*logits, labels)
        known = [tf.reduce_mean(tf.reduce_sum(labels * tf.nn.softmax(x), 1)) for x in logits]
        losses = {'discriminator': d_loss, 'generator': g_loss}
        return losses, dict(zip(('label_true', 'label_fake'), known, strict=True))
