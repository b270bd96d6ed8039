"""The PixelCNN: masked convolutions tell what each pixel may be, given those before it.

van den Oord, Kalchbrenner & Kavukcuoglu 2016, "Pixel Recurrent Neural Networks" (arXiv:1601.06759),
section 3.4 and table 1: a masked convolution of 7x7, residual blocks (figure 5), two masked
convolutions of 1x1 and the logits. In training all pixels of an image are computed at once; drawing
goes pixel by pixel.
"""

import tensorflow as tf
from keras import layers

from models.shared.autoregressive import AutoregressiveModel, multiple
from models.shared.masked import MaskedConv2D

defaults = {'epochs': 30, 'batch_size': 16, 'learning_rate': 2e-3, 'train_size': 60000}
options = {
    'blocks': {'default': 15, 'help': 'residual blocks', 'least': 1, 'most': 100},
}
FEATURES = 16  # h: maps within a residual block; 2 h between them


class Model(AutoregressiveModel):
    """Masked convolutions with residual connections."""

    def __init__(self, image_shape, classes, settings):
        super().__init__(image_shape, classes, settings)
        channels = image_shape[2]
        h = multiple(settings.width * FEATURES, channels)
        self.first = MaskedConv2D(2 * h, 7, 'A', channels)
        self.blocks = [Residual(h, channels) for _ in range(settings.blocks)]
        self.finish()

    def conditionals(self, images, above, spot=None):
        """Table 1: 7x7, blocks, 1x1, 1x1."""
        x = self.first(images, spot=spot)
        for block in self.blocks:
            x = block(x, spot=spot)
        return self.told(x, spot=spot)


class Residual(layers.Layer):
    """Figure 5: 1x1 to h maps, 3x3, 1x1 to 2 h, each after a ReLU, and the input beside."""

    def __init__(self, h, channels):
        super().__init__()
        self.down = MaskedConv2D(h, 1, 'B', channels)
        self.across = MaskedConv2D(h, 3, 'B', channels)
        self.up = MaskedConv2D(2 * h, 1, 'B', channels)

    def call(self, maps, spot=None):
        """(N, H, W, 2 h) -> (N, H, W, 2 h)."""
        x = maps
        for layer in (self.down, self.across, self.up):
            x = layer(tf.nn.relu(x), spot=spot)
        return maps + x
