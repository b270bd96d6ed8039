"""The PixelRNN: recurrent layers that carry what earlier pixels tell over the whole image.

van den Oord, Kalchbrenner & Kavukcuoglu 2016, "Pixel Recurrent Neural Networks" (arXiv:1601.06759),
sections 3.1 to 3.4 and table 1: a masked convolution of 7x7, recurrent layers with residual
connections (figure 5), two masked convolutions of 1x1 and the logits. Each LSTM (eq. 3) has

    [o, f, i, g] = K_ss * h + K_is * x,   c' = f c + i tanh(g),   h' = o tanh(c')

with o, f and i through a sigmoid. `--variant` says which states come before:

- `row`, the Row LSTM: the three pixels above. A state knows a triangle of pixels above it.
- `diagonal`, the Diagonal BiLSTM: the pixel to the left and the one above; and in a second LSTM the
  one to the right and the one above, moved down a row, since what is to the right in the same row
  is not known. So every earlier pixel is seen but the last one of the row above, which the mask A
  of the first layer hides there. Rows are skewed against one another, so that pixels of a diagonal
  stand in a column and are computed at once (figure 3).
"""

import tensorflow as tf
from keras import layers

from models.shared.autoregressive import AutoregressiveModel, multiple
from models.shared.masked import MaskedConv2D, convolve

defaults = {'epochs': 30, 'batch_size': 16, 'learning_rate': 2e-3, 'train_size': 60000}
options = {
    'variant': {
        'default': 'row',
        'help': 'recurrent layers: row, the Row LSTM, or diagonal, the Diagonal BiLSTM',
        'choices': ('row', 'diagonal'),
    },
    'layers': {'default': 3, 'help': 'recurrent layers', 'least': 1, 'most': 100},
}
UNITS = 16  # h: of each LSTM; 2 h maps between them


class Model(AutoregressiveModel):
    """Recurrent layers with residual connections."""

    xla_up_to = (28, 16)

    def __init__(self, image_shape, classes, settings):
        super().__init__(image_shape, classes, settings)
        channels = image_shape[2]
        h = multiple(settings.width * UNITS, channels)
        kind = {'row': RowLSTM, 'diagonal': DiagonalBiLSTM}[settings.variant]
        self.first = MaskedConv2D(2 * h, 7, 'A', channels)
        self.recurrent = [kind(h, channels) for _ in range(settings.layers)]
        self.ups = [MaskedConv2D(2 * h, 1, 'B', channels) for _ in range(settings.layers)]
        self.finish()

    def above(self, images, labels=None, spot=None):
        """At a row, what the LSTMs from the right made of the row above it."""
        if spot is None or self.settings.variant == 'row':
            return []
        return [layer.right(None, spot=spot) for layer in self.recurrent]

    def conditionals(self, images, above, spot=None):
        """Table 1: 7x7, recurrent layers, 1x1, 1x1."""
        x = self.first(images, spot=spot)
        for number, (layer, up) in enumerate(zip(self.recurrent, self.ups, strict=True)):
            told = above[number] if above else None
            x += up(layer(x, told, spot=spot), spot=spot)
        return self.told(x, spot=spot)


class RowLSTM(layers.Layer):
    """Row by row, each state from the three above it (section 3.1)."""

    def __init__(self, h, channels):
        super().__init__()
        self.h = h
        self.see = MaskedConv2D(4 * h, 3, 'B', channels, rows=1, parts=4)

    def build(self, maps_shape, told_shape=None):
        """Makes K_ss."""
        self.kernel = self.add_weight([1, 3, self.h, 4 * self.h], 'glorot_uniform', name='kernel')

    def call(self, maps, told=None, spot=None):
        """(N, H, W, 2 h) -> (N, H, W, h)."""
        seen = self.see(maps, spot=spot)
        if spot is None:
            rows = tf.transpose(seen, [1, 0, 2, 3])[:, :, None]
            empty = tf.zeros_like(rows[0, ..., : self.h])
            states, _ = tf.scan(self.next_row, rows, (empty, empty))
            return tf.transpose(states[:, :, 0], [1, 0, 2, 3])
        return recall(spot, self.path, seen, self.h, self.from_above)

    def next_row(self, before, seen):
        """The states of a row from those of the row above and what is seen: (N, 1, W, D)."""
        state, cell = before
        gates = seen + convolve(tf.pad(state, [[0, 0], [0, 0], [1, 1], [0, 0]]), self.kernel)
        return lstm(gates, cell)

    def from_above(self, state, cell, seen):
        """The state of a pixel from the memory up to it, both (N, 2, 3, h)."""
        gates = seen + convolve(state[:, :1], self.kernel)
        return lstm(gates, cell[:, :1, 1:2])


class DiagonalBiLSTM(layers.Layer):
    """An LSTM from the left, and one from the right moved down a row (section 3.2)."""

    def __init__(self, h, channels):
        super().__init__()
        self.left, self.right = LeftLSTM(h, channels), RightLSTM(h, channels)

    def call(self, maps, told=None, spot=None):
        """(N, H, W, 2 h) -> (N, H, W, h); at a pixel `told` is what the one from the right says."""
        if spot is None:
            return self.left(maps) + self.right(maps)
        spot.remember(self.right.path, maps)
        return self.left(maps, spot=spot) + told


class LeftLSTM(layers.Layer):
    """Each state from the one to the left and the one above."""

    def __init__(self, h, channels, **options):
        super().__init__(**options)
        self.h = h
        self.see = MaskedConv2D(4 * h, 1, 'B', channels, parts=4, **options)

    def build(self, shape):
        """Makes K_ss: (2, h, 4 h), for the state above and the one to the left."""
        self.kernel = self.add_weight([2, self.h, 4 * self.h], 'glorot_uniform', name='kernel')

    def call(self, maps, spot=None):
        """(N, H, W, 2 h) -> (N, H, W, h)."""
        seen = self.see(maps, spot=spot)
        if spot is None:
            return self.diagonals(seen)
        return recall(spot, self.path, seen, self.h, self.from_left_and_above)

    def diagonals(self, seen):
        """All states of what is seen, (N, H, W, 4 h): diagonal by diagonal."""
        columns = tf.transpose(skew(seen), [2, 0, 1, 3])
        empty = tf.zeros_like(columns[0, ..., : self.h])
        states, _ = tf.scan(self.next_diagonal, columns, (empty, empty))
        return unskew(tf.transpose(states, [1, 2, 0, 3]))

    def next_diagonal(self, before, seen):
        """The states of a diagonal from those of the one before and what is seen: (N, H, D)."""
        state, cell = before
        above = tf.pad(state, [[0, 0], [1, 0], [0, 0]])[:, :-1]
        return self.next(above, state, cell, seen)

    def next(self, above, beside, cell, seen):
        """The LSTM of eq. 3: (..., h), (..., h), (..., h) and (..., 4 h) -> two (..., h)."""
        gates = seen + above @ self.kernel[0] + beside @ self.kernel[1]
        return lstm(gates, cell)

    def from_left_and_above(self, state, cell, seen):
        """The state of a pixel from the memory up to it, both (N, 2, 3, h)."""
        return self.next(state[:, :1, 1:2], state[:, 1:, :1], cell[:, 1:, :1], seen)


class RightLSTM(LeftLSTM):
    """Each state from the one to the right and the one above; all moved down by a row."""

    def call(self, maps, spot=None):
        """(N, H, W, 2 h) -> (N, H, W, h); at a row, None for the maps that it remembers."""
        if spot is None:
            states = self.diagonals(self.see(maps)[:, :, ::-1])[:, :, ::-1]
            return tf.pad(states, [[0, 0], [1, 0], [0, 0], [0, 0]])[:, :-1]
        return self.row(spot)

    def row(self, spot):
        """The states of the row above the spot's, (N, 1, W, h), remembered in the spot's."""
        name, depth = f'{self.path}/state', self.see.kernel.shape[2]
        maps = spot.look(self.path, 2, 1, depth, self.compute_dtype)[:, :1]
        above = spot.look(name, 2, 1, self.h, self.compute_dtype)[:, :1]
        states = self.columns(self.see(maps)[:, 0, ::-1], above[:, 0, ::-1])[:, None, ::-1]
        states *= tf.cast(spot.row > 0, states.dtype)
        spot.remember(name, states)
        return states

    def columns(self, seen, above):
        """The states of a row from what is seen, (N, W, 4 h), and those above, (N, W, h)."""
        steps = [tf.transpose(x, [1, 0, 2]) for x in (above, seen)]

        def step(before, now):
            return self.next(now[0], *before, now[1])

        empty = tf.zeros_like(above[:, 0])
        states, _ = tf.scan(step, steps, (empty, empty))
        return tf.transpose(states, [1, 0, 2])


def recall(spot, name, seen, h, after):
    """The state (N, 1, 1, h) of a pixel, by the states and cells in memory under that name.

    `after(state, cell, seen)` makes state and cell of the memory around the pixel, (N, 2, 3, h),
    and what is seen there, (N, 1, 1, 4 h).
    """
    names = f'{name}/state', f'{name}/cell'
    known = [spot.look(each, 2, 3, h, seen.dtype) for each in names]
    found = after(*known, seen)
    for each, values in zip(names, found, strict=True):
        spot.remember(each, values)
    return found[0]


def lstm(gates, cell):
    """(state, cell) after gates (..., 4 h), which are o, f, i and g, and a cell (..., h)."""
    o, f, i, g = tf.split(gates, 4, axis=-1)
    cell = tf.sigmoid(f) * cell + tf.sigmoid(i) * tf.tanh(g)
    return tf.sigmoid(o) * tf.tanh(cell), cell


def skew(maps):
    """Moves each row right by its number: (N, H, W, D) -> (N, H, W + H - 1, D)."""
    height, width = maps.shape[1:3]
    rows = [tf.pad(maps[:, i], [[0, 0], [i, height - 1 - i], [0, 0]]) for i in range(height)]
    return tf.stack(rows, axis=1)


def unskew(maps):
    """The inverse of `skew`."""
    height = maps.shape[1]
    width = maps.shape[2] - height + 1
    return tf.stack([maps[:, i, i : i + width] for i in range(height)], axis=1)
