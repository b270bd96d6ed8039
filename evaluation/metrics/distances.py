"""Squared distances between two sets of points, block by block."""

import numpy as np

NUMBERS = 2_000_000  # in a block: 16 MB, which memory is reused for and not asked for anew
ROWS = 200  # in a block at least: products of fewer spend their time on reading `others`
TILE = 1024  # rows of what is no array; a power of two, with which sums keep their last bits
ROUNDING = 1e-12  # of the squared norms: an upper bound of the error for thousands of dimensions


def points_of(array):
    """(N, ...) numbers as float64 points (N, D)."""
    return np.asarray(array, np.float64).reshape(len(array), -1)


def blocks(points, others, rows=None):
    """Yields (slice of `points`, squared distances to all `others`): (n, M) float64 each.

    They come from |x|^2 + |y|^2 - 2 x.y. What is within its rounding error of zero is zero, so
    that equal points are at no distance.

    Args:
      points, others: (N, ...) and (M, ...), flattened to points of equal length. They may be larger
        than memory: of what is no array, only some rows are asked for at a time.
      rows: points a block; by default as many as make 2 million numbers, but 200 at least.
    """
    rows = rows or max(ROWS, NUMBERS // len(others))
    others = points_of(others) if isinstance(others, np.ndarray) else others
    norms = np.concatenate([squared_norms(tile) for _, tile in tiles(others)])
    for start in range(0, len(points), rows):
        part = points_of(points[start : start + rows])
        yield slice(start, start + len(part)), squares_of(part, others, norms)


def squares_of(points, others, norms):
    """Squared distances (n, M) of points (n, D) from `others`, whose squared norms are given."""
    squares, own = np.empty((len(points), len(others))), squared_norms(points)[:, None]
    for columns, tile in tiles(others):
        found, scale = squares[:, columns], own + norms[columns]
        np.matmul(points, tile.T, out=found)
        found *= -2.0
        found += scale
        scale *= ROUNDING
        found[found < scale] = 0.0
    return squares


def tiles(points):
    """Yields (slice of `points`, float64 points): all of an array at once."""
    size = len(points) if isinstance(points, np.ndarray) else TILE
    for start in range(0, len(points), size):
        tile = points_of(points[start : start + size])
        yield slice(start, start + len(tile)), tile


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
    # Copied, because a column would keep its block in memory.
    parts = [np.partition(squares, k)[:, k].copy() for _, squares in blocks(points, points, rows)]
    return np.concatenate(parts).astype(np.float32)
