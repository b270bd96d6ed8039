"""Mistakes that the user can fix, each reported in one line."""

import contextlib
import errno
import os


class InputError(Exception):
    """A mistake that the user can fix: the message names the flag or file, the fault, a remedy."""


def full(error):
    """Whether an OSError says that a disk is full or a quota used up."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def expand(path):
    """`path` with a leading `~` replaced by the home directory.

    Raises:
      ValueError: no home directory is known, so the path would mean a directory called `~`.
    """
    expanded = os.path.expanduser(path)
    if path.startswith('~') and (expanded.startswith('~') or os.environ.get('HOME') == ''):
        raise ValueError('no home directory is known; set HOME or write the full path')
    return expanded


@contextlib.contextmanager
def reading(path):
    """Reports in one line why `path` cannot be read, which does not mean that it is damaged.

    If nothing exists there, FileNotFoundError or NotADirectoryError pass. A broken link counts as
    existing: its disk may not be mounted.

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
