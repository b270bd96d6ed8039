"""Trains every model for the same time and lays them side by side, best FID first.

  python -m benchmarks.equal_time --dataset=mnist --minutes=6

train.py trains each at its defaults, but all on the same images, and is stopped when its time is
up, its start included; evaluate.py judges them. A model may bring flags of its own:

  python -m benchmarks.equal_time --models='wgan,wgan --learning_rate=5e-4'

With --seeds=3 each is trained three times, and a cell holds what differs, seed by seed. A run that
is finished is not trained again, so models and seeds can be added with the same command.
The machine should do nothing else meanwhile.
"""

import math
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from statistics import median

import datasets
import flags
import pictures
from benchmarks.report import origin, table
from evaluation import results
from evaluation.scores import SCORES
from models.shared import declarations
from runs.directory import Run
from support import terminal
from support.errors import InputError
from support.files import atomic

ROOT = Path(__file__).parent.parent
METRICS = ['fid', 'inception_score', 'precision_recall', 'coverage', 'class_accuracy', 'sharpness']
SCORED = ['FID', 'Inception score', 'precision', 'recall', 'classes', 'sure (0.9)']
SCORED += ['class asked for', 'sharpness']
HEADER = ['model', *SCORED, 'images/s', 'parameters', 'epochs']
ENDLESS = 1_000_000  # epochs
COLUMNS = 4  # of the picture
THUMBNAIL = 6  # images in a line


def main(argv):
    """Runs the command line `argv`; returns the exit status."""
    settings = flags.parse(argv, __doc__, define_flags)
    models = [shlex.split(line) for line in settings.models.split(',')]
    for line in models:
        check(line, settings)
    datasets.check(settings.dataset, settings.data_dir)
    home = Path(settings.output_dir, f'{settings.dataset}-{settings.minutes:g}-minutes')
    seeds = range(settings.seeds)
    trained = [[train(home, line, seed, settings) for seed in seeds] for line in models]
    listed = ','.join(str(run.path) for runs in trained for run in runs)
    command('evaluate.py', f'--runs={listed}', f'--metrics={",".join(METRICS)}')
    trained.sort(key=lambda runs: median(map(fid, runs)))
    text = f'{origin(argv, "benchmarks.equal_time")}\n{table(HEADER, [*map(cells, trained)])}\n'
    with atomic(home / 'table.md') as partial:
        partial.write_text(text)
    first = [runs[0] for runs in trained]
    picture(home / 'samples.png', first)
    for run in first:
        thumbnail(home / 'thumbnails', run)
    print(text, home / 'samples.png', sep='\n')
    return 0


def define_flags(table):
    """Defines this command's flags on `table`."""
    group = 'What to train'
    flags.define(table, group, 'dataset', 'digits', 'as for train.py')
    flags.define(table, group, 'data_dir', None, 'as for train.py')
    meaning = 'which of them, each with flags of its own behind it if need be'
    flags.define(table, group, 'models', ','.join(declarations.names()), meaning)
    flags.define(table, group, 'minutes', 6.0, 'of each', flags.Number(float, 0, above=True))
    size = flags.Number(int, 1)
    flags.define(table, group, 'train_size', 60000, 'training images of all', size)
    meaning = 'how many times each is trained, with the seeds 0, 1 and so on'
    flags.define(table, group, 'seeds', 1, meaning, flags.Number(int, 1, 100))
    meaning = 'a directory <dataset>-<minutes>-minutes is made in it'
    flags.define(table, group, 'output_dir', 'outputs', meaning)


def check(line, settings):
    """Raises InputError unless train.py takes this model and its flags."""
    if not line:
        raise InputError(
            f'--models={settings.models}: names no model between two commas; leave one out'
        )
    flags.training(words(line, 0, settings), '')


def words(line, seed, settings):
    """The command that trains a model and its flags for ever, without the place of its run."""
    given = [f'--{name}={settings[name].value}' for name in ('dataset', 'train_size')]
    given += [f'--data_dir={settings.data_dir}'] if settings.data_dir else []
    given += [f'--seed={seed}', f'--epochs={ENDLESS}']
    return ['train.py', f'--model={line[0]}', *given, *line[1:]]


def train(home, line, seed, settings):
    """The run of a model and its flags, trained until its time is up unless it lies there already.

    Raises:
      InputError: the training came to another end, or what lies there saw other images.
    """
    name = re.sub(r'[^\w.]+', '-', ' '.join(line)) + (f'-seed-{seed}' if seed else '')
    finished, begun = home / name, home / 'unfinished' / name
    if not finished.exists():
        place = [f'--output_dir={begun.parent}', f'--run_name={name}', '--overwrite']
        limited(60 * settings.minutes, *words(line, seed, settings), *place)
        begun.rename(finished)
    run = Run(finished)
    if (size := run.config['settings']['train_size']) != settings.train_size:
        remedy = 'give that number, or another --output_dir'
        raise InputError(f'{finished}: was trained with --train_size={size}; {remedy}')
    return run


def limited(seconds, *line):
    """Runs a command of the project and asks it to stop after so many seconds.

    Raises:
      InputError: it ended by itself.
    """
    with subprocess.Popen([sys.executable, *line], cwd=ROOT) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.terminate()
    if process.returncode != 128 + signal.SIGTERM:
        raise InputError(f'python {shlex.join(line)}: ended before its time; see above')


def command(*line):
    """Runs a command of the project to its end.

    Raises:
      InputError: it failed.
    """
    if subprocess.run([sys.executable, *line], cwd=ROOT).returncode:
        raise InputError(f'python {shlex.join(line)}: failed; see above')


def cells(runs):
    """The row of a model's runs: cells that differ hold the values of all seeds."""
    lines = [row(run) for run in runs]
    columns = [*zip(*lines, strict=True)][1:]
    return [runs[0].path.name, *(c[0] if len({*c}) == 1 else ', '.join(c) for c in columns)]


def row(run):
    """Cells of a run: its scores, its speed (median of the epochs), its size and its epochs."""
    kept, config = results.read(run), run.config
    speeds = [float(r['images_per_second']) for r in run.rows() if r['images_per_second']]
    size = sum(int(n.replace(',', '')) for n in re.findall(r': ([\d,]+) param', networks(run)))
    titles = [title for name in METRICS for title in SCORES[name].columns]
    cells = dict(zip(titles, results.cells(kept, METRICS), strict=True))
    seen = kept['conditions']['step'] * config['settings']['batch_size']
    return [
        run.path.name,
        *(cells[title] for title in SCORED),
        f'{median(speeds):.0f}' if speeds else '',
        f'{size:,}',
        f'{seen / config["train_images"]:.1f}',
    ]


def fid(run):
    """The run's FID; infinite where it has none."""
    return results.read(run)['scores'].get('fid', {'fid': math.inf})['fid']


def networks(run):
    """What a run tells of its networks."""
    return (run.path / 'model.txt').read_text()


def last_samples(run):
    """The picture of the run's last samples; None before its first epoch is done."""
    epochs = run.epochs('samples')
    return run.picture('samples', epochs[-1]) if epochs else None


def thumbnail(folder, run):
    """Writes the first of the run's last samples as a line of pixels, named after the run."""
    if path := last_samples(run):
        cells = pictures.load_cells(path, *run.config['image_shape'][:2])[:THUMBNAIL]
        pictures.save_png(folder / f'{run.path.name}.png', pictures.grid(cells, THUMBNAIL))


def picture(path, trained):
    """Writes the samples of the last finished epoch of each run over its name and its FID."""
    shown = [run for run in trained if last_samples(run)]
    grids = [pictures.load_grid(last_samples(run)) for run in shown]
    lines = math.ceil(len(shown) / COLUMNS)
    notes = [f'{run.path.name}: FID {fid(run):.1f}' for run in shown]
    cells = [*zip(grids, notes, strict=True)]
    cells += [(None, '')] * (lines * COLUMNS - len(cells))
    parts = [cells[i : i + COLUMNS] for i in range(0, len(cells), COLUMNS)]
    images, captions = ([[cell[i] for cell in part] for part in parts] for i in (0, 1))
    pictures.figure(path, [''] * lines, [''] * COLUMNS, images, captions)


if __name__ == '__main__':
    terminal.start(main)
