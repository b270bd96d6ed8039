"""The same steps from the same state leave the same bits: again and again, in many processes."""

import contextlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import harness
import pytest

HISTORY = 'improved_gan --historical_averaging=1 --xla=off'
MODELS = ('vae', 'gan', 'label_gan', 'dcgan', 'wgan_gp', 'pixelcnn', HISTORY)
TIMES, PROCESSES, AT_ONCE = 200, 20, 4

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures('clean')]


@contextlib.contextmanager
def load():
    """As many processes that only compute as there are cores."""
    busy = [subprocess.Popen([sys.executable, '-c', 'while True: pass']) for _ in range(cores())]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def cores():
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()


def ends(model, threads, times, state, *more):
    """The digests of a process that makes the steps so many times."""
    words = [sys.executable, harness.ROOT / 'tests' / 'repeated.py', model, threads, times, state]
    command, variables = [*map(str, [*words, *more])], os.environ | harness.environment()
    done = subprocess.run(command, env=variables, check=True, capture_output=True, text=True)
    return done.stdout.split()


@pytest.mark.parametrize('threads', [1, 2])
@pytest.mark.parametrize('model', MODELS)
def test_steps_repeated_in_one_process_leave_the_same_bits(model, threads, tmp_path):
    with load():
        found = ends(model, threads, TIMES, tmp_path / 'state.npz')
    assert len(found) == TIMES and len({*found}) == 1


@pytest.mark.parametrize('model', MODELS)
def test_steps_in_many_processes_leave_the_same_bits(model, tmp_path):
    state = tmp_path / 'state.npz'
    [first] = ends(model, 2, 1, state)
    with load(), ThreadPoolExecutor(AT_ONCE) as pool:
        found = [*pool.map(lambda _: ends(model, 2, 1, state), range(PROCESSES))]
    assert found == [[first]] * PROCESSES


@pytest.mark.parametrize('model', ['gan', 'label_gan'])
def test_signals_leave_the_bits_as_they_are(model, tmp_path):
    """Unless they are handled on a stack of their own, they damage the memory of these two."""
    [quiet] = ends(model, 1, 1, tmp_path / 'state.npz')
    assert {*ends(model, 1, TIMES, tmp_path / 'state.npz', 'signals')} == {quiet}
