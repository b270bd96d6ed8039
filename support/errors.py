"""Mistakes that the user can mend, each told in one line."""

import contextlib
import errno
import os


class InputError(Exception):
    """A mistake the user can mend: the message names the flag or file, the fault, what to do."""


def full(error):
    """Whether an OSError says that there is no room left, of a disk or of a quota."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def expand(path):
    """`path` with the home directory in the place of a `~` at its beginning.

    Raises:
      ValueError: no home is known, so that a directory called `~` would be meant.
    """
    expanded = os.path.expanduser(path)
    if path.startswith('~') and (expanded.startswith('~') or os.environ.get('HOME') == ''):
        raise ValueError('no home directory is known; set HOME or write the full path')
    return expanded


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
