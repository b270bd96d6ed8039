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
    """What is known of a data set without decoding it; the counts are None where they are not."""

    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    train_examples: int | None = None
    test_examples: int | None = None


class Source(NamedTuple):
    """An undecoded data set: `key` holds all that the decoded arrays depend on.

    `decode()` gives a mask (N,) of the examples that are for the test, and an iterable of batches
    (images, labels) in the same order.
    """

    info: Info
    key: tuple
    decode: Callable


def side_of(image_size, native):
    """Pixels a side: `image_size`, or the largest of SIZES that is not above the native side.

    Raises:
      InputError: --image_size is none of SIZES.
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
    """A mask (N,) of a fixed tenth of each class, rounded, and at least one where there are two."""
    mask = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        count = max(round(len(rows) / 10), len(rows) > 1)
        mask[rows[permutation(len(rows))[:count]]] = True
    return mask if mask.any() else a_tenth(np.zeros_like(labels))


def in_a_line(error):
    """What an error says, in one line of 300 letters at most."""
    # TensorFlow puts the name of the failed node before its messages, and of the operation after.
    text = re.sub(r'\{\{.*?\}\}|\[Op:.*', '', str(error), flags=re.DOTALL)
    text = ' '.join(text.split()) or type(error).__name__
    return text if len(text) <= 300 else text[:300] + '...'
