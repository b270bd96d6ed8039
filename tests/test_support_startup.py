"""support.startup: what covers a command before its own imports."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support import startup

ROOT = Path(startup.__file__).parents[1]
COMMANDS = ['train', 'generate', 'compare', 'evaluate']


def run(*words, **options):
    """What a Python process with these arguments answers."""
    command = [sys.executable, *words]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, preexec_fn=heed_ctrl_c, **options
    )


def heed_ctrl_c():
    """A suite in the background of a shell, and what it starts, ignores it otherwise."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def interrupting(directory):
    """Variables with which the first import of tqdm is a Ctrl-C."""
    (directory / 'tqdm.py').write_text('import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n')
    return os.environ | {'PYTHONPATH': str(directory)}


@pytest.mark.parametrize('words', [*([f'{name}.py'] for name in COMMANDS), ['-m', 'lessons.ring']])
def test_ctrl_c_while_a_command_imports_is_silent(tmp_path, words):
    done = run(*words, env=interrupting(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (130, '', '')


def test_a_command_that_was_started_to_ignore_ctrl_c_does():
    """As shells start what they put in the background."""
    code = """
        import signal
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        from support import startup
        startup.begin()
        signal.raise_signal(signal.SIGINT)
        print('goes on')
    """
    assert run('-c', '\n'.join(map(str.strip, code.splitlines()))).stdout == 'goes on\n'


@pytest.mark.parametrize('name', COMMANDS)
def test_commands_run_isolated_and_without_docstrings(name):
    done = run('-I', '-OO', f'{name}.py', '--help')
    assert (done.returncode, done.stderr) == (0, '')
    assert '--help' in done.stdout


CLOSED = """
from support import startup
startup.begin()
import os
from support import backend
print('into nowhere')
with open(os.environ['KEPT'], 'w') as file, backend.quiet():
    os.write(1, b'into nowhere')
    os.write(2, b'into nowhere')
"""


@pytest.mark.parametrize('closed', ['2>&-', '1>&-', '0<&- 1>&- 2>&-'])
def test_closed_streams_are_nowhere_and_no_file(tmp_path, closed):
    variables = os.environ | {'KEPT': str(tmp_path / 'kept')}
    command = ['sh', '-c', f'"$0" -c "$1" {closed}', sys.executable, CLOSED]
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, '')
    assert (tmp_path / 'kept').read_text() == ''


def test_warnings_of_libraries_are_kept_for_who_asks():
    code = 'from support import startup; startup.begin(); '
    code += "import warnings; warnings.warn('hm', stacklevel=1)"
    assert run('-c', code).stderr == ''
    assert 'hm' in run('-W', 'default', '-c', code).stderr


def test_names_that_are_no_text_can_be_printed():
    code = "from support import startup; startup.begin(); print('a\\udcff')"
    assert run('-c', code).stdout == 'a\\udcff\n'


@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='the struct differs elsewhere')
@pytest.mark.parametrize('begin', ['startup.begin()', "terminal.Interrupt('stopping').__enter__()"])
def test_the_main_thread_handles_signals_on_a_stack_of_its_own(begin):
    """Of at least 8 kB beside what the processor's registers take."""
    done = run('-c', STACK.replace('BEGIN', begin))
    disabled, room = map(int, done.stdout.split())
    assert not disabled and room >= 8192


STACK = """
import ctypes, os
class Stack(ctypes.Structure):
    _fields_ = [('start', ctypes.c_void_p), ('flags', ctypes.c_int), ('size', ctypes.c_size_t)]
from support import startup, terminal
BEGIN
stack, libc = Stack(), ctypes.CDLL(None)
libc.sigaltstack(None, ctypes.byref(stack))
MINSIGSTKSZ = 51
print(stack.flags & 2, stack.size - libc.getauxval(MINSIGSTKSZ), flush=True)
os._exit(0)
"""
