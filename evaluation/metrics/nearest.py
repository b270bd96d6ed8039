"""The nearest neighbours of points, and the nearest of all pairs of them."""

import numpy as np

from evaluation.metrics.distances import blocks


def nearest(points, others, k=1, rows=None):
    """The k nearest of `others` to each point, nearest first; of equal ones the lower index.

    Args:
      points, others: (N, ...) and (M, ...), flattened to points of equal length; M at least k.
      rows: points that are looked at together; changes no result.

    Returns:
      (Euclidean distances (N, k) float64, indices (N, k)).
    """
    found = [_smallest(squares, k) for _, squares in blocks(points, others, rows)]
    squares, indices = (np.concatenate(part) for part in zip(*found, strict=True))
    return np.sqrt(squares), indices


def nearest_pair(points, rows=None):
    """The two of the points (N, ...) that are nearest to each other; N at least 2.

    Equal points are at no distance, so that copies come first.

    Returns:
      (Euclidean distance, indices (2,)).
    """
    distances, indices = nearest(points, points, 2, rows)  # of each point, itself and another
    first = distances[:, 1].argmin()
    return float(distances[first, 1]), indices[first]


def _smallest(squares, k):
    """The k smallest of each row and where they are, ascending."""
    if k == 1:
        indices = squares.argmin(axis=1)[:, None]
    else:
        indices = squares.argsort(axis=1, kind='stable')[:, :k].copy()  # not a view of the rest
    return np.take_along_axis(squares, indices, axis=1), indices
