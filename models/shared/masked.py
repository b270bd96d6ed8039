"""Masked convolutions: every pixel is computed from those before it.

van den Oord, Kalchbrenner & Kavukcuoglu 2016, "Pixel Recurrent Neural Networks" (arXiv:1601.06759),
section 3.4. Pixels come row by row from the top, in a row from the left, in a pixel red, green,
blue. A mask keeps a kernel from what comes later. That of a kernel of 5x5:

    1 1 1 1 1
    1 1 1 1 1
    1 1 x 0 0        x: 0 in mask A, 1 in mask B
    0 0 0 0 0
    0 0 0 0 0

The first layer sees the image and has mask A, which hides the pixel itself. The others have mask B:
what they see at a pixel no longer knows it. Kernels here end with the middle row, since all below
is zero.

In a colour image the maps of each layer are in three groups, of red, green and blue. There x is 1
from an earlier group to a later one, 0 from a later to an earlier one, and within a group as above.
A layer that makes two or four numbers of each map, for gates, has these three groups as many times.

When an image is drawn, the pixels become known one by one. Then a network is called at a `Spot`,
where it computes one pixel (or one row) of each layer, and finds the others in the layers' memory
(Ramachandran et al. 2017, "Fast Generation for Convolutional Autoregressive Models",
arXiv:1704.06001).
"""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from models.shared.layers import wants_products

IMAGE = 'image'  # its name in memory
MARGIN = 3  # zeros above and beside an image in memory: half of the largest kernel, 7x7


class MaskedConv2D(layers.Layer):
    """A convolution with a mask, stride 1 and maps as large as its inputs.

    Args:
      filters: maps that it computes.
      size: odd side of the kernel, at most 7.
      kind: 'A' or 'B'; or, for all maps alike, 'above', which sees only the rows above, or 'row',
        which sees the whole row of the pixel besides.
      channels: of the image; with A and B, the maps it sees and each part of `filters` must be
        multiples.
      rows: of the kernel; by default half of it, with the middle row.
      parts: how many times the groups of channels stand in `filters`.
    """

    def __init__(self, filters, size, kind, channels=1, rows=None, parts=1, **options):
        super().__init__(**options)
        self.filters, self.size, self.kind = filters, size, kind
        self.channels, self.parts = channels, parts
        self.rows = rows or size // 2 + 1

    def build(self, shape):
        """Makes the kernel (rows, size, D, filters) and the bias."""
        shape = [self.rows, self.size, shape[-1], self.filters]
        self.mask = mask(shape, self.kind, self.channels, self.parts)
        self.kernel = self.add_weight(shape, masked_glorot(self.mask), name='kernel')
        self.bias = self.add_weight([self.filters], 'zeros', name='bias')

    def call(self, maps, spot=None):
        """(N, H, W, D) -> (N, H, W, filters).

        At a spot, maps are (N, 1, width, D) of that spot, or None for the image as drawn so far.
        """
        rows, columns = self.kernel.shape[:2]
        if spot is None:
            side = columns // 2
            window = tf.pad(maps, [[0, 0], [rows - 1, 0], [side, side], [0, 0]])
        else:
            window = spot.window(self.path, maps, rows, columns)
        kernel = self.kernel * tf.cast(self.mask, self.kernel.dtype)
        return convolve(tf.cast(window, self.compute_dtype), kernel) + self.bias


def mask(shape, kind, channels, parts=1):
    """The mask of a kernel of this shape, (rows, size, inputs, outputs), of zeros and ones."""
    _, size, inputs, outputs = shape
    found = np.ones(shape, np.float32)
    if kind == 'above':
        found[-1] = 0
    if kind in ('A', 'B'):
        found[-1, size // 2 + 1 :] = 0
        seen = np.arange(inputs)[:, None] * channels // inputs
        made = np.tile(np.arange(outputs // parts) * channels * parts // outputs, parts)
        found[-1, size // 2] = seen < made if kind == 'A' else seen <= made
    return found


def masked_glorot(mask):
    """Glorot's uniform weights for as many connections as the mask leaves."""
    rows, columns, inputs, outputs = mask.shape
    kept = max(mask.sum(), 1.0)
    limit = np.sqrt(6.0 / (kept / outputs + kept / inputs))
    return keras.initializers.RandomUniform(-limit, limit)


def convolve(window, kernel):
    """The convolution without margins: (N, H + K - 1, W + L - 1, D) and (K, L, D, F).

    Where XLA compiles, a product with the patches, as `models.shared.layers` says.
    """
    rows, columns, depth, filters = kernel.shape
    if not wants_products():
        return tf.nn.conv2d(window, kernel, 1, 'VALID')
    high, wide = window.shape[1] - rows + 1, window.shape[2] - columns + 1
    shifts = [(i, j) for i in range(rows) for j in range(columns)]
    patches = tf.concat([window[:, i : i + high, j : j + wide] for i, j in shifts], axis=3)
    return tf.tensordot(patches, tf.reshape(kernel, [rows * columns * depth, filters]), 1)


class Spot:
    """One pixel, or one row, of an image that is being drawn; and what layers computed elsewhere.

    Attributes:
      row, column: of the pixel, or of the first in the row; integers or scalar tensors.
      width: 1, or that of the image.
      memory: {name: maps (H + 3, W + 6, N, D)}, with zeros where nothing is known: IMAGE, and under
        the path of each layer that looks at more than the spot what it sees.
    """

    def __init__(self, row, column, width, memory):
        self.row, self.column, self.width, self.memory = row, column, width, {**memory}

    def window(self, name, maps, rows, columns):
        """What a kernel of so many rows, ending with this one, and columns has before it.

        `maps` (N, 1, width, D) are remembered as those of this spot; None stands for the image.
        Returns (N, rows, columns - 1 + width, D).
        """
        if maps is None:
            return self.look(IMAGE, rows, columns)
        if rows == columns == 1:
            return maps
        self.remember(name, maps)
        return self.look(name, rows, columns)

    def remember(self, name, maps):
        """Puts maps (N, 1, width, D) of this spot into the memory of that name."""
        values = tf.transpose(maps[:, 0], [1, 0, 2])
        place = self.row + MARGIN, self.column + MARGIN
        places = [[place[0], place[1] + i] for i in range(self.width)]
        known = self.known(name, maps.shape[3], maps.dtype)
        self.memory[name] = tf.tensor_scatter_nd_update(known, places, values)

    def look(self, name, rows, columns, depth=None, dtype=None):
        """(N, rows, columns - 1 + width, D) of that memory, up to this row, this spot amid them.

        If nothing may have been remembered yet, `depth` is D, and `dtype` the type.
        """
        maps = self.known(name, depth, dtype)
        start = [self.row + MARGIN + 1 - rows, self.column + MARGIN - columns // 2, 0, 0]
        size = [rows, columns - 1 + self.width, *maps.shape[2:]]
        return tf.transpose(tf.slice(maps, start, size), [2, 0, 1, 3])

    def known(self, name, depth, dtype):
        """The memory of that name: (H + 3, W + 6, N, depth)."""
        if name not in self.memory:
            shape = [*self.memory[IMAGE].shape[:3], depth]
            self.memory[name] = tf.zeros(shape, dtype)
        return self.memory[name]
