"""Maximum mean discrepancy of codes from the prior."""

import numpy as np

from evaluation.metrics.distances import blocks


def mmd(codes, prior, rows=None):
    """Squared maximum mean discrepancy with the inverse multiquadric kernel, unbiased.

    Tolstikhin et al. 2018, section 4 (arXiv:1711.01558): k(x, y) = C / (C + |x - y|^2) with
    C = 2 D, the squared distance expected of two draws from N(0, I).

    Args:
      codes, prior: (N, D) and (M, D), at least 2 of each; `prior` are draws from N(0, I).
      rows: codes that are looked at together; changes no result.

    Returns:
      The discrepancy, 0 on average for codes that follow the prior, so it may be negative.

    Raises:
      ValueError: a set has fewer than 2 points.
    """
    if min(len(codes), len(prior)) < 2:
        raise ValueError('an unbiased discrepancy needs at least 2 codes a set')
    within = sum((_total(s, s, rows) - len(s)) / (len(s) * (len(s) - 1)) for s in (codes, prior))
    return float(within - 2.0 * _total(codes, prior, rows) / (len(codes) * len(prior)))


def _total(points, others, rows):
    """Sum of the kernel over all pairs; a point with itself counts 1."""
    scale = 2.0 * np.shape(points)[1]
    return sum(np.sum(scale / (scale + squares)) for _, squares in blocks(points, others, rows))
