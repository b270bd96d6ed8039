"""What fools a score? Images that nobody would take for data, and what the scores give them.

  python -m lessons.fooled --dataset=mnist

A column a set of images: training images; a test image of each class, repeated; noise, changed step
by step until the classifier is sure of it (Barratt & Sharma 2018, arXiv:1801.01973); training
images, blurred; and the means of clusters of training images (Theis et al. 2016, section 3.5). The
scores are those of evaluate.py, by the project's own classifier.
"""

import numpy as np
import tensorflow as tf
from scipy.ndimage import gaussian_filter

import datasets
import flags
import pictures
from evaluation.measuring import hire
from evaluation.rows import Bench, NotApplicable, Pictures, Row
from evaluation.scores import measure
from lessons import figure
from lessons.tables import tell
from support import terminal
from support.errors import InputError

HEADS = ['images', 'Inception score', 'sure', 'FID', 'precision', 'recall', 'Parzen', 'sharpness']
PART = 250  # images that are changed together
SHOWN = 16


def main(argv):
    """Draws the figure, prints the scores and where; returns 0; raises InputError."""
    settings = figure.parse(argv, 'fooled', __doc__, define_flags)
    bench = bench_of(settings)
    rows = [Row(name, bench, make) for name, make in kinds(bench, settings).items()]
    told = [[row.name, *scores(row)] for row in rows]
    tell(HEADS, told)
    figure.save_pixels(settings.out, draw(rows, told))
    return 0


def define_flags(table):
    """Defines this lesson's flags on `table`."""
    group = 'What to score'
    flags.define(table, group, 'dataset', 'digits', 'as for train.py')
    flags.define(table, group, 'data_dir', None, 'as for train.py')
    least = flags.Number(int, 200, 100_000)
    flags.define(table, group, 'num_samples', 2000, 'images of each kind', least)
    flags.define(table, group, 'seed', 0, 'of noise and draws', flags.Number(int, 0))
    steps = flags.Number(int, 0, 10_000)
    flags.define(table, group, 'steps', 40, 'changes of the noise', steps)
    size = flags.Number(float, 0, 255)
    flags.define(table, group, 'size', 8.0, 'of a change of a pixel, of 255 grey values', size)
    width = flags.Number(float, 0, 100)
    flags.define(table, group, 'blur', 1.0, 'deviation of the blur in pixels', width)


def bench_of(settings):
    """The data, their judge, and how many images are compared; InputError without classes."""
    data = datasets.load(settings.dataset, settings.data_dir)
    if len(data.class_names) < 2:
        raise InputError(f'--dataset={settings.dataset}: has no classes to judge by; name another')
    judge = hire('classifier', data, datasets.fingerprint(data), settings.dataset)
    return Bench(data, judge, settings.num_samples, settings.seed)


def kinds(bench, settings):
    """{name: function that gives the `Pictures`} of every set of images."""
    known = bench.training(settings.num_samples)

    def judged(make, *inputs):
        return lambda: Pictures(make(*inputs), bench.judge)

    return {
        'training images': lambda: known,
        'one a class, repeated': judged(repeated, bench),
        'noise, changed': judged(persuasive, bench, settings),
        'blurred': judged(blurred, known.images, settings.blur),
        'means of clusters': lambda: bench.centroids,
    }


def repeated(bench):
    """The first test image of each class, again and again: (N, H, W, C)."""
    labels = bench.data.test_labels
    firsts = [np.flatnonzero(labels == k)[0] for k in np.unique(labels)]
    return np.resize(bench.data.test_images[firsts], bench.real.images.shape)


def persuasive(bench, settings):
    """Grey noise, changed until the judge sees a class in it, each class in as many: uint8."""
    shape = settings.num_samples, *bench.data.test_images.shape[1:]
    noise = np.random.default_rng(settings.seed).uniform(0, 255, shape).astype(np.float32)
    labels = np.arange(len(noise)) % len(bench.data.class_names)
    parts = range(0, len(noise), PART)
    found = [climb(bench.judge, noise[i : i + PART], labels[i : i + PART], settings) for i in parts]
    return np.rint(np.concatenate(found)).astype(np.uint8)


def climb(judge, images, labels, settings):
    """Images (N, H, W, C) after steps that raise the probability of their labels (N,).

    Each step moves every pixel by `size` in the direction of its gradient, within 0 to 255.
    """
    images = tf.constant(images)
    for _ in range(settings.steps):
        with tf.GradientTape() as tape:
            tape.watch(images)
            _, probabilities = judge.look(images)
            wanted = tf.gather(probabilities, labels, batch_dims=1)
            gain = tf.reduce_sum(tf.math.log(wanted + 1e-12))
        change = settings.size * tf.sign(tape.gradient(gain, images))
        images = tf.clip_by_value(images + change, 0.0, 255.0)
    return images.numpy()


def blurred(images, width):
    """Images (N, H, W, C) under a Gaussian of so many pixels."""
    return gaussian_filter(images, (0, width, width, 0))


def scores(row):
    """The numbers of a row, as HEADS names them; None where one has no meaning."""
    taken = ('inception_score', 'mean'), ('coverage', 'sure'), ('fid', 'fid')
    taken += ('precision_recall', 'precision'), ('precision_recall', 'recall')
    taken += ('parzen', 'nats'), ('sharpness', 'ratio')
    return [score(row, name, key) for name, key in taken]


def score(row, name, key):
    """A number of a score of a row, or None."""
    try:
        return measure(name, row)[key]
    except NotApplicable:
        return None


def draw(rows, told):
    """The first images of each row over its name and its scores."""
    grids = [pictures.grid(row.pictures.images[:SHOWN]) for row in rows]
    notes = [caption(numbers) for numbers in told]
    return pictures.table([''], [row.name for row in rows], [grids], [notes])


def caption(numbers):
    """What stands below a picture."""
    _, inception, _, fid, _, _, parzen, _ = numbers
    told = {'IS': inception, 'FID': fid, 'Parzen': parzen}
    return ', '.join(f'{name} {value:.1f}' for name, value in told.items() if value is not None)


if __name__ == '__main__':
    terminal.start(main)
