"""The kernel inception distance: like the FID, but unbiased and without a Gaussian."""

import numpy as np

from evaluation.metrics.distances import points_of


def kid(real_features, fake_features, subsets=100, subset_size=1000, seed=0):
    """Squared maximum mean discrepancy with the kernel k(x, y) = (x.y / D + 1)^3.

    Binkowski et al. 2018, section 4 (arXiv:1801.01401): the unbiased estimate, averaged over
    random subsets. Being unbiased it may be negative, and for equal distributions is 0 on average.

    Args:
      real_features, fake_features: (N, D) and (M, D), at least 2 of each.
      subsets: how often `subset_size` rows of each set are drawn, without replacement.
      subset_size: rows a subset; all of the smaller set where that has fewer.
      seed: of the draws.

    Returns:
      (mean, std) over the subsets.

    Raises:
      ValueError: a set has fewer than 2 rows.
    """
    real, fake = points_of(real_features), points_of(fake_features)
    size = min(subset_size, len(real), len(fake))
    if size < 2:
        raise ValueError('an unbiased discrepancy needs at least 2 rows of features a set')
    random = np.random.default_rng(seed)
    values = [
        _discrepancy(*(random.choice(s, size, replace=False) for s in (real, fake)))
        for _ in range(subsets)
    ]
    return float(np.mean(values)), float(np.std(values))


def _discrepancy(x, y):
    """The unbiased estimate (Gretton et al. 2012, eq. 3) for two sets (n, D)."""
    within = sum(_off_diagonal_mean(_kernel(points, points)) for points in (x, y))
    return within - 2.0 * _kernel(x, y).mean()


def _kernel(x, y):
    base = x @ y.T / x.shape[1] + 1.0
    return base * base * base


def _off_diagonal_mean(matrix):
    n = len(matrix)
    return (matrix.sum() - np.trace(matrix)) / (n * (n - 1))
