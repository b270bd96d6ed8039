"""What it costs to train on data that stay on disk: speed, memory, and whether all is equal.

  python -m benchmarks.beyond_memory --folder=large

200,000 synthetic images of 64x64 pixels in colour are written into --folder at the first call,
2.5 GB in files and 2.5 GB once they are decoded. Then two loops train in turns, one with all images
in memory and one that reads them by windows. At last train.py and evaluate.py do what users do, and
their own memory is watched: an epoch, the same epoch stopped within and continued, the scores. Run
nothing else on the machine meanwhile.
"""

import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from unittest import mock

import datasets
import flags
from benchmarks import synthetic
from benchmarks.anonymous import watched
from benchmarks.report import Report
from benchmarks.throughput import words
from models.shared import declarations
from runs.directory import Run
from support import backend, files, terminal
from support.errors import InputError
from training import setup

ROOT = Path(__file__).parent.parent
CALL_SECONDS = 0.5
PARTS = ('speed', 'training', 'scores')
SPEED = 'Images per second of training steps, the median of rounds in which both take turns.'
MEMORY = 'The most anonymous memory that each command held (RssAnon, mapped files not counted).'


def main(argv):
    """Runs the command line `argv`; returns the exit status."""
    settings = flags.parse(argv, __doc__, define_flags)
    if not settings.folder:
        raise InputError('--folder: missing; name one for 2.5 GB of images')
    parts = words(settings, 'parts', PARTS)
    models = words(settings, 'models', declarations.names())
    place = str(Path(settings.folder).absolute())
    if not Path(place).is_dir():
        synthetic.prepare(place, settings.images)
    datasets.load(place)  # decoded once, before anything is measured
    report = Report(settings.out, argv, 'benchmarks.beyond_memory')
    if 'speed' in parts:
        header = ['model', 'in memory', 'by windows', 'ratio', 'lowest to highest', 'weights']
        rows = [speed(model, place, settings) for model in models]
        report.add('Speed', SPEED, header, rows)
    if 'training' in parts or 'scores' in parts:
        with tempfile.TemporaryDirectory() as home:
            rows = list(memory(place, home, models[0], parts))
        report.add('Memory', MEMORY, ['command', 'memory, MB', 'result'], rows)
    return 0


def define_flags(table):
    """Defines this command's flags on `table`."""
    group, count = 'What to measure', flags.Number(int, 1)
    flags.define(table, group, 'folder', None, 'where the images are, or are written to')
    flags.define(table, group, 'images', 200_000, 'images to write', flags.Number(int, 100))
    meaning = 'models to train; train.py and evaluate.py take the first'
    flags.define(table, group, 'models', 'vae,dcgan', meaning)
    flags.define(table, group, 'parts', ','.join(PARTS), 'tables to make')
    flags.define(table, group, 'rounds', 5, 'rounds of both loops', count)
    flags.define(table, group, 'windows', 2, 'windows a round', count)
    flags.define(table, group, 'out', 'benchmarks/beyond_memory.md', 'file for the tables')


def speed(model, place, settings):
    """Cells: the speeds of a model with all images in memory and by windows, and their ratio."""
    backend.limit_threads(backend.cores())
    backend.load_tensorflow()
    given = flags.settings(model, dataset=place, train_size=10**9)
    data, _ = setup.load(given)
    loops = [loop_of(given, data, resident) for resident in (True, False)]
    steps = settings.windows * loops[1].feed.steps
    rates = [[rate(loop, steps) for loop in loops] for _ in range(settings.rounds)]
    ratios = [streamed / resident for resident, streamed in rates]
    equal = files.digest(loops[0].state()) == files.digest(loops[1].state())
    cells = [f'{median(column):.0f}' for column in zip(*rates, strict=True)]
    extent = f'{min(ratios):.3f} to {max(ratios):.3f}'
    told = 'equal' if equal else 'different'
    return [model, *cells, f'{median(ratios):.3f}', extent, told]


def loop_of(settings, data, resident):
    """A `Loop` that holds all images or a window of them, after a step, which compiles."""
    from models.shared.build import build
    from training import feed
    from training.devices import choose_xla
    from training.loop import Loop

    model = build(data.train_images.shape[1:], len(data.class_names), settings)
    with mock.patch.object(feed, 'fits', lambda images: resident):
        images, labels = data.train_images, data.train_labels
        xla = choose_xla(settings, model) == 'on'
        loop = Loop(model, images, labels, settings.batch_size, settings.seed, xla)
    loop.train(1)
    return loop


def rate(loop, steps):
    """Images per second of so many steps, in calls of half a second, as `Trainer` makes them."""
    began, end, call = time.perf_counter(), loop.step + steps, 1
    while loop.step < end:
        made, seconds = loop.train(min(call, end - loop.step))
        call = max(1, round(made * CALL_SECONDS / seconds))
    return steps * loop.batch_size / (time.perf_counter() - began)


def memory(place, home, model, parts):
    """Rows of the commands."""
    shared = ['train.py', f'--model={model}', f'--dataset={place}', '--train_size=1000000000']
    shared += ['--epochs=1', f'--output_dir={home}']
    whole, stopped = (Run(Path(home, name)) for name in ('whole', 'stopped'))
    command = [*shared, '--run_name=whole']
    yield cells(command, watched(python(command)), 'an epoch')
    if 'training' in parts:
        command = [*shared, '--run_name=stopped', '--save_every_minutes=0.1']
        yield cells(command, watched(python(command), stopped.checkpoints), 'stopped within it')
        most = watched(python(command))
        digests = [run.checkpoints()[0].read_bytes() for run in (whole, stopped)]
        told = 'equal' if digests[0] == digests[1] else 'different'
        yield cells(command, most, f'continued; the checkpoints are {told}')
    if 'scores' in parts:
        command = ['evaluate.py', f'--runs={whole.path}']
        yield cells(command, watched(python(command)), 'the scores')


def python(words):
    """The command line of a command of this project."""
    return [sys.executable, str(ROOT / words[0]), *words[1:]]


def cells(words, most, result):
    """Cells of a command, without the places that it was given."""
    told = [word for word in words if not word.startswith(('--dataset', '--output_dir', '--runs'))]
    return [f'`{" ".join(told)}`', f'{most / 1e6:.0f}', result]


if __name__ == '__main__':
    terminal.start(main)
