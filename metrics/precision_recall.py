"""Precision and recall: how much of what is drawn is real, how much of what is real is drawn."""

import numpy as np

from metrics.distances import blocks, squared_radii


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
    precision = _share_on_manifold(fake_features, real_features, k, rows)
    return precision, _share_on_manifold(real_features, fake_features, k, rows)


def _share_on_manifold(points, centres, k, rows):
    radii = squared_radii(centres, k, rows)
    inside = [
        (squares.astype(np.float32) <= radii).any(axis=1)
        for _, squares in blocks(points, centres, rows)
    ]
    return float(np.mean(np.concatenate(inside)))
