"""How long the project's DCGAN trains until its samples have a given FID, beside the tutorial's.

  python -m benchmarks.time_to_fid --dataset=mnist

They train in turn, each in its own process: `dcgan` as train.py trains it, with log, grids and
checkpoints, and the DCGAN of TensorFlow's tutorial in the tutorial's loop, at the tutorial's batch
and at that of `dcgan`. Every so many seconds the training pauses, and 10,000 samples are scored as
evaluate.py does. Compilation counts as training, scoring does not. A row is added to
time_to_fid.csv; rows that stand there are not made again. Run nothing else meanwhile.
"""

import math
import sys
from pathlib import Path
from statistics import median

import datasets
import flags
from benchmarks import rows
from benchmarks.children import started
from benchmarks.report import origin, processor, table
from benchmarks.throughput import words
from support import terminal
from training.setup import commit

RESULTS = Path(__file__).parent / 'time_to_fid.csv'
CONTESTANTS = {  # (file, network, images per step)
    'dcgan': ('ours', 'dcgan', 64),
    'tutorial': ('tutorial', 'tutorial_dcgan', 256),
    'tutorial-64': ('tutorial', 'tutorial_dcgan', 64),
}
KEY = ['dataset', 'train_size', 'what', 'seed', 'target', 'minutes']
COLUMNS = [*KEY, 'seconds', 'images', 'course', 'processor', 'commit']
HEADER = ['contestant', 'seconds', 'each seed', 'images seen', 'times as long as dcgan']


def main(argv):
    """Runs the command line `argv`; returns the exit status."""
    settings = flags.parse(argv, __doc__, define_flags)
    chosen = words(settings, 'contestants', [*CONTESTANTS])
    datasets.check(settings.dataset, settings.data_dir)
    for seed in range(settings.seeds):
        for name in chosen:
            if key(settings, name, seed) not in rows.keys(RESULTS, *KEY):
                rows.append(RESULTS, COLUMNS, measure(settings, name, seed))
    print(origin(argv, 'benchmarks.time_to_fid'), table(HEADER, summary(settings)), sep='\n')
    return 0


def define_flags(table):
    """Defines this command's flags on `table`."""
    group, positive = 'What to train', flags.Number(float, 0, above=True)
    flags.define(table, group, 'dataset', 'mnist', 'as for train.py')
    flags.define(table, group, 'data_dir', None, 'as for train.py')
    flags.define(table, group, 'train_size', 60000, 'training images', flags.Number(int, 256))
    flags.define(table, group, 'contestants', ','.join(CONTESTANTS), 'which of them')
    meaning = 'how many times each is trained, with the seeds 0, 1 and so on'
    flags.define(table, group, 'seeds', 1, meaning, flags.Number(int, 1, 100))
    group = 'When to stop'
    flags.define(table, group, 'fid', 50.0, 'that the samples must reach', positive)
    flags.define(table, group, 'minutes', 60.0, 'of training, after which one gives up', positive)
    flags.define(table, group, 'every', 30.0, 'seconds of training between scores', positive)


def key(settings, name, seed):
    """What a row is known by: its cells in the columns of KEY, as the file has them."""
    wanted = f'{settings.fid:g}', f'{settings.minutes:g}'
    return settings.dataset, str(settings.train_size), name, str(seed), *wanted


def measure(settings, name, seed):
    """The row of a contestant: seconds and images until the FID was reached, empty if it was not.

    The course is the FID at each score, as `seconds:FID`.
    """
    contestant, network, batch = CONTESTANTS[name]
    given = [f'--{word}={settings[word].value}' for word in ('dataset', 'train_size')]
    given += [f'--data_dir={settings.data_dir}'] if settings.data_dir else []
    given += [f'--batch_size={batch}', f'--seed={seed}', '--epochs=1000000']
    with started({name: (contestant, [])}, network, *given) as children:
        course = course_of(name, children[name], settings)
    seconds, images, fid = course[-1]
    reached = fid <= settings.fid
    return dict(zip(KEY, key(settings, name, seed), strict=True)) | {
        'seconds': f'{seconds:.1f}' if reached else '',
        'images': images if reached else '',
        'course': ' '.join(f'{seconds:.0f}:{fid:.2f}' for seconds, _, fid in course),
        'processor': processor(),
        'commit': (commit() or '')[:7],
    }


def course_of(name, child, settings):
    """(seconds, images, FID) at each score, until the FID is reached or the time is up.

    Each is told, for an hour without a word would be long.
    """
    course, seconds, images = [], 0.0, 0
    while seconds < 60 * settings.minutes:
        part = child.ask(f'part {settings.every}')
        seconds, images = seconds + part['seconds'], images + part['images']
        fid = child.ask('fid')['fid']
        course.append((seconds, images, fid))
        print(f'{name}: {seconds:.0f} s of training, FID {fid:.1f}', file=sys.stderr)
        if fid <= settings.fid:
            break
    return course


def summary(settings):
    """Rows of the table, in the order of CONTESTANTS."""
    found = {}
    for row in rows.read(RESULTS):
        if key(settings, row['what'], row['seed']) == tuple(row[column] for column in KEY):
            cells = [float(row[column] or 'inf') for column in ('seconds', 'images')]
            found.setdefault(row['what'], []).append(cells)
    medians = {
        name: [median(column) for column in zip(*found[name], strict=True)] for name in found
    }
    return [cells_of(name, found[name], medians) for name in CONTESTANTS if name in found]


def cells_of(name, found, medians):
    """Cells of a contestant with (seconds, images) of each seed; inf where it gave up."""
    seconds, images = medians[name]
    own = medians.get('dcgan', [math.inf])[0]
    each = ', '.join(f'{value:.0f}' for value, _ in found)
    ratio = f'{seconds / own:.2f}' if own < math.inf else ''
    return [name, f'{seconds:.0f}', each, f'{images:.0f}', ratio]


if __name__ == '__main__':
    terminal.start(main)
