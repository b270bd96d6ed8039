"""Fingerprints of data: computed once for what is in the cache, and kept beside it."""

import contextlib
import hashlib
import os
from pathlib import Path

import numpy as np

from datasets.cache import ARRAYS
from datasets.selection import parts
from support import files
from support.errors import InputError

PART = 1000  # examples that are read at once
PAGES, PAGE = 256, 4096  # of a file are looked at; these are all bytes of a file up to 1 MiB
RECORD = 'fingerprint.json'


def fingerprint(dataset):
    """The SHA-256 of the four arrays with their shapes and types, in hexadecimal.

    Of a data set in the cache it is kept in a file there, and holds as long as the arrays' files
    keep their sizes, times and the bytes of some pages.
    """
    arrays = dataset[: len(ARRAYS)]
    paths = [path_of(array) for array in arrays]
    if None in paths:
        return fingerprint_of(arrays)
    record, state = paths[0].with_name(RECORD), {path.name: state_of(path) for path in paths}
    kept = read(record)
    if kept.get('files') == state:
        return kept['fingerprint']
    found = fingerprint_of(arrays)
    with contextlib.suppress(InputError):  # where nothing can be written, it is computed again
        files.write_json(record, {'fingerprint': found, 'files': state})
    return found


def fingerprint_of(arrays):
    """The SHA-256 of arrays with their shapes and types, in hexadecimal."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(repr((array.shape, array.dtype.str)).encode())
        for part in parts(array, PART):
            digest.update(np.ascontiguousarray(part))
    return digest.hexdigest()


def path_of(array):
    """The file of which an array is the whole map; None if there is none, as of a part."""
    path = getattr(array, 'filename', None)
    if path is None or not os.path.exists(path):
        return None
    whole = np.load(path, mmap_mode='r')
    same = (array.shape, array.dtype, array.strides) == (whole.shape, whole.dtype, whole.strides)
    return Path(path) if same else None


def state_of(path):
    """What a file has that changes with its bytes: its size, its time, a hash of some pages."""
    digest, stat = hashlib.sha256(), os.stat(path)
    with open(path, 'rb', buffering=0) as file:
        for i in range(PAGES):
            file.seek(max(stat.st_size - PAGE, 0) * i // (PAGES - 1))
            digest.update(file.read(PAGE))
    return [stat.st_size, stat.st_mtime_ns, digest.hexdigest()]


def read(record):
    """The contents of a record; nothing if there is none, or it is damaged."""
    try:
        return files.read_json(record)
    except (FileNotFoundError, ValueError, InputError):
        return {}
