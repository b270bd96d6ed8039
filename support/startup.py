"""What a command does before it imports anything else, so that its whole life is covered."""

import os
import signal
import sys
import warnings


def begin():
    """Makes Ctrl-C a silent end, closed streams harmless, and Python's warnings silent.

    What libraries warn of is nothing that a user of a command can mend; python -W shows it.
    """
    on_interrupt(lambda *_: os._exit(128 + signal.SIGINT))
    open_closed()
    # A file may have a name that the terminal's encoding has no letters for.
    sys.stdout.reconfigure(errors='backslashreplace')
    if not sys.warnoptions:
        warnings.simplefilter('ignore')


def on_interrupt(handler):
    """Answers Ctrl-C with `handler`, but in a process that was started to ignore it."""
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, handler)


def open_closed():
    """Leads streams that the shell has closed (`2>&-`) to nowhere.

    Otherwise the next file that is opened would get their number, and with it what is printed.
    """
    for name, mode in (('stdin', 'r'), ('stdout', 'w'), ('stderr', 'w')):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115, it stays open
