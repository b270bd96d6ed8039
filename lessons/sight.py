"""Lesson 15: what one pixel sees: which earlier pixels its logit depends on.

  python -m lessons.sight

Networks with the weights that they begin with, and no data. A column a model, a line a depth: the
residual blocks of the PixelCNN (van den Oord et al. 2016, arXiv:1601.06759), the gated layers of
the gated one (arXiv:1606.05328, whose figure 1 has the blind spot), the recurrent layers of the
PixelRNN. Of the pixels before the black one, its logit depends on the blue ones and not on the
orange ones. Prints the share of earlier pixels that are seen.
"""

import numpy as np
import tensorflow as tf
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch

import flags
from lessons import figure
from lessons.tables import tell
from models.shared.build import build
from support import terminal
from support.errors import InputError

# The model, the flag that is its depth, and its other flags.
KINDS = {
    'PixelCNN': ('pixelcnn', 'blocks', {}),
    'gated PixelCNN': ('gated_pixelcnn', 'layers', {}),
    'Row LSTM': ('pixelrnn', 'layers', {'variant': 'row'}),
    'Diagonal BiLSTM': ('pixelrnn', 'layers', {'variant': 'diagonal'}),
}
IMAGES = 4  # a ReLU that is zero in one hides nothing in the others
DEEPEST = 100
LARGEST = 32  # with more pixels all but one of them could be told as 100.0 %
COLOURS = {'later': '0.88', 'seen': 'C0', 'not seen': 'C1', 'the pixel': 'black'}
LATER, SEEN, UNSEEN, ITSELF = range(4)  # their places in COLOURS


def main(argv):
    """Draws the figure, prints the shares and where; returns 0; raises InputError."""
    settings = figure.parse(argv, 'sight', __doc__, define_flags)
    depths, place = depths_of(settings.depths), place_of(settings)
    found = {name: [look(name, depth, settings.side, place) for depth in depths] for name in KINDS}
    told = [[name, *(percent(share(states)) for states in line)] for name, line in found.items()]
    tell(['model', *(f'depth {depth}' for depth in depths)], told)
    figure.save(settings.out, draw(found, depths))
    return 0


def define_flags(table):
    """Defines this lesson's flags on `table`."""
    group = 'What to look at'
    flags.define(table, group, 'depths', '1,3,7', 'blocks or layers, a line of the figure each')
    flags.define(
        table, group, 'side', 28, 'of the images, in pixels', flags.Number(int, 2, LARGEST)
    )
    meaning = 'of the pixel, from 0; by default the middle one'
    flags.define(table, group, 'row', None, meaning, flags.Number(int, 0))
    flags.define(table, group, 'column', None, meaning, flags.Number(int, 0))


def depths_of(words):
    """The numbers in --depths; raises InputError for what is none."""
    depths = [int(word) if word.isdecimal() else 0 for word in words.split(',')]
    if not all(1 <= depth <= DEEPEST for depth in depths):
        raise InputError(f'--depths={words}: must be whole numbers from 1 to {DEEPEST}, as 1,3,7')
    return depths


def place_of(settings):
    """(row, column) of the pixel; raises InputError where it is outside or has none before it."""
    side = settings.side
    asked = settings.row, settings.column
    row, column = (side // 2 if number is None else number for number in asked)
    if max(row, column) >= side:
        raise InputError(f'--row={row} --column={column}: outside of {side} x {side} pixels')
    if row == column == 0:
        raise InputError('--row=0 --column=0: no pixel comes before the first; name another')
    return row, column


def look(name, depth, side, place):
    """What each pixel is to the one at `place`, for a model of KINDS: (side, side) of states."""
    model, flag, more = KINDS[name]
    own = {flag: depth, 'precision': 'float64'} | more
    network = build((side, side, 1), 10, flags.settings(model, dataset='digits', **own))
    before = np.arange(side * side).reshape(side, side) < place[0] * side + place[1]
    states = np.where(before, np.where(seen(network, *place), SEEN, UNSEEN), LATER)
    states[place] = ITSELF
    return states


def seen(model, row, column):
    """Which pixels the logit of one pixel depends on: (H, W) of booleans.

    By its gradient: where no way leads from a pixel to the logit, it is exactly zero. Float64,
    since on a long way through an LSTM it is small.
    """
    noise = np.random.default_rng(0).random((IMAGES, *model.image_shape))
    images = tf.constant(noise)
    with tf.GradientTape() as tape:
        tape.watch(images)
        logit = tf.reduce_sum(model.logits(images)[:, row, column])
    return np.any(tape.gradient(logit, images).numpy() != 0, axis=(0, 3))


def share(states):
    """Of the earlier pixels, the share that is seen."""
    count = np.sum(states == SEEN)
    return count / (count + np.sum(states == UNSEEN))


def percent(number):
    """A share as the table and the titles say it."""
    return f'{100 * number:.1f} %'


def draw(found, depths):
    """The figure of {name: [states of each depth]}."""
    page = figure.page(2.4 * len(found), 2.6 * len(depths) + 0.3)
    places = page.subplots(len(depths), len(found), squeeze=False)
    colours = np.array([to_rgb(colour) for colour in COLOURS.values()])
    first, *_ = found
    for column, (name, line) in zip(places.T, found.items(), strict=True):
        for axes, depth, states in zip(column, depths, line, strict=True):
            axes.imshow(colours[states])
            axes.set_title(f'{name}: {percent(share(states))}', fontsize='medium')
            axes.set(xticks=[], yticks=[], ylabel=f'depth {depth}' if name == first else None)
    patches = [Patch(facecolor=colour, label=name) for name, colour in COLOURS.items()]
    page.legend(handles=patches[1:] + patches[:1], loc='outside lower center', ncols=len(patches))
    return page


if __name__ == '__main__':
    terminal.start(main)
