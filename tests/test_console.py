import os
import signal
import subprocess
import sys
import textwrap
from types import SimpleNamespace

import pytest

from console import Interrupt, Progress


def python(code):
    """What a fresh process that runs `code` answers."""
    command = [sys.executable, '-c', textwrap.dedent(code)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize(
    ('raised', 'status', 'said'),
    [
        ("console.InputError('--flag=1: wrong; try 2')", 1, '--flag=1: wrong; try 2'),
        ("OSError(28, 'No space left on device', 'a.png')", 1, 'a.png: No space left on device'),
        ('KeyboardInterrupt', 130, ''),
        ('BrokenPipeError', 1, ''),
    ],
)
def test_a_mistake_is_one_line_and_a_status(raised, status, said):
    done = python(f"""
        import console
        def main(argv):
            raise {raised}
        console.start(main)
    """)
    assert done.returncode == status
    assert done.stderr.strip().removeprefix('-c: ') in (said, str(status))
    assert 'Traceback' not in done.stderr


def test_start_gives_the_command_its_words_and_takes_its_status():
    done = python("""
        import console, sys
        sys.argv = ['x.py', 'word']
        console.start(lambda argv: argv != ['x.py', 'word'])
    """)
    assert done.returncode == 0


def test_quiet_holds_back_what_libraries_write_to_the_descriptor():
    done = python("""
        import console, os
        with console.quiet():
            os.write(2, b'noise')
        os.write(2, b'after')
    """)
    assert done.stderr == 'after'


def test_quiet_shows_what_it_held_back_when_the_block_fails():
    done = python("""
        import console, os
        with console.quiet():
            os.write(2, b'the cause')
            raise ValueError('failed')
    """)
    assert done.stderr.startswith('the cause')
    assert 'failed' in done.stderr


def test_tensorflow_comes_silently_and_whatever_backend_the_user_names():
    code = 'import console; print(console.load_tensorflow()[1].backend.backend())'
    variables = os.environ | {'KERAS_BACKEND': 'jax'}
    command = [sys.executable, '-c', code]
    done = subprocess.run(command, capture_output=True, text=True, env=variables)
    assert (done.stdout, done.stderr) == ('tensorflow\n', '')


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_first_signal_is_noted_and_the_second_kills(number):
    before = signal.getsignal(number)
    with Interrupt('stopping') as interrupt:
        assert interrupt.signal is None
        signal.raise_signal(number)
        assert interrupt.signal == number
        assert signal.getsignal(number) == signal.SIG_DFL
    assert signal.getsignal(number) == before


def test_signals_are_answered_while_a_call_hears_of_none():
    """As one that compiles: this one would take hours, but for the second signal."""
    done = python("""
        import console, hashlib, os, signal, sys, threading
        sys.setswitchinterval(1000)  # both are sent before Python hears of one
        def send():
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
        with console.Interrupt('stopping'):
            threading.Thread(target=send).start()
            hashlib.pbkdf2_hmac('sha1', b'', b'', 2**31 - 1)
    """)
    assert done.returncode in (128 + signal.SIGINT, 128 + signal.SIGTERM)
    assert (done.stdout, done.stderr) == ('stopping\n', '')


ROW = {'loss': 2.0, 'kl': 0.5, 'test_elbo': 3.0, 'test_kl': 4.0, 'eval_fid': None}
ROW |= {'images_per_second': 12.0, 'seconds': 10.0}


def epochs(clock, count=2):
    """Trains epochs of 100 images, the first step after 60 seconds, by a clock of ours."""
    with Progress(100, 10, 0) as progress:
        clock.now += 60  # compiles
        progress.advance(10, {'loss': 2.0})
        for epoch in range(1, count + 1):
            for images in [30] * 3 if epoch == 1 else [40, 30, 30]:
                clock.now += images / 10
                progress.advance(images, {'loss': 2.0})
            clock.now += 30 if epoch == 1 else 5  # tests, and compiles that first
            progress.epoch({'epoch': epoch, **ROW})


@pytest.fixture
def clock(monkeypatch):
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr('time.monotonic', lambda: clock.now)
    return clock


def test_elsewhere_than_on_a_terminal_progress_is_a_full_line_an_epoch(capsys, clock):
    epochs(clock, 1)
    shown = capsys.readouterr()
    numbers = 'loss 2, kl 0.5, test_elbo 3, test_kl 4, images_per_second 12, seconds 10'
    assert shown.out == f'epoch 1/10: {numbers}, 01:30 left\n'
    assert shown.err == ''


def test_a_terminal_gets_a_short_line_above_the_bar(capsys, clock, monkeypatch):
    for stream in sys.stdout, sys.stderr:
        monkeypatch.setattr(stream, 'isatty', lambda: True)
    epochs(clock)
    shown = capsys.readouterr()
    assert shown.out.splitlines()[0] == 'epoch 1/10: loss 2, test_elbo 3, 10.0 s, 01:30 left'
    assert '200/1.00k' in shown.err


def test_what_is_left_is_told_without_what_compiles(capsys, clock):
    """10 images a second: 90 seconds after one epoch, though a minute and a half went by."""
    epochs(clock, 3)
    left = [line.split(', ')[-1] for line in capsys.readouterr().out.splitlines()]
    assert left == ['01:30 left', '01:20 left', '01:22 left']


def test_one_step_an_epoch_tells_no_time(capsys):
    with Progress(100, 3, 0) as progress:
        progress.advance(100, {'loss': 2.0})
        progress.epoch({'epoch': 1, **ROW})
    assert capsys.readouterr().out.endswith(', ? left\n')
