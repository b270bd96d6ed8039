"""The processes that train one run together: who leads them, and what they agree on.

With --distribute=multi_worker the same command runs on every machine. The chief alone locks,
writes, logs, draws and paces the calls; the others load the checkpoint that it names and make the
steps that it makes. All ask the same questions in the same order, each a tiny sum over the network.
"""

import contextlib
import hashlib
import json
import os
import signal
import sys

from support import backend, startup
from support.errors import InputError

END, ANEW = 0, 1  # what the chief says first; from 2 on, 2 + the step of a checkpoint


class Team:
    """The processes of a run; without --distribute=multi_worker there is one.

    Attributes:
      chief: whether this process leads.
    """

    def __init__(self, kind='none'):
        """Raises InputError where nothing tells which machines there are."""
        self.many = kind == 'multi_worker'
        self.chief = not self.many or leads()

    def join(self):
        """Waits for the other processes. TensorFlow must not have computed anything before."""
        if self.many:
            # C++ would tell of lost workers at length.
            os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
            backend.load_tensorflow()
            from training.distribution import strategy_of

            startup.on_interrupt(signal.SIG_DFL)  # Python hears nothing while C++ waits
            print('waiting for the other workers; Ctrl-C ends it', file=sys.stderr, flush=True)
            strategy_of('multi_worker')
            startup.on_interrupt(signal.default_int_handler)

    def agree(self, *numbers):
        """For each whole number the largest that a process says; all must ask at once."""
        if not self.many:
            return numbers
        from training.distribution import largest

        return largest(numbers)

    def check(self, settings, data_hash):
        """Raises InputError unless all have the same command and data."""
        said = json.dumps([vars(settings), data_hash], sort_keys=True)
        number = int(hashlib.sha256(said.encode()).hexdigest()[:12], 16)
        most, least = self.agree(number, -number)
        if most != -least:
            raise InputError(
                '--distribute=multi_worker: the workers have different commands or data; type the '
                'same command on every machine, with the same data'
            )

    @contextlib.contextmanager
    def leading(self):
        """Within it the others follow, and they end with it."""
        try:
            yield
        except InputError:
            self.dismiss()
            raise
        self.dismiss()

    def dismiss(self):
        """Lets the others end. They answer, so that the chief does not leave before they know."""
        self.agree(END, 0)
        self.agree(END, 0)

    def leave(self):
        """Answers the chief, which may be gone by now."""
        with contextlib.suppress(InputError), self.reporting():
            self.agree(END, 0)

    @contextlib.contextmanager
    def reporting(self):
        """Reports in one line that another process ended.

        Raises:
          InputError: TensorFlow could not reach it.
        """
        try:
            yield
        except Exception as error:
            if not (self.many and is_loss(error)):
                raise
            raise InputError(
                '--distribute=multi_worker: another worker ended or cannot be reached; the same '
                'command on all machines continues from the last checkpoint'
            ) from error


def is_loss(error):
    """Whether an exception of TensorFlow says that a process cannot be reached."""
    from tensorflow import errors

    kinds = (errors.UnavailableError, errors.AbortedError, errors.CancelledError)
    kinds += (errors.InternalError, errors.UnknownError, errors.FailedPreconditionError)
    return isinstance(error, (*kinds, errors.DeadlineExceededError))


def leads():
    """Whether TF_CONFIG, or else Slurm, makes this process the chief.

    Raises:
      InputError: there is neither, or TF_CONFIG is damaged.
    """
    if 'TF_CONFIG' in os.environ:
        return leads_by(os.environ['TF_CONFIG'])
    if 'SLURM_STEP_NODELIST' in os.environ:
        return os.environ.get('SLURM_PROCID') == '0'
    raise InputError(
        '--distribute=multi_worker: nothing names the machines; set TF_CONFIG on each, or start '
        'the command with srun (docs/scale.md shows both)'
    )


def leads_by(text):
    """Whether a TF_CONFIG makes its process the chief: of the job chief, or else worker 0."""
    try:
        found = json.loads(text)
        jobs, task = found['cluster'], found['task']
        place = task['type'], int(task['index'])
        jobs[place[0]][place[1]]
    except (ValueError, LookupError, TypeError):
        raise InputError(
            'TF_CONFIG: does not name the machines and this task; docs/scale.md has an example'
        ) from None
    return place == ('chief' if 'chief' in jobs else 'worker', 0)
