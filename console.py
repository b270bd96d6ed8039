"""How the commands speak to the terminal: one line for a mistake, no noise from libraries."""

import contextlib
import errno
import os
import signal
import sys
import tempfile
import time

from tqdm import tqdm


class InputError(Exception):
    """A mistake the user can mend: the message names the flag or file, the fault, what to do."""


def start(main):
    """Runs `main(argv)`; answers mistakes and full disks in one line, and exits with its status.

    Status 0 is success, 1 a mistake told by InputError or the operating system, 130 Ctrl-C.
    """
    try:
        status = main(sys.argv)
        sys.stdout.flush()
    except InputError as error:
        status = f'{os.path.basename(sys.argv[0])}: {" ".join(str(error).split())}'
    except BrokenPipeError:
        status = 1
        takes_output()
    except OSError as error:
        status = f'{os.path.basename(sys.argv[0])}: {describe(error)}'
    except KeyboardInterrupt:
        status = 128 + signal.SIGINT
    sys.exit(status)


def describe(error):
    """The operating system's refusal as `file: reason`, and what to do where no file is known."""
    reason = error.strerror or str(error)
    if error.filename:
        return f'{error.filename}: {reason}'
    if not takes_output():
        return f'standard output: cannot be written ({reason}); lead it to where there is room'
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f'{reason}; make room where runs, ~/.cache and temporary files lie'
    return reason


def takes_output():
    """Whether standard output takes a line; if not, Python is spared its own try at the end."""
    try:
        print(flush=True)  # what could not be written before is dropped, so flushing alone passes
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


@contextlib.contextmanager
def reading(path):
    """Tells in one line that names `path` why it cannot be read; so nothing is known against it.

    Where nothing is, FileNotFoundError or NotADirectoryError pass. A link that leads nowhere is
    something: its disk may be away.

    Raises:
      InputError: the operating system refuses.
    """
    try:
        yield
    except OSError as error:
        absent = isinstance(error, (FileNotFoundError, NotADirectoryError))
        if absent and not os.path.islink(path):
            raise
        reason = f'cannot be read ({error.strerror or error})'
        raise InputError(f'{path}: {reason}; make it readable and repeat the command') from error


@contextlib.contextmanager
def quiet():
    """Holds back what C++ libraries write to descriptor 2, which no Python setting silences.

    What was held back is shown when the block fails, and dropped when it does not.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held, os.fdopen(os.dup(2), 'wb') as terminal:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except Exception:
            held.seek(0)
            terminal.write(held.read())
            raise
        finally:
            os.dup2(terminal.fileno(), 2)


def limit_threads(count):
    """Has TensorFlow compute with `count` threads; to be called before anything starts it.

    By the environment, since TensorFlow takes no such wish once it has computed anything, and
    decoding a data set may come before training.
    """
    os.environ['TF_NUM_INTRAOP_THREADS'] = os.environ['TF_NUM_INTEROP_THREADS'] = str(count)


def load_tensorflow():
    """Imports TensorFlow and Keras on it, silently, whatever backend the user's shell names.

    It takes of a GPU's memory what it needs, not all.
    """
    os.environ['KERAS_BACKEND'] = 'tensorflow'
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')
    with quiet():
        import keras
        import tensorflow

        gpus = tensorflow.config.list_physical_devices('GPU')  # the first look prints, too
        for gpu in gpus:
            tensorflow.config.experimental.set_memory_growth(gpu, True)
    return tensorflow, keras


class Interrupt:
    """Turns the first SIGINT or SIGTERM into a wish to stop; the second ends the process at once.

    Attributes:
      signal: number of the signal that came, or None.
    """

    def __enter__(self):
        self.signal = None
        self.before = {s: signal.signal(s, self._note) for s in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_):
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def _note(self, number, _):
        self.signal = number
        signal.signal(number, signal.SIG_DFL)


class Progress:
    """A bar over all images of a run on a terminal; a line an epoch elsewhere."""

    def __init__(self, images, epochs, done):
        """Of `images` an epoch in `epochs` epochs, `done` were seen in earlier sessions."""
        self.images, self.epochs, self.done, self.fresh = images, epochs, done, 0
        self.began = time.monotonic()
        hidden = not sys.stderr.isatty()
        self.bar = tqdm(
            total=images * epochs, initial=done, unit='img', unit_scale=True, disable=hidden
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.bar.close()

    def advance(self, images, losses):
        """Tells of `images` more, and of the epoch's mean losses so far."""
        self.done, self.fresh = self.done + images, self.fresh + images
        epoch = min(self.done // self.images + 1, self.epochs)
        self.bar.set_description(f'epoch {epoch}/{self.epochs}', refresh=False)
        self.bar.set_postfix(losses, refresh=False)
        self.bar.update(images)

    def epoch(self, row):
        """Tells of a finished epoch, {column: value}."""
        rest = (time.monotonic() - self.began) * (self.images * self.epochs - self.done)
        words = [f'{name} {value:.5g}' for name, value in row.items() if name != 'epoch' and value]
        left = tqdm.format_interval(rest / max(self.fresh, 1))
        line = f'epoch {row["epoch"]}/{self.epochs}: {", ".join(words)}, {left} left'
        if self.bar.disable:
            print(line, flush=True)
