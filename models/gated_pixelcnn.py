"""The gated PixelCNN: two stacks of convolutions, so that no earlier pixel stays unseen.

van den Oord, Kalchbrenner, Vinyals, Espeholt, Graves & Kavukcuoglu 2016, "Conditional Image
Generation with PixelCNN Decoders" (arXiv:1606.05328), section 2 and figure 2. A stack of masked
convolutions does not see all pixels above: to the right they lie in a blind spot. Here a vertical
stack sees all rows above, and a horizontal one the pixels to the left in the same row, and what the
vertical one has found. Both are gated,

    y = tanh(W_f * x + V_f h) sigmoid(W_g * x + V_g h)                                 (eq. 2, 4)

where h is a one-hot label with `--condition=label`, and nothing otherwise. The label enters the
vertical stack; the horizontal one gets it with what the vertical one tells.
"""

import tensorflow as tf
from keras import layers

from models.shared.autoregressive import AutoregressiveModel, multiple
from models.shared.labels import LabelsIfAsked, given_or_drawn
from models.shared.masked import MaskedConv2D

defaults = {'epochs': 30, 'batch_size': 16, 'learning_rate': 2e-3, 'train_size': 60000}
options = {
    'layers': {'default': 14, 'help': 'gated layers after the first', 'least': 1, 'most': 100},
    'condition': {
        'default': 'none',
        'help': 'what all pixels depend on besides: the label, or nothing',
        'choices': ('none', 'label'),
    },
}
FEATURES = 16  # p: maps of each stack


class Model(LabelsIfAsked, AutoregressiveModel):
    """A vertical and a horizontal stack of gated convolutions."""

    def __init__(self, image_shape, classes, settings):
        super().__init__(image_shape, classes, settings)
        channels = image_shape[2]
        p = multiple(settings.width * FEATURES, channels)
        known = classes if self.given else 0
        self.vertical = [VerticalLayer(p, 7, 'above', known)]
        self.horizontal = [HorizontalLayer(p, 7, 'A', channels)]
        for _ in range(settings.layers):
            self.vertical.append(VerticalLayer(p, 3, 'row', known))
            self.horizontal.append(HorizontalLayer(p, 3, 'B', channels))
        self.finish()

    def latents(self, count, seed, given=None):
        """Uniform noise, and behind it a map of the label if pixels depend on it."""
        noise = super().latents(count, seed)
        if not self.given:
            return noise
        labels = tf.cast(given_or_drawn(given, count, seed, self.classes), noise.dtype)
        return tf.concat([noise, tf.ones_like(noise[..., :1]) * labels[:, None, None, None]], 3)

    def parts(self, latents):
        """The noise of latents, and their labels."""
        if not self.given:
            return latents, None
        return latents[..., :-1], tf.cast(latents[:, 0, 0, -1], tf.int32)

    def above(self, images, labels=None, spot=None):
        """The vertical stack: what each of its layers tells the horizontal one."""
        found, x = [], images
        for layer in self.vertical:
            x, told = layer(x, labels, spot=spot)
            found.append(told)
        return found

    def conditionals(self, images, above, spot=None):
        """The horizontal stack, and two convolutions of 1x1."""
        x = images
        for layer, told in zip(self.horizontal, above, strict=True):
            x = layer(x, told, spot=spot)
        return self.told(x, spot=spot)


class VerticalLayer(layers.Layer):
    """The left half of figure 2: a gated convolution of the rows above, and V h."""

    def __init__(self, p, size, kind, classes):
        super().__init__()
        self.conv = MaskedConv2D(2 * p, size, kind)
        self.tell = MaskedConv2D(2 * p, 1, 'row')
        self.of_label = layers.Embedding(classes, 2 * p) if classes else None

    def call(self, maps, labels=None, spot=None):
        """(N, H, W, D) -> p maps for the next layer, and 2 p for the horizontal stack."""
        found = self.conv(maps, spot=spot)
        if self.of_label:
            found += self.of_label(labels)[:, None, None]
        return gate(found), self.tell(found)


class HorizontalLayer(layers.Layer):
    """The right half of figure 2: a gated convolution of the row, and the input beside."""

    def __init__(self, p, size, kind, channels):
        super().__init__()
        self.kind = kind
        self.conv = MaskedConv2D(2 * p, size, kind, channels, rows=1, parts=2)
        self.out = MaskedConv2D(p, 1, 'B', channels)

    def call(self, maps, told, spot=None):
        """(N, H, W, D) and what the vertical stack tells, (N, H, W, 2 p) -> (N, H, W, p)."""
        found = self.out(gate(self.conv(maps, spot=spot) + told))
        return found if self.kind == 'A' else maps + found


def gate(maps):
    """tanh of one half of the maps times sigmoid of the other (eq. 2)."""
    values, gates = tf.split(maps, 2, axis=-1)
    return tf.tanh(values) * tf.sigmoid(gates)
