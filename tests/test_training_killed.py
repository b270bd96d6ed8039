"""A run that was killed and continued equals one that never was."""

import shutil
import signal
from functools import partial

import numpy as np
import pytest
from harness import contents, finish, images_on_disk, kill, kill_at, steps_a_call
from harness import run_small as run

from runs.directory import Run

KINDS = ('step', 'write', 'name')
XLA, HALF = '--xla=on', '--precision=bfloat16'
COMPILED = [(), (XLA,), (HALF,), (XLA, HALF)]  # two kills each, in turn
OFTEN = {'vae': (0, 1, 2), 'gan': (1,)}  # each kind of event, with XLA and without
KILLS = [
    pytest.param(model, i, marks=[pytest.mark.slow] * (i not in often))
    for model, often in OFTEN.items()
    for i in range(107)
]

pytestmark = pytest.mark.usefixtures('clean')


@pytest.fixture(scope='module')
def whole_vae(wholes):
    return wholes('vae')


def event(events, number):
    """The kind and number of the event that a fixed seed draws."""
    kind = KINDS[number % len(KINDS)]
    return kind, int(np.random.default_rng(number).integers(events[kind])) + 1


# Three epochs are one and two


@pytest.mark.parametrize(
    ('model', 'flags'),
    [('vae', []), *(pytest.param(m, [XLA], marks=pytest.mark.slow) for m in ('vae', 'gan'))],
)
def test_three_epochs_equal_one_and_two_more(wholes, model, flags, tmp_path):
    for epochs in 1, 3:
        hooks = [partial(steps_a_call, 1)]
        finish(tmp_path / 'a', *flags, model=model, epochs=epochs, hooks=hooks)
    assert contents(tmp_path / 'a') == contents(wholes(model, *flags).path)


def test_images_may_stay_on_disk(whole_vae, tmp_path):
    path = tmp_path / 'a'
    done = run(path, hooks=[images_on_disk, partial(kill_at, str(path), 'step', 4)])
    assert done.status == -signal.SIGKILL
    finish(path, hooks=[images_on_disk])
    assert contents(path) == contents(whole_vae.path)


def test_another_seed_gives_another_run(whole_vae, tmp_path):
    finish(tmp_path / 'a', '--seed=1')
    other, same = contents(tmp_path / 'a'), contents(whole_vae.path)
    changed = {name for name in same if other[name] != same[name]}
    assert changed >= {'log.csv', 'samples/epoch_0001.png', 'checkpoints/final.weights.h5'}
    assert 'target.png' not in changed


# Killed


@pytest.mark.parametrize(('model', 'number'), KILLS)
def test_a_killed_run_goes_on_as_if_nothing_had_been(wholes, model, number, tmp_path):
    flags = COMPILED[number // 2 % len(COMPILED)]
    whole = wholes(model, *flags)
    kill(tmp_path / 'a', *event(whole.events, number), *flags, model=model)
    finish(tmp_path / 'a', *flags, model=model)
    assert contents(tmp_path / 'a') == contents(whole.path)


@pytest.mark.parametrize(
    ('model', 'first'),
    [('vae', 'write'), pytest.param('gan', 'name', marks=pytest.mark.slow)],
)
def test_a_run_is_killed_again_and_again(wholes, model, first, tmp_path):
    whole = wholes(model)
    kill(tmp_path / 'a', 'step', 4, model=model)
    for number in np.random.default_rng(len(first)).integers(1, 9, 2):
        kill(tmp_path / 'a', first, int(number), model=model)
    finish(tmp_path / 'a', model=model)
    assert contents(tmp_path / 'a') == contents(whole.path)


def test_a_kill_in_the_midst_of_overwriting_leaves_a_run(whole_vae, tmp_path):
    for number in range(1, 6):
        shutil.copytree(whole_vae.path, tmp_path / 'a', dirs_exist_ok=True)
        hooks = [partial(kill_at, str(tmp_path / 'a'), 'name', number)]
        assert run(tmp_path / 'a', '--overwrite', hooks=hooks).status == -signal.SIGKILL
        assert Run(tmp_path / 'a' / 'run').exists()
    finish(tmp_path / 'a', '--overwrite')
    assert contents(tmp_path / 'a')['log.csv'] == contents(whole_vae.path)['log.csv']
