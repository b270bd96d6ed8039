"""Files that are written completely or not at all; errors are reported in one line."""

import contextlib
import hashlib
import io
import json
import os
import secrets
import shutil
from pathlib import Path

import numpy as np

from support.errors import InputError, reading

UNFINISHED = '.unfinished-'
DIGEST = 32  # bytes of a SHA-256


@contextlib.contextmanager
def writing(path):
    """Reports a failure to write in one line that names `path`.

    Raises:
      InputError: the operating system refuses.
    """
    try:
        yield
    except OSError as error:
        raise InputError(
            f'{path}: cannot be written ({error.strerror or error}); '
            'make room there or choose another directory'
        ) from error


@contextlib.contextmanager
def atomic(path):
    """Yields a temporary path next to `path`, with the same suffixes, renamed to `path` at the end.

    Raises:
      InputError: the file cannot be written; nothing of it is left.
    """
    path = Path(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(UNFINISHED + secrets.token_hex(8) + ''.join(path.suffixes))
        open(temporary, 'x').close()  # unlike tempfile's, it heeds the umask
        try:
            yield temporary
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def remove(path):
    """Removes a file, a directory with all its contents, or a link but not its target.

    Raises:
      InputError: the operating system refuses.
    """
    with writing(path):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def names(path):
    """The names in a directory, sorted; an empty list if there is no directory.

    Raises:
      InputError: it cannot be read. (A glob would find nothing in it.)
    """
    try:
        with reading(path):
            return sorted(os.listdir(path))
    except FileNotFoundError:
        return []
    except NotADirectoryError:
        raise InputError(f'{path}: not a directory; move it away') from None


def write_arrays(path, arrays):
    """Writes {name: array} as an npz file followed by its SHA-256, completely or not at all."""
    with atomic(path) as temporary:
        np.savez(temporary, **arrays)
        with open(temporary, 'r+b') as file:
            file.write(hashlib.file_digest(file, 'sha256').digest())


def read_arrays(path):
    """The {name: array} that `write_arrays` wrote.

    Raises:
      FileNotFoundError: there is no such file.
      InputError: it cannot be read.
      ValueError: it is damaged.
    """
    with reading(path):
        data = Path(path).read_bytes()
    if hashlib.sha256(data[:-DIGEST]).digest() != data[-DIGEST:]:
        raise ValueError(f'{path}: damaged')
    with np.load(io.BytesIO(data[:-DIGEST])) as arrays:
        return dict(arrays)


def digest(arrays):
    """The SHA-256 of {name: array} in hexadecimal, independent of their order."""
    found = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        found.update(repr((name, array.shape, array.dtype.str)).encode())
        found.update(np.ascontiguousarray(array))
    return found.hexdigest()


def write_json(path, values):
    """Writes a dictionary as JSON, completely or not at all."""
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(values, indent=2) + '\n')


def read_json(path):
    """The dictionary in a JSON file.

    Raises:
      FileNotFoundError: there is no such file.
      InputError: it cannot be read.
      ValueError: it is damaged: not JSON, not a dictionary, or with text that is not Unicode.
    """
    with reading(path):
        data = Path(path).read_bytes()
    try:
        found = json.loads(data)
        json.dumps(found, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError(f'{path}: nested too deeply') from None
    if not isinstance(found, dict):
        raise ValueError(f'{path}: not a dictionary')
    return found
