"""The memory that a process has of its own: pages of mapped files do not count (Linux)."""

import contextlib
import re
import signal
import subprocess
import time
from pathlib import Path

EVERY = 0.1  # seconds between two looks


def anonymous(pid):
    """Bytes of anonymous memory that a process holds (RssAnon); 0 if it has ended."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        found = re.search(r'RssAnon:\s*(\d+) kB', Path(f'/proc/{pid}/status').read_text())
        return 1024 * int(found[1]) if found else 0
    return 0


def watched(command, stop=lambda: False):
    """Runs a command to its end, or sends it SIGINT as soon as `stop()`.

    Returns:
      The most anonymous memory that it held, in bytes.

    Raises:
      RuntimeError: it failed.
    """
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        most, asked = 0, False
        while process.poll() is None:
            most = max(most, anonymous(process.pid))
            if not asked and stop():
                process.send_signal(signal.SIGINT)
                asked = True
            time.sleep(EVERY)
    if process.returncode != (128 + signal.SIGINT if asked else 0):
        raise RuntimeError(f'{" ".join(command)}: ended with status {process.returncode}')
    return most
