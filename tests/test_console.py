import os
import signal
import subprocess
import sys
import textwrap

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


@pytest.mark.skipif(not os.path.exists('/dev/full'), reason='Linux has a file that is full')
@pytest.mark.parametrize('flush', [True, False])
def test_a_full_standard_output_is_named_and_silent_at_the_end(flush):
    code = f'import console; console.start(lambda _: print("word", flush={flush}))'
    with open('/dev/full', 'w') as full:
        command = [sys.executable, '-c', code]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    reason = 'cannot be written (No space left on device); lead it to where there is room'
    assert (done.returncode, done.stderr) == (1, f'-c: standard output: {reason}\n')


def test_a_full_disk_without_a_name_comes_with_a_remedy():
    done = python("""
        import console
        def main(argv):
            raise OSError(28, 'No space left on device')
        console.start(main)
    """)
    assert 'No space left on device; make room where runs, ~/.cache' in done.stderr


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
    with Interrupt() as interrupt:
        assert interrupt.signal is None
        signal.raise_signal(number)
        assert interrupt.signal == number
        assert signal.getsignal(number) == signal.SIG_DFL
    assert signal.getsignal(number) == before


def test_elsewhere_than_on_a_terminal_progress_is_a_line_an_epoch(capsys):
    with Progress(100, 3, 0) as progress:
        progress.advance(100, {'loss': 2.0})
        progress.epoch({'epoch': 1, 'loss': 2.0, 'images_per_second': None})
    shown = capsys.readouterr()
    assert shown.out.startswith('epoch 1/3: loss 2, ')
    assert shown.out.endswith(' left\n')
    assert shown.err == ''
