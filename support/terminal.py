"""How the commands speak to the terminal: mistakes in one line, Ctrl-C, progress."""

import contextlib
import os
import signal
import sys
import threading
import time

from tqdm import tqdm

from support import startup
from support.errors import InputError, full


def start(main):
    """Runs `main(argv)`; reports mistakes and full disks in one line, and exits with its status.

    Status 0 is success, 1 a mistake reported by InputError or the operating system, 130 Ctrl-C.
    """
    try:
        startup.on_interrupt(signal.default_int_handler)
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
    startup.on_interrupt(signal.SIG_DFL)  # what is left to do is quick, and has no more to say
    sys.exit(status)


def describe(error):
    """An error of the operating system as `file: reason; what to do`."""
    reason = error.strerror or str(error)
    if error.filename:
        return f'{error.filename}: {reason}' + ('; make room there' if full(error) else '')
    if not takes_output():
        return f'standard output: cannot be written ({reason}); make room or redirect it'
    if full(error):
        return f'{reason}; make room for runs, ~/.cache and temporary files'
    return reason


def takes_output():
    """Whether standard output can be written; if not, Python will not try again at exit."""
    try:
        print(flush=True)  # what could not be written before is dropped, so flushing alone passes
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


class Interrupt:
    """Makes the first SIGINT or SIGTERM a request to stop; the second ends the process at once.

    A thread prints the line `answer` at the first signal, and ends the process at the second. It is
    needed because Python itself handles signals only when a compiled call returns, and compiling
    takes a while.

    Attributes:
      signal: number of the signal received, or None.
    """

    def __init__(self, answer):
        self.answer, self.signal = answer, None

    def __enter__(self):
        startup.own_stack()
        self.heard, told = os.pipe()
        os.set_blocking(told, False)
        self.told, self.before_told = told, signal.set_wakeup_fd(told)
        self.before = {s: signal.signal(s, self._note) for s in (signal.SIGINT, signal.SIGTERM)}
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        for number, handler in self.before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self.before_told)
        os.close(self.told)
        self.thread.join()
        os.close(self.heard)

    def _note(self, number, _):
        self.signal = number
        signal.signal(number, signal.SIG_DFL)

    def _listen(self):
        if os.read(self.heard, 1):
            with contextlib.suppress(OSError):
                say(self.answer)
            number = os.read(self.heard, 1)
            if number:
                os._exit(128 + number[0])


def say(line):
    """Prints a line immediately, above the progress bar if there is one."""
    tqdm.write(line, sys.stdout)
    sys.stdout.flush()


class Progress:
    """One line per epoch: on a terminal a short one above a progress bar, elsewhere a full one.

    The remaining time is estimated without the first compiled call and the end of the first epoch,
    because both compile.
    """

    def __init__(self, images, epochs, done):
        """`images` per epoch, `epochs` in all, of which `done` images were seen in earlier runs."""
        self.images, self.epochs, self.done = images, epochs, done
        self.seconds, self.timed, self.since = 0.0, 0, None
        self.bar, self.compiling = None, True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.bar:
            self.bar.close()

    def advance(self, images, losses):
        """Shows that `images` more were seen, and the epoch's mean losses so far."""
        self.done += images
        if self.bar is None:
            self.begin()
        else:
            self.timed += images
            self.measure()
            self.bar.update(images)
        epoch = min(-(-self.done // self.images), self.epochs)
        self.bar.set_description(f'epoch {epoch}/{self.epochs}', refresh=False)
        self.bar.set_postfix(losses, refresh=False)

    def begin(self):
        """Shows the bar once the first call has been compiled."""
        shape = {'total': self.images * self.epochs, 'unit': 'img', 'unit_scale': True}
        self.bar = tqdm(initial=self.done, disable=not sys.stderr.isatty(), **shape)
        self.since = time.monotonic()

    def measure(self):
        """Adds the time since the last call of this method to the training time."""
        now = time.monotonic()
        self.seconds, self.since = self.seconds + now - self.since, now

    def epoch(self, row):
        """Prints the line of a finished epoch, {column: value}."""
        rest = self.images * self.epochs - self.done
        left = tqdm.format_interval(self.seconds / self.timed * rest) if self.timed else '?'
        words = brief(row) if sys.stdout.isatty() else at_length(row)
        say(f'epoch {row["epoch"]}/{self.epochs}: {", ".join(words)}, {left} left')
        if self.compiling:
            self.compiling, self.since = False, time.monotonic()
            self.bar.unpause()


def at_length(row):
    """All numbers of an epoch, each with its name."""
    return [f'{name} {value:.5g}' for name, value in row.items() if name != 'epoch' and value]


def brief(row):
    """The losses of an epoch, the first of its test values, its scores and its seconds."""
    tests = [name for name in row if name.startswith('test_')]
    shown = [n for n in row if n.endswith('loss') or n in tests[:1] or n.startswith('eval_')]
    words = [f'{name} {row[name]:.4g}' for name in shown if row[name] is not None]
    return [*words, f'{row["seconds"]:.1f} s']
