import json
import os
import signal
import subprocess
import sys
import textwrap
from types import SimpleNamespace

import pytest

from support import backend
from support.errors import expand
from support.terminal import Interrupt, Progress


def python(code, **options):
    """What a fresh process that runs `code` answers."""
    command = [sys.executable, '-c', textwrap.dedent(code)]
    return subprocess.run(command, capture_output=True, text=True, **options)


@pytest.mark.parametrize(
    ('raised', 'status', 'said'),
    [
        ("OSError(13, 'Permission denied', 'a.png')", 1, 'a.png: Permission denied'),
        ("InputError('--flag=1: wrong; try 2')", 1, '--flag=1: wrong; try 2'),
        (
            "OSError(28, 'No space left on device', 'a.png')",
            1,
            'a.png: No space left on device; make room there',
        ),
        ('KeyboardInterrupt', 130, ''),
        ('BrokenPipeError', 1, ''),
    ],
)
def test_a_mistake_is_one_line_and_a_status(raised, status, said):
    done = python(f"""
        from support import backend, terminal
        from support.errors import InputError
        def main(argv):
            raise {raised}
        terminal.start(main)
    """)
    assert done.returncode == status
    assert done.stderr.strip().removeprefix('-c: ') in (said, str(status))
    assert 'Traceback' not in done.stderr


@pytest.mark.skipif(not os.path.exists('/dev/full'), reason='Linux has a file that is full')
@pytest.mark.parametrize('flush', [True, False])
def test_a_full_standard_output_is_named_and_silent_at_the_end(flush):
    code = f'from support import terminal; terminal.start(lambda _: print("word", flush={flush}))'
    with open('/dev/full', 'w') as full:
        command = [sys.executable, '-c', code]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    reason = 'cannot be written (No space left on device); make room or redirect it'
    assert (done.returncode, done.stderr) == (1, f'-c: standard output: {reason}\n')


def test_a_full_disk_without_a_name_comes_with_a_remedy():
    done = python("""
        from support import backend, terminal
        from support.errors import InputError
        def main(argv):
            raise OSError(28, 'No space left on device')
        terminal.start(main)
    """)
    assert 'No space left on device; make room for runs, ~/.cache' in done.stderr


def test_start_gives_the_command_its_words_and_takes_its_status():
    done = python("""
        from support import backend, terminal
        from support.errors import InputError
        import sys
        sys.argv = ['x.py', 'word']
        terminal.start(lambda argv: 7 if argv == ['x.py', 'word'] else 8)
    """)
    assert done.returncode == 7


def test_quiet_holds_back_what_libraries_write_to_the_descriptor():
    done = python("""
        from support import backend, terminal
        from support.errors import InputError
        import os
        with backend.quiet():
            os.write(2, b'noise')
        os.write(2, b'after')
    """)
    assert done.stderr == 'after'


def test_quiet_shows_what_it_held_back_when_the_block_fails():
    done = python("""
        from support import backend, terminal
        from support.errors import InputError
        import os
        with backend.quiet():
            os.write(2, b'the cause')
            raise ValueError('failed')
    """)
    assert done.stderr.startswith('the cause')
    assert 'failed' in done.stderr


def test_quiet_shows_what_it_held_back_when_the_process_dies():
    done = python("""
        from support import backend, terminal
        from support.errors import InputError
        import os
        with backend.quiet():
            os.write(2, b'the cause')
            os.abort()
    """)
    assert done.returncode == -signal.SIGABRT
    assert done.stderr == 'the cause\n'


def test_quiet_does_without_the_noise_where_the_mistake_is_told():
    done = python("""
        from support import backend, terminal
        from support.errors import InputError
        import os
        def main(argv):
            with backend.quiet():
                os.write(2, b'noise')
                raise InputError('--flag: wrong')
        terminal.start(main)
    """)
    assert done.stderr == '-c: --flag: wrong\n'


@pytest.mark.parametrize('path', ['~', '~/runs', '~stranger/runs'])
def test_a_path_without_a_home_is_refused(path, monkeypatch):
    monkeypatch.setattr(os.path, 'expanduser', lambda path: path)  # as where nobody knows the user
    with pytest.raises(ValueError, match='no home directory is known'):
        expand(path)


def test_a_home_of_no_letters_is_none(monkeypatch):
    monkeypatch.setenv('HOME', '')
    with pytest.raises(ValueError, match='no home directory is known'):
        expand('~/runs')


def test_a_path_below_home_is_written_out(monkeypatch):
    monkeypatch.setenv('HOME', '/home/me')
    expanded = ['/home/me', '/home/me/a', 'a/~', './~', 'a~']
    assert [expand(path) for path in ('~', '~/a', 'a/~', './~', 'a~')] == expanded


def keras_says(home, code):
    """What a process whose user has this `home` of Keras prints after loading TensorFlow."""
    code = f'from support import backend, terminal; terminal.start(lambda _: print({code}))'
    bound = {'KERAS_BACKEND': 'jax', 'KERAS_HOME': str(home)}
    command = [sys.executable, '-c', code]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | bound)


def test_tensorflow_comes_silently_and_as_it_is_whatever_the_user_sets(tmp_path):
    (tmp_path / 'keras.json').write_text(
        '{"image_data_format": "channels_first", "floatx": "float16", "epsilon": 0.1}'
    )
    keras = 'backend.load_tensorflow()[1]'
    loaded = "{*backend.NOT_NEEDED} & {*__import__('sys').modules}"
    words = ['image_data_format()', 'floatx()', 'epsilon()', 'dtype_policy().name', 'backend()']
    told = [*(f'{keras}.config.{word}' for word in words), loaded]
    done = keras_says(tmp_path, ', '.join(told))
    expected = 'channels_last float32 1e-07 float32 tensorflow set()\n'
    assert (done.stdout, done.stderr) == (expected, '')


def test_what_is_absent_cannot_be_imported_in_the_block_alone(monkeypatch, tmp_path):
    (tmp_path / 'quite_new.py').write_text('')
    monkeypatch.syspath_prepend(tmp_path)
    with backend.absent('quite_new', 'json'):
        with pytest.raises(ImportError):
            import quite_new
        assert sys.modules['json'] is json
    import quite_new

    assert sys.modules.pop('quite_new') is quite_new


@pytest.mark.parametrize('text', ['[]', '{"floatx": "int8"}', '{"epsilon": 1}'])
def test_a_keras_json_that_keras_cannot_read_is_one_line(tmp_path, text):
    (tmp_path / 'keras.json').write_text(text)
    done = keras_says(tmp_path, 'backend.load_tensorflow()')
    assert done.returncode == 1
    assert done.stderr.startswith(f'-c: {tmp_path}/keras.json: ')
    assert done.stderr.count('\n') == 1


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
        from support import backend, terminal
        from support.terminal import Interrupt
        import hashlib, os, signal, sys, threading
        sys.setswitchinterval(1000)  # both are sent before Python hears of one
        def send():
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
        with Interrupt('stopping'):
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


def test_without_a_home_no_directory_is_called_after_it(tmp_path):
    code = """
        import os
        os.path.expanduser = lambda path: path
        from support import backend
        print(backend.load_tensorflow()[1].__name__)
    """
    variables = os.environ | {'PYTHONPATH': os.getcwd()}
    variables.pop('KERAS_HOME', None)
    done = python(code, cwd=tmp_path, env=variables)
    assert (done.stdout, done.stderr) == ('keras\n', '')
    assert not list(tmp_path.iterdir())
