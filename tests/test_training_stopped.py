"""A run that was stopped or damaged and continued equals one that never was."""

import shutil
import signal
from functools import partial
from pathlib import Path

import harness
import numpy as np
import pytest
from harness import (
    at_step,
    contents,
    die,
    finish,
    kill_at,
    lasting,
    poison,
    record,
    send,
    steps_a_call,
)
from harness import run_small as run

from runs.directory import Run

MODELS = ('vae', pytest.param('gan', marks=pytest.mark.slow))

pytestmark = pytest.mark.usefixtures('clean')


@pytest.fixture(scope='module', params=MODELS)
def model(request):
    return request.param


@pytest.fixture(scope='module')
def whole_vae(wholes):
    return wholes('vae')


# Stopped

FIVE = '--train_size=320'  # five steps an epoch


@pytest.fixture(scope='module')
def five(model, tmp_path_factory):
    path = tmp_path_factory.mktemp('five') / 'a'
    finish(path, FIVE, model=model, hooks=[partial(steps_a_call, 5)])
    return path


def test_a_long_epoch_is_saved_by_the_clock_and_goes_on_at_the_next_step(five, model, tmp_path):
    """Killed in the second epoch after its fourth step, with a checkpoint after every step."""
    clock = '--save_every_minutes=1e-9'
    done = run(tmp_path / 'a', FIVE, clock, model=model, hooks=[partial(at_step, 10, die)])
    assert done.status == -signal.SIGKILL
    kept = Run(tmp_path / 'a' / 'run').checkpoints()
    assert [path.name for path in kept] == [f'step_0000000{n}.npz' for n in (9, 8, 7)]
    made = tmp_path / 'steps'
    finish(tmp_path / 'a', FIVE, model=model, hooks=[partial(record, str(tmp_path / 'a'), made)])
    assert made.read_text().split().count('step') == 6
    assert lasting(tmp_path / 'a') == lasting(five)


def test_the_clock_saves_nothing_where_there_is_time(five):
    names = [path.name for path in Run(five / 'run').checkpoints()]
    assert names == ['step_00000015.npz', 'step_00000010.npz', 'step_00000005.npz']


def test_ctrl_c_stops_in_the_midst_of_an_epoch_and_says_how_to_go_on(five, model, tmp_path):
    hooks = [partial(at_step, 7, partial(send, signal.SIGINT))]
    done = run(tmp_path / 'a', FIVE, model=model, hooks=hooks)
    path = tmp_path / 'a' / 'run'
    assert done.status == 130
    assert done.err == ''
    assert done.out.endswith('in epoch 2; the same command continues from here\n')
    assert Run(path).checkpoints()[0].name == 'step_00000007.npz'
    assert (path / 'samples.gif').exists()
    finish(tmp_path / 'a', FIVE, model=model)
    assert lasting(tmp_path / 'a') == lasting(five)


def test_sigterm_stops_like_ctrl_c(tmp_path):
    done = run(tmp_path / 'a', hooks=[partial(at_step, 3, partial(send, signal.SIGTERM))])
    assert done.status == 143
    assert 'the same command continues' in done.out
    assert Run(tmp_path / 'a' / 'run').checkpoints()[0].name == 'step_00000003.npz'


@pytest.mark.skipif(not Path('/dev/full').exists(), reason='Linux has a file that is full')
def test_an_epoch_is_saved_before_it_is_told(tmp_path):
    done = run(tmp_path / 'a', hooks=[partial(at_step, 2, harness.fill_output)])
    assert done.status == 1
    assert 'standard output: cannot be written (No space left on device)' in done.err
    kept = Run(tmp_path / 'a' / 'run').checkpoints()
    assert [path.name for path in kept] == ['step_00000002.npz']


def take_away_and_stop(path):
    path.unlink()
    send(signal.SIGINT)


def test_a_run_whose_configuration_is_taken_away_as_it_trains_is_saved_and_goes_on(
    whole_vae, tmp_path
):
    config = tmp_path / 'a' / 'run' / 'config.json'
    done = run(tmp_path / 'a', hooks=[partial(at_step, 3, partial(take_away_and_stop, config))])
    assert (done.status, done.err) == (130, '')
    assert config.exists()
    finish(tmp_path / 'a')
    assert lasting(tmp_path / 'a') == lasting(whole_vae.path)


def test_a_second_ctrl_c_ends_at_once(tmp_path):
    twice = partial(send, signal.SIGINT, signal.SIGINT)
    done = run(tmp_path / 'a', hooks=[partial(at_step, 4, twice)])
    assert done.status == -signal.SIGINT
    assert Run(tmp_path / 'a' / 'run').checkpoints()[0].name == 'step_00000002.npz'


def test_the_number_of_steps_a_call_changes_no_bit(five, model, tmp_path):
    finish(tmp_path / 'a', FIVE, model=model, hooks=[partial(steps_a_call, 2)])
    assert contents(tmp_path / 'a') == contents(five)


# Threads


def test_a_run_keeps_its_threads_and_tells_where_the_cores_differ(whole_vae, tmp_path):
    cores = harness.cores_of(whole_vae.path)
    hooks = [partial(harness.pretend_cores, cores + 5), partial(at_step, 4, die)]
    assert run(tmp_path / 'a', hooks=hooks).status == -signal.SIGKILL
    assert harness.cores_of(tmp_path / 'a') == cores + 5
    done = run(tmp_path / 'a', hooks=[partial(harness.tell_threads, tmp_path / 'threads')])
    assert done.status == 0
    assert f'{cores + 5} threads it was started with' in done.err
    assert f'this machine has {cores} cores, so the last bits of the result may' in done.err
    assert (tmp_path / 'threads').read_text() == str(cores + 5)


# Damaged


def test_a_damaged_checkpoint_gives_way_to_the_one_before(whole_vae, tmp_path):
    """tests/test_runs.py damages every byte of one."""
    shutil.copytree(whole_vae.path, tmp_path / 'a')
    path = Run(tmp_path / 'a' / 'run').checkpoints()[0]
    path.write_bytes(path.read_bytes()[:-1000])
    done = run(tmp_path / 'a')
    assert done.status == 0
    assert done.err == f'{path}: damaged; the checkpoint before it is used instead\n'
    assert contents(tmp_path / 'a') == contents(whole_vae.path)


def test_nan_never_reaches_a_checkpoint(whole_vae, tmp_path):
    done = run(tmp_path / 'a', hooks=[partial(poison, 4)])
    assert done.status == 1
    assert 'diverged at step 4' in done.err
    assert [p.name for p in Run(tmp_path / 'a' / 'run').checkpoints()] == ['step_00000002.npz']
    assert all(np.isfinite(a).all() for a in numbers(tmp_path / 'a'))
    finish(tmp_path / 'a')
    assert contents(tmp_path / 'a') == contents(whole_vae.path)


def test_who_goes_on_past_nan_keeps_the_last_good_checkpoint(tmp_path):
    path = tmp_path / 'a' / 'run'
    done = run(tmp_path / 'a', '--stop_on_nan=false', hooks=[partial(poison, 4)])
    assert done.status == 1
    assert done.err.count('\n') == 1
    assert 'after step 2 a weight was infinite or not a number' in done.err
    assert f'the last good checkpoint is {path}/checkpoints/step_00000002.npz' in done.err
    assert [row['loss'] for row in harness.rows(tmp_path / 'a')][2] == 'nan'
    assert [p.name for p in (path / 'checkpoints').iterdir()] == ['step_00000002.npz']
    assert all(np.isfinite(a).all() for a in numbers(tmp_path / 'a'))


def numbers(directory):
    """The arrays of the newest checkpoint, but for words."""
    return [array for array in harness.newest(directory).values() if array.dtype.kind != 'U']


# How often things are written


def test_checkpoints_and_samples_every_second_epoch(tmp_path):
    flags, whole, parts = ('--save_every=2', '--sample_every=2'), tmp_path / 'a', tmp_path / 'b'
    finish(whole, *flags, epochs=5)
    made = Run(whole / 'run')
    assert [path.name[-6:-4] for path in made.checkpoints()] == ['10', '08', '04']
    assert made.epochs('samples') == made.epochs('reconstructions') == [2, 4, 5]
    done = run(parts, *flags, epochs=5, hooks=[partial(kill_at, str(parts), 'step', 8)])
    assert done.status == -signal.SIGKILL
    finish(parts, *flags, epochs=5)
    assert contents(parts) == contents(whole)
