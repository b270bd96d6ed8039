"""Decoded data sets as files that are mapped, so that each is decoded once."""

import contextlib
import fcntl
import hashlib
import os
import re
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from tqdm import tqdm

from datasets.source import Dataset
from support import errors
from support.errors import InputError

ARRAYS = ('train_images', 'train_labels', 'test_images', 'test_labels')
CACHE_FORMAT = 1  # to be raised by every change to the pixels or splits that decoding gives


def cache_directory():
    """The directory for what is computed once; raises InputError if no home directory is known."""
    try:
        base = errors.expand(os.environ.get('XDG_CACHE_HOME') or '~/.cache')
    except ValueError as error:
        raise InputError(f'XDG_CACHE_HOME: not set, and {error}') from None
    return Path(base, 'generative-models')


def cached(source):
    """The Dataset of a source, decoded unless it is in the cache already."""
    key = hashlib.sha256(repr((CACHE_FORMAT, source.key)).encode()).hexdigest()[:32]
    folder = cache_directory() / key
    try:
        with errors.reading(folder):
            arrays = _mapped(folder, source.info)
    except (FileNotFoundError, NotADirectoryError, ValueError, EOFError):  # absent or damaged
        arrays = _fill(folder, source)
    return Dataset(*arrays, source.info.class_names)


def _mapped(folder, info):
    """The four arrays, mapped; raises OSError, ValueError or EOFError if they are not complete."""
    arrays = [np.load(folder / f'{name}.npy', mmap_mode='r') for name in ARRAYS]
    for images, labels in (arrays[:2], arrays[2:]):
        if images.shape != (len(labels), *info.image_shape):
            raise ValueError(f'{folder}: {images.shape} is not the shape of these images')
    return arrays


def _fill(folder, source):
    """Decodes into a new directory, renamed when complete: other processes see all or nothing."""
    with _temporary(folder) as temporary, _room(temporary.parent):
        _write(temporary, source)
        arrays = _mapped(temporary, source.info)  # a map outlives its file's name
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # another process was faster; its copy is as good
            os.rename(temporary, folder)
            arrays = _mapped(folder, source.info)  # maps that know where their files are
    return arrays


@contextlib.contextmanager
def _room(folder):
    """Reports a full disk in one line that names the folder."""
    try:
        yield
    except OSError as error:
        if not errors.full(error):
            raise
        remedy = 'make room there or set XDG_CACHE_HOME to another directory'
        raise InputError(f'{folder}: {error.strerror}; {remedy}') from error


@contextlib.contextmanager
def _temporary(folder):
    """A directory to be renamed to `folder`, locked while the block runs and then removed."""
    with contextlib.ExitStack() as stack:
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            temporary = _claimed(folder, stack)
        except OSError:  # a read-only home directory: this run can do without a cache
            temporary = _elsewhere()
        try:
            yield temporary
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _claimed(folder, stack):
    """A new directory next to `folder`, locked as long as `stack`; removes abandoned ones.

    The parent directory is locked meanwhile, so that no directory is seen before it has a lock.
    Locks end with their process, however it ends.
    """
    with contextlib.ExitStack() as brief:
        _lock(folder.parent, brief)
        for path in folder.parent.glob('*.*'):
            if re.fullmatch(r'[0-9a-f]{32}\..{8}', path.name):
                with contextlib.suppress(OSError), contextlib.ExitStack() as living:
                    _lock(path, living, fcntl.LOCK_NB)
                    shutil.rmtree(path, ignore_errors=True)
        temporary = folder.with_name(f'{folder.name}.{secrets.token_hex(4)}')
        temporary.mkdir()  # not by tempfile, whose directories a shared cache could not share
        _lock(temporary, stack)
    return temporary


def _lock(directory, stack, flags=0):
    """Locks a directory until `stack` ends; with LOCK_NB, raises OSError if it is locked."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    stack.callback(os.close, handle)
    fcntl.flock(handle, fcntl.LOCK_EX | flags)


def _elsewhere():
    """A directory for temporary files; raises InputError if none can be created."""
    try:
        return Path(tempfile.mkdtemp())
    except OSError as error:
        remedy = 'make room there or set TMPDIR to another directory'
        raise InputError(f'TMPDIR: {error.strerror}; {remedy}') from error


def _write(folder, source):
    is_test, batches = source.decode()
    shape, labels = source.info.image_shape, []
    with (
        _image_file(folder / 'train_images.npy', (np.sum(~is_test), *shape)) as train,
        _image_file(folder / 'test_images.npy', (np.sum(is_test), *shape)) as test,
        _bar(len(is_test)) as bar,
    ):
        for images, batch_labels in batches:
            mask = is_test[len(labels) : len(labels) + len(images)]
            train.write(images[~mask].tobytes())
            test.write(images[mask].tobytes())
            labels.extend(batch_labels)
            bar.update(len(images))
    labels = np.array(labels, np.int64)
    np.save(folder / 'train_labels.npy', labels[~is_test])
    np.save(folder / 'test_labels.npy', labels[is_test])


def _bar(images):
    """A progress bar on a terminal, if it takes more than a second."""
    shape = {'total': images, 'unit': 'img', 'unit_scale': True, 'desc': 'decoding, only this once'}
    return tqdm(**shape, delay=1, leave=False, disable=not sys.stderr.isatty())


@contextlib.contextmanager
def _image_file(path, shape):
    """A `.npy` file to which images are written one after the other.

    On a full disk a write raises OSError, whereas a mapped file would kill the process (SIGBUS).
    """
    header = {'descr': '|u1', 'fortran_order': False, 'shape': tuple(map(int, shape))}
    with open(path, 'wb') as file:
        np.lib.format.write_array_header_1_0(file, header)
        yield file
