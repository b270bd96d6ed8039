"""What a data set is, decoded or not, and what the sources have in common."""

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from support.errors import InputError

SIZES = (28, 32, 48, 64, 80, 96, 112, 128)
ONE_CLASS = 'all'


class Dataset(NamedTuple):
    """Images are uint8 (N, H, W, C), labels int64 (N,) that index `class_names`.

    The arrays may be read-only maps of files.
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    class_names: tuple[str, ...]


class Info(NamedTuple):
    """What is known about a data set without decoding it; unknown counts are None."""

    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    train_examples: int | None = None
    test_examples: int | None = None


class Source(NamedTuple):
    """An undecoded data set: `key` contains everything that the decoded arrays depend on.

    `decode()` returns a mask (N,) of the test examples, and an iterable of batches
    (images, labels) in the same order.
    """

    info: Info
    key: tuple
    decode: Callable


def side_of(image_size, native):
    """Pixels per side: `image_size`, or the largest of SIZES that is not above the native side.

    Raises:
      InputError: --image_size is not one of SIZES.
    """
    if image_size is None:
        return max((side for side in SIZES if side <= native), default=SIZES[0])
    if image_size not in SIZES:
        sizes = ', '.join(map(str, SIZES))
        raise InputError(f'--image_size={image_size}: not available; choose from {sizes}')
    return image_size


def permutation(count):
    """A permutation of `count` rows that is always the same."""
    # NumPy promises that RandomState's streams never change; default_rng's may.
    return np.random.RandomState(0).permutation(count)


def a_tenth(labels):
    """A mask (N,) of a fixed tenth of each class, rounded; at least 1 if a class has 2 or more."""
    mask = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        count = max(round(len(rows) / 10), len(rows) > 1)
        mask[rows[permutation(len(rows))[:count]]] = True
    return mask if mask.any() else a_tenth(np.zeros_like(labels))


def in_a_line(error):
    """The message of an error in one line of at most 300 characters."""
    # TensorFlow puts the failed node's name before its messages, and the operation's name after.
    text = re.sub(r'\{\{.*?\}\}|\[Op:.*', '', str(error), flags=re.DOTALL)
    text = ' '.join(text.split()) or type(error).__name__
    return text if len(text) <= 300 else text[:300] + '...'
