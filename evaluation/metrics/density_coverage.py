"""Density and coverage: precision and recall that an outlier cannot inflate."""

from typing import NamedTuple

import numpy as np

from evaluation.metrics.distances import blocks, squared_radii


class DensityCoverage(NamedTuple):
    """Density in [0, M / k], near 1 for equal distributions; coverage in [0, 1]."""

    density: float
    coverage: float


def density_coverage(real_features, fake_features, k=5, rows=None):
    """Density and coverage.

    Naeem et al. 2020, eq. 3 and 4 (arXiv:2002.09797), with closed balls around the real points
    that reach to each one's k-th nearest other real point. Density is how many balls a sample
    lies in, over k; coverage the share of balls that hold a sample.

    Args:
      real_features, fake_features: (N, D) and (M, D); N more than k.
      k: neighbour whose distance is the radius.
      rows: points that are looked at together; changes no result.

    Returns:
      A `DensityCoverage`.

    Raises:
      ValueError: there are no more than k real points.
    """
    radii = squared_radii(real_features, k, rows)
    held = np.zeros(len(radii), int)
    for _, squares in blocks(fake_features, real_features, rows):
        held += np.sum(squares.astype(np.float32) <= radii, axis=0)
    density = held.sum() / (k * len(fake_features))
    return DensityCoverage(float(density), float(np.mean(held > 0)))
