"""The Frechet inception distance: how far the features' Gaussians are apart."""

import numpy as np

from evaluation.metrics.distances import points_of


def fid(real_features, fake_features):
    """Squared Frechet distance of the Gaussians fitted to two sets of features.

    Heusel et al. 2017, eq. 6 (arXiv:1706.08500): |m - m'|^2 + tr(S + S' - 2 (S S')^(1/2)), with
    S the unbiased covariance. With centred data S = R^T R and S' = R'^T R', the trace of the root
    is the sum of the singular values of R R'^T. So no root of a matrix is taken, and rank-deficient
    covariances, as of fewer samples than features, lose no digits.

    Args:
      real_features, fake_features: (N, D) and (M, D), at least 2 of each.

    Returns:
      The distance, never negative; 0 for equal sets.

    Raises:
      ValueError: a set has fewer than 2 rows.
    """
    (mean, root), (other_mean, other_root) = _gaussian(real_features), _gaussian(fake_features)
    overlap = np.linalg.svd(root @ other_root.T, compute_uv=False).sum()
    traces = np.sum(root**2) + np.sum(other_root**2)
    return max(float(np.sum((mean - other_mean) ** 2) + traces - 2.0 * overlap), 0.0)


def _gaussian(features):
    """Mean (D,) and R (at most D, D) with R^T R the covariance, of features (N, D)."""
    features = points_of(features)
    if len(features) < 2:
        raise ValueError('a covariance needs at least 2 rows of features')
    mean = features.mean(axis=0)
    return mean, np.linalg.qr(features - mean, mode='r') / np.sqrt(len(features) - 1)
