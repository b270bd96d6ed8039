"""Lesson 14: an image as 784 small questions, and what the answers cost.

  python -m lessons.questions --runs=outputs/pixelcnn-mnist

Autoregressive models ask of one pixel after the other whether it is white, given those before it. A
line a run and test image, its pixels drawn black or white: the image; the probability of white that
each pixel has before it is known; its surprise, -log2 of the probability of what it is; the bits of
each row; and images of which the upper rows are given, while the others are drawn. Prints how many
nats the images take, and where they lie.
"""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import maximum_filter, minimum_filter
from scipy.special import entr, expit

import datasets
import flags
import pictures
from evaluation.likelihoods import EXACT_BATCH, batches, pixels_of
from evaluation.measuring import load
from lessons import figure
from lessons.tables import tell
from pages import columns
from runs import directory
from runs.drawing import complete
from runs.restore import checkpoint, restore
from support import terminal
from support.errors import InputError

COMPLETIONS, ACROSS = 8, 4  # of an image, and in a line of them
HEADS = ['run', 'test image', 'nats', 'of the draw', 'in a tenth', 'at edges', 'edges']
TITLES = ['image', 'p(white)', 'surprise, in bits', 'bits of each row', 'completed']


class Answers(NamedTuple):
    """What a model says of N test images, their pixels drawn black or white.

    Attributes:
      numbers: of the images among the test images, (N,).
      images: uint8 (N, H, W, C).
      white: the probability of white, given the pixels before, (N, H, W, C).
      bits: -log2 of the probability of what the pixel is, (N, H, W, C).
    """

    numbers: np.ndarray
    images: np.ndarray
    white: np.ndarray
    bits: np.ndarray


def main(argv):
    """Draws the figure, prints its numbers and where; returns 0; raises InputError."""
    settings = figure.parse(argv, 'questions', __doc__, define_flags)
    compared = directory.open_runs(settings.runs)
    data, _ = load(compared, settings.data_dir)
    shown, rows = numbers_of(settings.numbers, data), rows_of(settings.rows, data)
    names, models = restored(compared)
    more, _ = datasets.subset(np.arange(len(data.test_images)), data.test_labels, settings.count)
    found, means = ([answer(model, data, part) for model in models] for part in (shown, more))
    tell_numbers(names, found, means, data)
    drawn = [
        [complete(model, image, rows, COMPLETIONS, settings.seed) for image in each.images]
        for model, each in zip(models, found, strict=True)
    ]
    figure.save(settings.out, draw(names, found, drawn))
    return 0


def define_flags(table):
    """Defines this lesson's flags on `table`."""
    group = 'What to ask'
    meaning = 'directories of runs of autoregressive models, of one data set'
    flags.define(table, group, 'runs', None, meaning)
    meaning = "prepared data sets of tensorflow-datasets; by default the first run's directory"
    flags.define(table, group, 'data_dir', None, meaning)
    flags.define(table, group, 'numbers', '0,1,2', 'of the test images that are shown, from 0')
    meaning = 'rows that are given where the others are drawn; by default half of them'
    flags.define(table, group, 'rows', None, meaning, flags.Number(int, 1))
    meaning = 'test images of which the mean numbers are told'
    flags.define(table, group, 'count', 200, meaning, flags.Number(int, 1))
    flags.define(table, group, 'seed', 0, 'of what is drawn', flags.Number(int, 0))


def numbers_of(words, data):
    """The numbers of the images in --numbers; raises InputError for what is none."""
    count = len(data.test_images)
    if not all(word.isdecimal() and int(word) < count for word in words.split(',')):
        told = f'must be numbers of test images, 0 to {count - 1}, as 0,1,2'
        raise InputError(f'--numbers={words}: {told}')
    return np.array(words.split(','), int)


def rows_of(rows, data):
    """How many rows are given; raises InputError where none would be left to draw."""
    height = data.test_images.shape[1]
    if rows and rows >= height:
        raise InputError(f'--rows={rows}: must be from 1 to {height - 1}')
    return rows or height // 2


def restored(compared):
    """Names and models of runs; raises InputError for one that tells no pixel's p(white)."""
    models = [restore(run, checkpoint(run)) for run in compared]
    for run, model in zip(compared, models, strict=True):
        if not model.offers('complete') or model.likelihood != 'binarized':
            remedy = 'name runs of pixelcnn, gated_pixelcnn or pixelrnn with --pixels=binary'
            raise InputError(f'{run.path}: asks no pixel whether it is white; {remedy}')
    return [name for name, _ in columns.name_runs(compared)], models


def answer(model, data, numbers):
    """The `Answers` of a model for the test images of these numbers."""
    images, labels = pixels_of('binarized', data)[numbers], data.test_labels[numbers]
    parts = batches(model, images, labels, EXACT_BATCH)
    logits = np.concatenate([model.logits(part.images, part.labels) for part in parts])
    logits = logits.astype(float)
    against = np.where(images > 0, -logits, logits)
    return Answers(numbers, images, expit(logits), np.logaddexp(0, against) / np.log(2))


def tell_numbers(names, found, means, data):
    """Prints the numbers of the images that each model was `found` for, and the means of more."""
    rows = []
    for name, answers, more in zip(names, found, means, strict=True):
        each, all_more = (measure(one, data.test_images[one.numbers]) for one in (answers, more))
        rows += [[name, f'{i}', *words(row)] for i, row in zip(answers.numbers, each, strict=True)]
        rows.append([name, f'mean of {len(all_more)}', *words(all_more.mean(axis=0))])
    tell(HEADS, rows)


def measure(found, greys):
    """Of each image the numbers that HEADS names: (N, 5).

    Nats; how many of them the draw of black and white takes from any model, the entropy of its
    uint8 grey values (N, H, W, C); the share of all bits that lies in the tenth of the numbers with
    most bits, and at edges; and the share of all numbers that lie at edges.
    """
    bits, edges = (part.reshape(len(greys), -1) for part in (found.bits, at_edges(found.images)))
    total, most = bits.sum(axis=1), np.sort(bits)[:, -round(bits.shape[1] / 10) :]
    grey = greys.reshape(len(greys), -1) / 255
    numbers = total * np.log(2), np.sum(entr(grey) + entr(1 - grey), axis=1)
    shares = most.sum(axis=1) / total, np.sum(bits * edges, axis=1) / total, edges.mean(axis=1)
    return np.stack([*numbers, *shares], axis=1)


def at_edges(images):
    """Which numbers of images (N, H, W, C) have another colour among their eight neighbours."""
    around = (1, 3, 3, 1)
    return maximum_filter(images, around) != minimum_filter(images, around)


def words(row):
    """A row of `measure` as it is printed."""
    nats, draw, *shares = row
    return f'{nats:.1f}', f'{draw:.1f}', *(f'{share:.0%}' for share in shares)


def draw(names, found, drawn):
    """The figure, a line a run and image.

    Args:
      names: of the runs.
      found: their `Answers`.
      drawn: of each run the completions of each image, uint8 (8, H, W, C).
    """
    lines = [
        (name, *parts)
        for name, answers, completed in zip(names, found, drawn, strict=True)
        for parts in zip(*answers[1:], completed, strict=True)
    ]
    page = figure.page(11, 1.9 * len(lines) + 0.6)
    places = page.subplots(len(lines), 5, squeeze=False, width_ratios=[1, 1, 1, 0.7, 2])
    most = max(bits.sum(axis=2).max() for *_, bits, _ in lines)
    for line, (name, *parts) in zip(places, lines, strict=True):
        surprise = draw_line(line, name, *parts, most)
    page.colorbar(surprise, ax=places[-1, 2], location='bottom', label='bits')
    for axes, title in zip(places[0], TITLES, strict=True):
        axes.set_title(title, fontsize='medium')
    for axes in places[:, 3]:
        axes.set_xlim(0, max(other.get_xlim()[1] for other in places[:, 3]))
    return page


def draw_line(line, name, image, white, bits, completed, most):
    """An image (H, W, C), its two maps of (H, W, C), bits by row, completions; the second map."""
    shown, asked, surprised, by_row, below = line
    figure.show(shown, image, '')
    figure.show(asked, np.rint(255 * white).astype(np.uint8), '')
    figure.show(below, pictures.grid(completed, ACROSS), '')
    by_row.barh(range(len(bits)), bits.sum(axis=(1, 2)), height=1.0)
    by_row.set(ylim=(len(bits) - 0.5, -0.5), yticks=[])
    nats = bits.sum() * np.log(2)
    shown.text(-1, len(image) / 2, f'{name}\n{nats:.1f} nats', rotation=90, ha='right', va='center')
    surprised.set_axis_off()
    return surprised.imshow(bits.sum(axis=2), cmap='magma_r', vmin=0, vmax=most)


if __name__ == '__main__':
    terminal.start(main)
