"""Which classes do models keep where some are rare? MNIST with shares of 50 to 1 %.

  python -m benchmarks.collapse --dataset=mnist

Writes a folder of 10,000 training images, half of them of the first class and one in a hundred of
the last, and trains models on it by train.py on one core, each for about two and a half minutes. A
classifier says of which classes their samples are. It was trained on the whole data set, where no
class is rare. A class counts as kept where the classifier is sure of at least a quarter of the
samples that its share in the data promises. A row of (data set, model, seed) is added to
collapse.csv; rows that stand there are not made again.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

import datasets
import flags
import runs
from benchmarks import rows
from benchmarks.report import processor, table
from runs.directory import Run
from support import backend, terminal
from support.errors import InputError

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / 'collapse.csv'
COLUMNS = ['dataset', 'row', 'seed', 'model', 'flags', 'epochs', 'images', 'kept', 'lost']
COLUMNS += ['rare_lost', 'shares', 'difference', 'kl', 'sure', 'seconds', 'processor', 'commit']
PERCENT = (50, 15, 10, 8, 5, 4, 3, 2, 2, 1)  # of the classes, in their order
RARE = 5  # percent at most
SURE, KEPT = 0.9, 0.25
SAMPLES = 5000
DATA = 'data'  # the folder's own images in the place of samples


class Subject(NamedTuple):
    """A model, the epochs that take it about two and a half minutes of a core, and its flags."""

    model: str
    epochs: int
    words: tuple = ()


SUBJECTS = {
    'gan': Subject('gan', 9),
    'minibatch': Subject('improved_gan', 9, ('--minibatch_discrimination',)),
    'wgan_gp': Subject('wgan_gp', 30, ('--learning_rate=5e-4',)),
}


class Found(NamedTuple):
    """What a classifier sees in samples.

    Attributes:
      kept: whether each of the K classes is kept.
      shares: (K,) of the samples that are most probably of each class.
      difference: the largest difference of a class's share from that in the data.
      kl: KL(samples || data) of the shares, in nats.
      sure: the share of samples that the classifier is sure of.
    """

    kept: np.ndarray
    shares: np.ndarray
    difference: float
    kl: float
    sure: float


def main(argv):
    """Runs the command line `argv`; returns the exit status; raises InputError."""
    settings = flags.parse(argv, __doc__, define_flags)
    chosen = subjects_of(settings.rows)
    data = datasets.load(settings.dataset, settings.data_dir)
    place = folder(settings, data)
    backend.load_tensorflow()
    judge = judge_of(settings, data)
    for name in [DATA, *chosen]:
        for seed in range(1 if name == DATA else settings.seeds):
            if (settings.dataset, name, str(seed)) not in finished():
                row = measure(settings, place, judge, name, seed)
                rows.append(RESULTS, COLUMNS, row)
    print(summary(settings.dataset, [DATA, *chosen]))
    return 0


def define_flags(table):
    """Defines this command's flags on `table`."""
    group = 'What to train'
    flags.define(table, group, 'dataset', 'mnist', 'as for train.py; it must have ten classes')
    flags.define(table, group, 'data_dir', None, 'as for train.py')
    meaning = 'images in the folder, of which a tenth is for tests'
    flags.define(table, group, 'images', 10_000, meaning, flags.Number(int, 1000, 10**6))
    flags.define(table, group, 'rows', ','.join(SUBJECTS), 'which models, by commas')
    meaning = 'runs of each model, with the seeds 0, 1 and so on'
    flags.define(table, group, 'seeds', 3, meaning, flags.Number(int, 1, 100))
    flags.define(table, group, 'output_dir', 'outputs/collapse', 'directory of the runs')


def subjects_of(words):
    """The names of rows that --rows names; raises InputError for what is none."""
    for name in words.split(','):
        if name not in SUBJECTS:
            raise InputError(f'--rows={name}: no such row; there are {", ".join(SUBJECTS)}')
    return words.split(',')


def folder(settings, data):
    """The path of the folder of images of unequal shares, written unless it lies there already."""
    name = f'{settings.dataset.replace("/", "-")}-{settings.images}'
    place = Path(settings.output_dir, name).resolve()
    if not place.exists():
        partial = place.with_name(f'{name}.{os.getpid()}')
        for i in unequal(data, settings.images):
            home = partial / data.class_names[data.train_labels[i]]
            home.mkdir(parents=True, exist_ok=True)
            Image.fromarray(data.train_images[i].squeeze()).save(home / f'{i:05d}.png')
        partial.rename(place)
    return place


def unequal(data, count):
    """The numbers of `count` training images: the first of each class, as many as PERCENT says.

    Raises:
      InputError: there are not ten classes, or too few images of one.
    """
    if len(data.class_names) != len(PERCENT):
        raise InputError(f'the data have {len(data.class_names)} classes; there must be ten')
    parts = []
    for label, share in enumerate(PERCENT):
        own, wanted = np.flatnonzero(data.train_labels == label), count * share // 100
        if len(own) < wanted:
            name = data.class_names[label]
            raise InputError(f'--images={count}: of {name!r} there are {len(own)}, not {wanted}')
        parts.append(own[:wanted])
    return np.concatenate(parts)


def judge_of(settings, data):
    """The classifier of the whole data set."""
    from evaluation.measuring import hire

    return hire('classifier', data, datasets.fingerprint(data), settings.dataset)


def finished():
    """(data set, row, seed) of the rows that stand in the file."""
    return rows.keys(RESULTS, 'dataset', 'row', 'seed')


def measure(settings, place, judge, name, seed):
    """The row of a model and a seed, or of the data themselves."""
    from evaluation.judges.classifier import look

    known = {'dataset': settings.dataset, 'row': name, 'seed': seed, 'processor': processor()}
    if name == DATA:
        images = datasets.load(str(place)).train_images
    else:
        run = train(settings, place, name, seed)
        images, known = runs.sample(run, SAMPLES, seed), known | course(name, run)
    row = known | told(count(look(judge, images)[1]))
    print(row, file=sys.stderr)
    return row


def train(settings, place, name, seed):
    """The run of a model and a seed on the folder, trained on one core unless it lies there."""
    subject, run = SUBJECTS[name], Run(Path(settings.output_dir, f'{place.name}-{name}-{seed}'))
    words = [f'--model={subject.model}', f'--dataset={place}', f'--epochs={subject.epochs}']
    words += [f'--{every}_every={subject.epochs}' for every in ('save', 'sample')]
    words += [f'--seed={seed}', f'--run_name={run.path.name}', *subject.words]
    words += [f'--output_dir={run.path.parent.resolve()}']
    line = [sys.executable, '-m', 'benchmarks.variants', '--threads=1', *words]
    if not run.final().exists() and subprocess.run(line, cwd=ROOT).returncode:
        raise InputError(f'{run.path}: the training failed; see above')
    return run


def course(name, run):
    """The columns of a row that tell how a run was trained."""
    config, subject = run.config, SUBJECTS[name]
    return {
        'model': subject.model,
        'flags': ' '.join(subject.words),
        'epochs': subject.epochs,
        'images': config['train_images'],
        'seconds': round(sum(float(row['seconds']) for row in run.rows())),
        'commit': (config['git_commit'] or '')[:7],
    }


def count(probabilities):
    """What a classifier sees in samples, by the probabilities (N, K) that it gives: `Found`."""
    from evaluation.metrics import kl_of_shares

    data, classes = np.array(PERCENT) / 100, probabilities.argmax(axis=1)
    sure = probabilities.max(axis=1) >= SURE
    surely = np.bincount(classes[sure], minlength=len(data)) / len(classes)
    shares = np.bincount(classes, minlength=len(data)) / len(classes)
    difference = float(np.abs(shares - data).max())
    return Found(surely >= KEPT * data, shares, difference, kl_of_shares(shares, data), sure.mean())


def told(found):
    """The columns of a row that tell what was found; shares in percent, classes by number."""
    lost, rare = np.flatnonzero(~found.kept), np.array(PERCENT) <= RARE
    return {
        'kept': int(found.kept.sum()),
        'lost': ' '.join(map(str, lost)),
        'rare_lost': int(rare[lost].sum()),
        'shares': ' '.join(f'{100 * share:.2f}' for share in found.shares),
        'difference': f'{100 * found.difference:.2f}',
        'kl': f'{found.kl:.4f}',
        'sure': f'{100 * found.sure:.2f}',
    }


def summary(dataset, names):
    """The table: a line a row of SUBJECTS, its seeds side by side."""
    header = ['row', 'minutes', 'classes kept', 'rare ones lost', 'KL (nats)', 'difference (%)']
    known = [row for row in rows.read(RESULTS) if row['dataset'] == dataset]
    lines = []
    for name in names:
        found = [row for row in known if row['row'] == name]
        seconds = [int(row['seconds']) for row in found if row['seconds']]
        minutes = f'{np.mean(seconds) / 60:.1f}' if seconds else ''
        columns = ('kept', 'rare_lost', 'kl', 'difference')
        lines.append([name, minutes, *(', '.join(row[c] for row in found) for c in columns)])
    return table(header, lines)


if __name__ == '__main__':
    terminal.start(main)
