"""How many labels does a classifier need? Test errors of `semi_gan` and of its supervised twin.

  python -m benchmarks.semi_supervised --dataset=mnist --epochs=25

The twin is the same classifier with the same noise and the same labelled images, but without the
others and without samples (`--unsupervised_weight=0`). The paper (Salimans et al. 2016, section
6.1) has 20, 50, 100 and 200 labels of MNIST and ten draws of each. Here 100 labels are drawn three
times, the others once. A row is added to semi_supervised.csv; rows that stand there are not made
again.
"""

from collections import defaultdict
from pathlib import Path

from matplotlib.figure import Figure

import datasets
import flags
import training
from benchmarks import rows
from benchmarks.report import processor, table
from support import backend, terminal
from support.errors import InputError
from support.files import atomic

RESULTS = Path(__file__).parent / 'semi_supervised.csv'
DRAWS = {20: 1, 50: 1, 100: 3, 200: 1}  # labels in all: seeds
PAPER = {20: '1677 +- 452', 50: '221 +- 136', 100: '93 +- 6.5', 200: '90 +- 4.2'}  # table 1
CLASSES = 10
TWIN_EPOCHS = 2  # its error no longer falls after half of the first
GAN, TWIN = 'semi_gan', 'twin'
COLUMNS = ['dataset', 'labels', 'seed', 'kind', 'epochs', 'errors', 'of', 'by_epoch', 'seconds']
COLUMNS += ['processor', 'commit']


def main(argv):
    """Runs the command line `argv`; returns the exit status."""
    settings = flags.parse(argv, __doc__, define_flags)
    datasets.check(settings.dataset, settings.data_dir)
    chosen = asked(settings)
    backend.load_tensorflow()
    known = rows.keys(RESULTS, 'dataset', 'labels', 'seed', 'kind')
    for labels, seed, kind in chosen:
        if (settings.dataset, str(labels), str(seed), kind) not in known:
            rows.append(RESULTS, COLUMNS, measure(settings, labels, seed, kind))
    print(summary(settings.dataset, settings.epochs))
    path = Path(settings.output_dir, 'curves.png')
    with atomic(path) as partial:
        draw(curves(settings.dataset)).savefig(partial, format='png')
    print(path)
    return 0


def define_flags(table):
    """Defines this command's flags on `table`."""
    group = 'What to train'
    flags.define(table, group, 'dataset', 'digits', 'as for train.py')
    flags.define(table, group, 'data_dir', None, 'as for train.py')
    epochs = flags.Number(int, 1)
    flags.define(table, group, 'epochs', 25, "of semi_gan; the paper's code makes 300", epochs)
    counts = [str(labels) for labels in DRAWS]
    flags.define_word(table, group, 'labels', None, counts, 'only this many labels in all')
    flags.define(table, group, 'seed', None, 'only this draw', flags.Number(int, 0))
    meaning = 'directory of the runs'
    flags.define(table, group, 'output_dir', 'outputs/semi_supervised', meaning)


def asked(settings):
    """The (labels, seed, kind) that the flags ask for, twins first; InputError if none."""
    draws = [(labels, seed) for labels, count in DRAWS.items() for seed in range(count)]
    chosen = [
        (labels, seed)
        for labels, seed in draws
        if settings.labels in (None, str(labels)) and settings.seed in (None, seed)
    ]
    if not chosen:
        known = ', '.join(f'{count} of {labels} labels' for labels, count in DRAWS.items())
        raise InputError(f'--seed={settings.seed}: no such draw, from 0; there are {known}')
    return [(*pair, kind) for kind in (TWIN, GAN) for pair in chosen]


def measure(settings, labels, seed, kind):
    """The row of a classifier, after its training."""
    run = training.train(wanted(settings, labels, seed, kind))
    log, config = run.rows(), run.config
    of = config['test_images']
    errors = [round(float(row['test_error']) * of) for row in log]
    return {
        'dataset': settings.dataset,
        'labels': labels,
        'seed': seed,
        'kind': kind,
        'epochs': len(log),
        'errors': errors[-1],
        'of': of,
        'by_epoch': ' '.join(map(str, errors)),
        'seconds': round(sum(float(row['seconds']) for row in log)),
        'processor': processor(),
        'commit': (config['git_commit'] or '')[:7],
    }


def wanted(settings, labels, seed, kind):
    """The settings of a classifier's training."""
    name = f'{kind}-{settings.dataset}-{labels}-{seed}'
    epochs = settings.epochs if kind == GAN else TWIN_EPOCHS
    own = {'epochs': epochs, 'sample_every': epochs, 'save_every': 10, 'run_name': name}
    own |= {'labelled_per_class': labels // CLASSES, 'seed': seed}
    own |= {'unsupervised_weight': None if kind == GAN else 0.0}
    shared = {word: getattr(settings, word) for word in ('dataset', 'data_dir', 'output_dir')}
    return flags.settings('semi_gan', **own, **shared)


def curves(dataset):
    """{(labels, kind): the errors of each draw by epoch} of the rows that stand in the file."""
    found = defaultdict(list)
    for row in rows.read(RESULTS):
        if row['dataset'] == dataset:
            errors = [*map(int, row['by_epoch'].split())]
            found[int(row['labels']), row['kind']].append(errors)
    return found


def summary(dataset, epochs):
    """The table: a line a number of labels, the errors of each draw after so many epochs."""
    known, lines = curves(dataset), []
    for labels in DRAWS:
        draws = [known[labels, kind] for kind in (GAN, TWIN)]
        cells = [', '.join(str(errors[:epochs][-1]) for errors in found) for found in draws]
        lines.append([str(labels), *cells, PAPER[labels]])
    return table(['labels', f'after {epochs} epochs', 'twin', 'paper, 300 epochs of MNIST'], lines)


def draw(known):
    """The figure of `curves`: errors by epoch; dotted, the mean of the paper."""
    page = Figure((7, 4), layout='constrained')
    axes = page.subplots()
    for number, labels in enumerate(DRAWS):
        for errors in known[labels, GAN]:
            [line] = axes.plot(range(1, len(errors) + 1), errors, f'C{number}')
        if known[labels, GAN]:
            line.set_label(f'{labels} labels')
            axes.axhline(int(PAPER[labels].split()[0]), color=f'C{number}', linestyle=':')
    axes.set(xlabel='epochs', ylabel='test errors', yscale='log')
    axes.grid(alpha=0.3)
    axes.legend()
    return page


if __name__ == '__main__':
    terminal.start(main)
