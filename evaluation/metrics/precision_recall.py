"""Precision and recall: how much of what is drawn is real, how much of what is real is drawn."""

import numpy as np

from evaluation.metrics.distances import blocks, squared_radii


def precision_recall(real_features, fake_features, k=3, rows=None):
    """Improved precision and recall.

    Kynkaanniemi et al. 2019, eq. 1 and 2 (arXiv:1904.06991): a set's manifold is the union of the
    closed balls around its points that reach to each one's k-th nearest other point. Precision is
    the share of samples on the real manifold, recall the share of real points on the samples'.

    Args:
      real_features, fake_features: (N, D) and (M, D), more than k of each; best N = M.
      k: neighbour whose distance is the radius.
      rows: points that are looked at together; changes no result.

    Returns:
      (precision, recall), each in [0, 1].

    Raises:
      ValueError: a set has no more than k points.
    """
    real_radii, fake_radii = (squared_radii(f, k, rows) for f in (real_features, fake_features))
    precise, recalled = [], np.zeros(len(real_radii), bool)
    for part, squares in blocks(fake_features, real_features, rows):
        squares = squares.astype(np.float32)
        precise.append((squares <= real_radii).any(axis=1))
        recalled |= (squares <= fake_radii[part, None]).any(axis=0)
    return float(np.mean(np.concatenate(precise))), float(np.mean(recalled))
