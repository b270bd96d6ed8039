"""Squared distances between two sets of points, block by block."""

import numpy as np

NUMBERS = 2_000_000  # in a block: 16 MB, which memory is reused for and not asked for anew
ROWS = 200  # in a block at least: products of fewer spend their time on reading `others`
ROUNDING = 1e-12  # of the squared norms: an upper bound of the error for thousands of dimensions


def points_of(array):
    """(N, ...) numbers as float64 points (N, D)."""
    return np.asarray(array, np.float64).reshape(len(array), -1)


def blocks(points, others, rows=None):
    """Yields (slice of `points`, squared distances to all `others`): (n, M) float64 each.

    They come from |x|^2 + |y|^2 - 2 x.y. What is within its rounding error of zero is zero, so
    that equal points are at no distance.

    Args:
      points, others: (N, ...) and (M, ...), flattened to points of equal length.
      rows: points a block; by default as many as make 2 million numbers, but 200 at least.
    """
    points, others = points_of(points), points_of(others)
    rows = rows or max(ROWS, NUMBERS // len(others))
    norms = squared_norms(others)
    for start in range(0, len(points), rows):
        part = points[start : start + rows]
        scale = squared_norms(part)[:, None] + norms
        squares = part @ others.T
        squares *= -2.0
        squares += scale
        scale *= ROUNDING
        squares[squares < scale] = 0.0
        yield slice(start, start + len(part)), squares


def squared_norms(points):
    """(N,) squared lengths of points (N, D)."""
    return np.einsum('nd,nd->n', points, points)


def squared_radii(points, k, rows=None):
    """Squared distance (N,) of each point to its k-th nearest other point, as float32.

    float32 makes distances equal that differ by rounding alone, as those of identical sets do.

    Raises:
      ValueError: there are not more than k points.
    """
    if len(points) <= k:
        raise ValueError(f'{len(points)} points have no {k}-th neighbour; at least {k + 1} do')
    # Each point is at no distance from itself: of the k + 1 smallest distances one is its own.
    parts = [np.partition(squares, k)[:, k] for _, squares in blocks(points, points, rows)]
    return np.concatenate(parts).astype(np.float32)
