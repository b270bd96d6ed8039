"""What a command does before all other imports, so that Ctrl-C works during them too."""

import faulthandler
import os
import signal
import sys
import warnings


def begin():
    """Makes Ctrl-C end the process silently, closed streams harmless, and Python's warnings silent.

    Users of a command cannot fix what libraries warn about; python -W shows these warnings.
    """
    on_interrupt(lambda *_: os._exit(128 + signal.SIGINT))
    open_closed()
    own_stack()
    # A file name may have letters that the terminal's encoding lacks.
    sys.stdout.reconfigure(errors='backslashreplace')
    if not sys.warnoptions:
        warnings.simplefilter('ignore')


def on_interrupt(handler):
    """Answers Ctrl-C with `handler`, except in a process that was started to ignore it."""
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, handler)


def own_stack():
    """Has the main thread handle signals on a stack of their own.

    Without it a signal may damage the memory of the process: while oneDNN multiplies matrices, its
    stack pointer stands in the midst of other data (github.com/uxlfoundation/oneDNN/issues/4845;
    TensorFlow 2.21 has that version). Python's handlers use such a stack if there is one, and
    faulthandler makes one. It also tells where Python was if the process crashes.
    """
    if not faulthandler.is_enabled():
        faulthandler.enable(2)


def open_closed():
    """Redirects streams that the shell has closed (`2>&-`) to /dev/null.

    Otherwise the next file to be opened would get their number, and would receive the output.
    """
    for name, mode in (('stdin', 'r'), ('stdout', 'w'), ('stderr', 'w')):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115, it stays open
