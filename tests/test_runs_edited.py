"""Files of a run, edited at random and met by a command: no traceback, nothing lost, one line."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import harness
import numpy as np
import pytest

import compare
import datasets
import evaluate
import flags
import generate
import pictures
import train
from runs import directory, schema
from runs.directory import Run
from support import backend, files, terminal
from training import setup

ROOT = Path(train.__file__).parent
EPOCHS = 3
WORDS = ['--model=vae', '--dataset=digits', '--train_size=256', '--run_name=run']
COMMANDS = {
    'again': (train.main, ['train.py', *WORDS, f'--epochs={EPOCHS}']),
    'on': (train.main, ['train.py', *WORDS, f'--epochs={EPOCHS + 1}']),
    'anew': (train.main, ['train.py', *WORDS, f'--epochs={EPOCHS}', '--overwrite']),
    'draw': (generate.main, ['generate.py', '--run=run', '--num=4', '--out=out/a.png']),
    'export': (generate.main, ['generate.py', '--run=run', '--export=out/a.keras']),
    'judge': (evaluate.main, ['evaluate.py', '--runs=run', '--metrics=elbo', '--num_samples=100']),
    'compare': (compare.main, ['compare.py', '--runs=run', '--out=out', '--frames=2']),
    'page': (compare.main, ['compare.py', '--runs=run', '--out=out', '--frames=2', '--html']),
}
TRAINS = ('again', 'on', 'anew')


class Reached(BaseException):
    """TensorFlow would have been loaded."""


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """A finished run as far as it is looked at before TensorFlow, with small checkpoints."""
    base = tmp_path_factory.mktemp('whole')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('XDG_CACHE_HOME', harness.environment()['XDG_CACHE_HOME'])
        settings = flags.training([*COMMANDS['again'][1], f'--output_dir={base}'], '')
        data, data_hash = setup.load(settings)
    run = Run(base / 'run')
    run.path.mkdir()
    run.begin(setup.configuration(settings, data, data_hash, COMMANDS['again'][1][1:]))
    run.settle('xla', lambda: 'off')
    fill(run, np.random.default_rng(0))
    return run.path


def fill(run, rng):
    """What three epochs of four steps leave."""
    for epoch in range(1, EPOCHS + 1):
        run.log({'epoch': epoch, 'loss': 100 / epoch, 'test_kl': 3.5, 'seconds': 0.1})
        for kind in directory.PICTURES:
            picture = rng.integers(0, 256, (56, 56, 1), np.uint8)
            pictures.save_png(run.picture(kind, epoch), picture)
        arrays = {'0000': rng.normal(size=(4, 6)).astype(np.float32), 'step': np.array(4 * epoch)}
        run.save(arrays | {'sums': np.zeros(1), 'names': np.array(['loss'])}, 4 * epoch)
    pictures.save_png(run.path / 'target.png', picture)
    scores = {'fid': {'fid': 12.5}, 'kid': {'mean': 0.1, 'std': 0.01}}
    result = {'conditions': {'version': 1}, 'scores': scores, 'reasons': {'parzen': 'too few'}}
    files.write_json(run.path / 'evaluation.json', result | {'references': {'test images': result}})
    for name in ('.lock', 'model.txt', 'samples.gif', f'checkpoints/{directory.FINAL}'):
        (run.path / name).touch()


# Edits

ODD = [None, True, 0, -1, 10**30, 1.5, float('nan'), '', 'x', '../..', 'a\0b', '\ud800', [], {}]
ODD += [[1], [[[1]]], {'a': {'b': {}}}]
CELLS = ['', 'x', '-1', 'nan', '1' * 5000, '"', ',', '\0', '\n', '\udcff', '1e999']


def places(values, path=()):
    """The path of every value inside a nested one."""
    inner = values.items() if isinstance(values, dict) else enumerate(values)
    for key, value in inner:
        yield (*path, key)
        if isinstance(value, (dict, list)):
            yield from places(value, (*path, key))


def edit_json(path, rng):
    """Removes a value, replaces it by an odd one, or nests it deeply."""
    values = json.loads(path.read_text())
    found = list(places(values))
    if rng.random() < 0.5:
        found = [way for way in found if len(way) == 1]
    *way, key = found[rng.integers(len(found))]
    holder = values
    for step in way:
        holder = holder[step]
    holder[key] = 'HERE' if rng.random() < 0.05 else ODD[rng.integers(len(ODD))]
    if rng.random() < 0.25:
        del holder[key]
    deep = '[' * 100_000 + ']' * 100_000
    path.write_text(json.dumps(values).replace('"HERE"', deep))


def edit_log(path, rng):
    """Replaces a cell."""
    lines = [line.split(',') for line in path.read_text().splitlines()]
    line = lines[rng.integers(len(lines))]
    line[rng.integers(len(line))] = CELLS[rng.integers(len(CELLS))]
    text = ''.join(f'{",".join(line)}\n' for line in lines)
    path.write_bytes(text.encode(errors='surrogateescape'))


def edit_arrays(path, rng):
    """Makes an array NaN, or one of another kind, or takes it away; the digest is right."""
    arrays = files.read_arrays(path)
    name = sorted(arrays)[rng.integers(len(arrays))]
    odd = [np.array(np.nan), np.array('x'), np.full((4, 6), np.nan), np.array([[1, 2]])]
    arrays[name] = odd[rng.integers(len(odd))]
    if rng.random() < 0.25:
        del arrays[name]
    files.write_arrays(path, arrays)


def edit_picture(path, rng):
    """Makes it a picture of another size or in colour."""
    side = [1, 57, 300][rng.integers(3)]
    pictures.save_png(path, np.zeros((side, side, [1, 3][rng.integers(2)]), np.uint8))


def flip(path, rng):
    """Changes a byte."""
    data = bytearray(path.read_bytes() or b'\0')
    data[rng.integers(len(data))] ^= rng.integers(1, 256)
    path.write_bytes(data)


def cut(path, rng):
    """Leaves the first part."""
    data = path.read_bytes()
    path.write_bytes(data[: rng.integers(len(data) + 1)])


def scribble(path, rng):
    """Writes bytes without a meaning."""
    path.write_bytes(rng.bytes(rng.integers(2000)))


def take_away(path, rng):
    path.unlink()


def replace(path, rng):
    """A directory, a link to itself or one that leads nowhere in the place of the file."""
    path.unlink()
    kind = rng.integers(3)
    if kind:
        path.symlink_to(path.name if kind == 1 else '/nowhere/at/all')
    else:
        path.mkdir()


def replace_directory(path, rng):
    """A file or link in the place of the directory, which moves aside."""
    directory = path.parent
    directory.rename(directory.with_name('aside'))
    [directory.touch, lambda: directory.symlink_to('nowhere')][rng.integers(2)]()


MEANT = {'.json': edit_json, '.csv': edit_log, '.npz': edit_arrays, '.png': edit_picture}
ANY = [flip, cut, scribble, take_away, replace]


def edit(run, rng):
    """Makes one edit; returns it in words."""
    paths = sorted(path for path in run.rglob('*') if path.is_file())
    often = [run / 'config.json'] * 12 + [run / 'log.csv'] * 4 + [run / 'evaluation.json'] * 4
    paths += [path for path in often if path.exists()] + Run(run).checkpoints()
    path = paths[rng.integers(len(paths))]
    kinds = ANY + [MEANT[path.suffix]] * 5 if path.suffix in MEANT else ANY
    kinds = kinds + [replace_directory] * (path.parent != run)
    change = kinds[rng.integers(len(kinds))]
    change(path, rng)
    return f'{change.__name__} {path.relative_to(run)}'


# What must hold


def state(run):
    """{path: what tells that a file was changed} of everything in the run."""
    found = {path: path.lstat() for path in run.rglob('*')}
    files = {path: (s.st_mtime_ns, s.st_size, s.st_ino) for path, s in found.items()}
    return {path: s if not path.is_dir() else None for path, s in files.items()}


def is_ours(run):
    """Whether the configuration is that of a run, damaged or not."""
    try:
        return schema.is_ours(json.loads((run / 'config.json').read_text()))
    except (OSError, ValueError, RecursionError):
        return False


def end_of(name):
    """Runs a command as it is typed; what it exits with, or Reached."""
    main, argv = COMMANDS[name]
    sys.argv = argv + ['--output_dir=.'] * (name in TRAINS)
    try:
        terminal.start(main)
    except SystemExit as end:
        return end.code
    except Reached:
        return Reached


def check(whole, seed, capfd):
    """Edits a copy of the run here as `seed` draws, and lets a command meet it."""
    rng, run = np.random.default_rng(seed), Path('run')
    shutil.copytree(whole, run)
    done, name = edit(run, rng), list(COMMANDS)[rng.integers(len(COMMANDS))]
    before, ours = state(run), is_ours(run)
    told = f'seed {seed}: {done}, then {name}'
    try:
        end = end_of(name)
    except Exception as error:
        raise AssertionError(told) from error
    assert 'Traceback' not in capfd.readouterr().err, told
    if isinstance(end, str):
        assert '\n' not in end and ('run' in end or '--' in end), f'{told}: {end}'
    begun_anew = name == 'anew' and end is Reached
    assert ours if begun_anew else before.items() <= state(run).items(), f'{told}: {end}'
    return end


@pytest.fixture
def meet(whole, tmp_path, monkeypatch, capfd):
    """Checks the edit and the command of a seed; the decoded data are read once."""

    def reach():
        raise Reached

    with monkeypatch.context() as patch:
        patch.setenv('XDG_CACHE_HOME', harness.environment()['XDG_CACHE_HOME'])
        data = datasets.load('digits')
    monkeypatch.setattr(datasets, 'load', lambda *_: data)
    monkeypatch.setattr(backend, 'load_tensorflow', reach)
    monkeypatch.setattr(sys, 'argv', [])
    monkeypatch.chdir(tmp_path)

    def check_seed(seed):
        end = check(whole, seed, capfd)
        for path in tmp_path.iterdir():
            shutil.rmtree(path)
        return end

    return check_seed


def test_no_edit_ends_in_a_traceback_or_costs_a_file(meet):
    ends = [meet(seed) for seed in range(300)]
    assert sum(end is Reached for end in ends) > 50
    assert sum(isinstance(end, str) for end in ends) > 50


@pytest.mark.slow
def test_nor_does_any_of_another_thousand(meet):
    for seed in range(300, 1300):
        meet(seed)


@pytest.mark.slow
@pytest.mark.parametrize('seed', range(60))
def test_nor_does_any_up_to_the_end(tiny_runs, tmp_path, seed):
    """As a user types it; pictures and checkpoints that training makes again are there again."""
    rng, run = np.random.default_rng([1, seed]), tmp_path / 'run'
    shutil.copytree(tiny_runs['vae'], run)
    older = Run(run).checkpoints()[1:]  # training on drops them
    done, name = edit(run, rng), list(COMMANDS)[rng.integers(len(COMMANDS))]
    before = {path for path in run.rglob('*') if 'tensorboard' not in path.parts} - {*older}
    argv = COMMANDS[name][1] + ['--output_dir=.'] * (name in TRAINS)
    command = [sys.executable, ROOT / argv[0], *argv[1:]]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    told = f'{done}, then {name}: {found.stderr}'
    assert found.returncode in (0, 1) and 'Traceback' not in found.stderr, told
    if found.returncode:
        assert found.stderr.splitlines()[-1].startswith(f'{argv[0]}: '), told
    if name != 'anew' or found.returncode:
        assert before <= set(run.rglob('*')), told
