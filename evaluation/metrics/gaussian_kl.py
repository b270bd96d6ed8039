"""Distance of the codes from the prior by their first two moments."""

import numpy as np

from evaluation.metrics.distances import points_of


def gaussian_kl(codes):
    """KL(N(m, S) || N(0, I)) in nats, of the Gaussian fitted to codes (N, D).

    In closed form, 1/2 (tr S + m.m - D - log det S), with S the unbiased covariance. Infinite
    where S is singular: for constant dimensions, and for N no larger than D.

    Raises:
      ValueError: there are fewer than 2 codes.
    """
    codes = points_of(codes)
    if len(codes) < 2:
        raise ValueError('a covariance needs at least 2 codes')
    mean, covariance = codes.mean(axis=0), np.atleast_2d(np.cov(codes, rowvar=False))
    if np.linalg.matrix_rank(covariance, hermitian=True) < len(mean):
        return float('inf')
    log_determinant = np.linalg.slogdet(covariance)[1]
    return float(0.5 * (np.trace(covariance) + mean @ mean - len(mean) - log_determinant))
