"""Starts TensorFlow and Keras silently, with the number of threads that a run asks for."""

import contextlib
import json
import os
import subprocess
import sys

from support.errors import InputError

# Keras imports them wherever they are installed, for functions that nothing here calls. They take a
# third of the time that its import and TensorFlow's take.
NOT_NEEDED = 'matplotlib', 'sklearn'


@contextlib.contextmanager
def quiet():
    """Holds back what C++ libraries write to descriptor 2, which no Python setting silences.

    It is shown if the block fails, or if the process dies in it, which C++ code may cause.
    Otherwise it is dropped. It is not shown with an InputError, which says itself what is wrong.
    """
    sys.stderr.flush()
    with os.fdopen(os.dup(2), 'wb') as terminal, hold() as holder:
        os.dup2(holder.stdin.fileno(), 2)
        shown = False
        try:
            yield
        except Exception as error:
            shown = not isinstance(error, InputError)
            raise
        finally:
            os.dup2(terminal.fileno(), 2)
            if not shown:
                holder.kill()


def hold():
    """A process that prints what it was sent once its input ends; it outlives this process."""
    command = ['sh', '-c', 'words=$(cat); test -z "$words" || printf "%s\\n" "$words" >&2']
    return subprocess.Popen(command, stdin=subprocess.PIPE)


@contextlib.contextmanager
def absent(*names):
    """Lets imports of packages fail in the block, as if they were not installed.

    Those that were imported before stay.
    """
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def cores():
    """How many cores this process may use."""
    alive = getattr(os, 'sched_getaffinity', lambda _: range(os.cpu_count()))
    return len(alive(0))


def limit_threads(count):
    """Makes TensorFlow compute with `count` threads; to be called before anything starts it.

    This is done by the environment, because TensorFlow ignores later settings once it has computed
    anything, and a data set may be decoded before training.
    """
    os.environ['TF_NUM_INTRAOP_THREADS'] = os.environ['TF_NUM_INTEROP_THREADS'] = str(count)


def load_tensorflow():
    """Imports TensorFlow and Keras on it, silently, whatever the user's shell and keras.json say.

    It takes of a GPU's memory what it needs, not all.

    Raises:
      InputError: TensorFlow or Keras could not take the user's keras.json.
    """
    os.environ['KERAS_BACKEND'] = 'tensorflow'
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')
    check_keras_json()
    with quiet(), absent(*NOT_NEEDED):
        import keras
        import tensorflow

        tensorflow.get_logger().setLevel('ERROR')
        gpus = tensorflow.config.list_physical_devices('GPU')  # the first look prints, too
        for gpu in gpus:
            tensorflow.config.experimental.set_memory_growth(gpu, True)
    keras.config.set_image_data_format('channels_last')
    keras.config.set_floatx('float32')
    keras.config.set_epsilon(1e-7)
    return tensorflow, keras


def check_keras_json():
    """Refuses a keras.json with which the import of TensorFlow or Keras would fail."""
    if os.path.expanduser('~') == '~':  # TensorFlow would make a directory of that name
        os.environ.setdefault('KERAS_HOME', '/tmp/.keras')
    path = os.path.join(
        os.environ.get('KERAS_HOME') or os.path.expanduser('~/.keras'), 'keras.json'
    )
    try:
        with open(path) as file:
            found = json.load(file)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return  # they use their own defaults
    if not (
        isinstance(found, dict)
        and found.get('floatx', 'float32') in ('float16', 'float32', 'float64')
        and isinstance(found.get('epsilon', 1e-7), float)
        and found.get('image_data_format', 'channels_last') in ('channels_first', 'channels_last')
        and not found.get('nnx_enabled')
    ):
        raise InputError(f'{path}: has settings that Keras does not accept; fix or delete it')
