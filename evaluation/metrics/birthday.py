"""The birthday test: how many different images can a generator draw?"""

from typing import NamedTuple

import numpy as np

from evaluation.metrics.distances import blocks


class Duplicates(NamedTuple):
    """Pairs of samples that are duplicates, and how many different images that speaks for.

    Without a single pair the support is at least the number given.
    """

    pairs: int
    support: float


def birthday_test(samples, threshold, rows=None):
    """Counts duplicates among samples, and from them the number of images there are to draw.

    Arora, Risteski & Zhang 2018 (arXiv:1706.08224): duplicates in a batch of s speak for a support
    of about s^2. Of the N (N - 1) / 2 pairs of N samples a share of 1 / support is expected to be
    duplicates when all images are equally likely; the estimate here is the inverse of that share.
    The paper has people look at the nearest pairs; here a distance decides.

    Args:
      samples: (N, ...), at least 2.
      threshold: samples nearer than this, in Euclidean distance, are duplicates.
      rows: samples that are looked at together; changes no result.

    Returns:
      A `Duplicates`.
    """
    ordered = sum(int(np.sum(squares < threshold**2)) for squares in _pairs(samples, rows))
    pairs, possible = ordered // 2, len(samples) * (len(samples) - 1) / 2
    return Duplicates(pairs, possible / max(pairs, 1))


def nearest_pair(images, rows=None):
    """Distance of the two nearest of images (N, ...), a threshold for `birthday_test`.

    Identical images do not count: a data set may hold copies.
    """
    smallest = min(np.min(s, where=s > 0, initial=np.inf) for s in _pairs(images, rows))
    return float(np.sqrt(smallest))


def _pairs(points, rows):
    """Blocks of squared distances in which no point is paired with itself."""
    for part, squares in blocks(points, points, rows):
        squares[np.arange(len(squares)), np.arange(part.start, part.stop)] = np.inf
        yield squares
