"""Do generated images train a classifier? Its errors with few real images, and with more beside.

  python -m benchmarks.augmentation --dataset=mnist

The classifier that judges samples is trained anew on n real images with labels: alone; shifted and
rotated a little, otherwise each time; and with as many images from an `acgan` that saw the same n.
It makes as many steps each time. A row of (n, way, seed) is added to augmentation.csv; rows that
stand there are not made again.
"""

import sys
import time
from pathlib import Path
from statistics import median

import numpy as np

import datasets
import flags
import runs
import training
from benchmarks import rows
from benchmarks.report import processor, table
from runs.directory import Run
from support import backend, terminal
from support.errors import InputError

RESULTS = Path(__file__).parent / 'augmentation.csv'
COLUMNS = ['dataset', 'size', 'way', 'seed', 'errors', 'of', 'seconds', 'processor']
ALONE, MOVED, GENERATED = WAYS = ('real alone', 'shifted and rotated', 'with generated ones')
BATCH, STEPS = 128, 1000  # of the classifier
GAN_STEPS, GAN_BATCH = 3000, 64
DRAWN = 20_000  # generated images


def main(argv):
    """Runs the command line `argv`; returns the exit status."""
    settings = flags.parse(argv, __doc__, define_flags)
    data = datasets.load(settings.dataset, settings.data_dir)
    sizes = sizes_of(settings.sizes, len(data.train_images))
    backend.load_tensorflow()
    for size in sizes:
        for way, seed in ((way, seed) for way in WAYS for seed in range(settings.seeds)):
            if (settings.dataset, str(size), way, str(seed)) not in finished():
                rows.append(RESULTS, COLUMNS, measure(settings, data, size, way, seed))
    print(summary(settings.dataset, sizes))
    return 0


def define_flags(table):
    """Defines this command's flags on `table`."""
    group = 'What to train'
    flags.define(table, group, 'dataset', 'digits', 'as for train.py')
    flags.define(table, group, 'data_dir', None, 'as for train.py')
    flags.define(table, group, 'sizes', '100,1000,10000', 'numbers of real images, by commas')
    meaning = 'classifiers of each kind, with the seeds 0, 1 and so on'
    flags.define(table, group, 'seeds', 3, meaning, flags.Number(int, 1, 100))
    flags.define(table, group, 'output_dir', 'outputs/augmentation', "directory of the GANs' runs")


def sizes_of(words, most):
    """The numbers that --sizes names; raises InputError for what is none or is too large."""
    found = words.split(',')
    if not all(word.isdecimal() and GAN_BATCH <= int(word) <= most for word in found):
        raise InputError(f'--sizes={words}: must be whole numbers from {GAN_BATCH} to {most}')
    return [int(word) for word in found]


def finished():
    """(data set, n, way, seed) of the rows that stand in the file."""
    return rows.keys(RESULTS, 'dataset', 'size', 'way', 'seed')


def measure(settings, data, size, way, seed):
    """The row of a classifier."""
    run = gan(settings, size) if way == GENERATED else None
    began = time.monotonic()
    wrong = errors(data, size, way, seed, run)
    told = {'dataset': settings.dataset, 'size': size, 'way': way, 'seed': seed}
    told |= {'errors': wrong, 'of': len(data.test_images)}
    print(told, file=sys.stderr)
    return told | {'seconds': round(time.monotonic() - began), 'processor': processor()}


def gan(settings, size):
    """The run of an `acgan` that sees `size` images, trained unless it lies there already."""
    epochs, name = GAN_STEPS // (size // GAN_BATCH), f'acgan-{settings.dataset}-{size}'
    wanted = {'epochs': epochs, 'sample_every': epochs, 'save_every': epochs}
    wanted |= {'dataset': settings.dataset, 'data_dir': settings.data_dir, 'train_size': size}
    wanted |= {'output_dir': settings.output_dir, 'run_name': name, 'batch_size': GAN_BATCH}
    run = Run(Path(settings.output_dir, name))
    return run if run.final().exists() else training.train(flags.settings('acgan', **wanted))


def errors(data, size, way, seed, run):
    """How many test images a classifier, trained on `size` real images in this way, gets wrong."""
    import keras

    from evaluation.judges.classifier import moving, network

    keras.utils.set_random_seed(seed)
    images, labels = datasets.subset(data.train_images, data.train_labels, size)
    if way == GENERATED:
        images, labels = with_generated(images, labels, run, seed, len(data.class_names))
    model = network(images.shape[1:], len(data.class_names))
    first = moving() if way == MOVED else []
    taught = keras.Sequential([keras.Input(images.shape[1:]), *first, model])
    fit(taught, images, labels, seed)
    seen = model.predict(data.test_images, verbose=0).argmax(axis=1)
    return int(np.sum(seen != data.test_labels))


def with_generated(images, labels, run, seed, classes):
    """Real images (N, H, W, C), repeated, and as many generated ones of all classes; labels."""
    drawn_labels = np.arange(DRAWN) % classes
    drawn = runs.sample(run, DRAWN, seed, labels=drawn_labels)
    again = np.resize(images, drawn.shape), np.resize(labels, DRAWN)
    return np.concatenate([again[0], drawn]), np.concatenate([again[1], drawn_labels])


def fit(model, images, labels, seed):
    """STEPS steps on batches drawn by `seed`; the rate falls to zero along a cosine."""
    import keras

    picked = np.random.default_rng(seed).integers(len(images), size=STEPS * BATCH)
    rate = keras.optimizers.schedules.CosineDecay(2e-3, STEPS)
    model.compile(
        keras.optimizers.Adam(rate), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    model.fit(images[picked], labels[picked], batch_size=BATCH, shuffle=False, verbose=0)


def summary(dataset, sizes):
    """The table: a line a number of real images, the median of the errors and their range."""
    known = [row for row in rows.read(RESULTS) if row['dataset'] == dataset]
    lines = []
    for size in sizes:
        of_size = [row for row in known if row['size'] == str(size)]
        ways = [[int(r['errors']) for r in of_size if r['way'] == way] for way in WAYS]
        lines.append([f'{size:,}', *map(told, ways)])
    return table(['real images', *WAYS], lines)


def told(values):
    """The median of numbers, and their range."""
    return f'{median(values):.0f} ({min(values)} to {max(values)})' if values else ''


if __name__ == '__main__':
    terminal.start(main)
