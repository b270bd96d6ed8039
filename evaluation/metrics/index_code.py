"""The mean KL of a VAE taken apart: what codes tell of the image, and what the prior misses."""

from typing import NamedTuple

import numpy as np

from evaluation.metrics.distances import NUMBERS
from evaluation.metrics.importance_weighted import importance_weighted_bound as log_mean_exp


class IndexCode(NamedTuple):
    """Index-code mutual information and marginal KL, in nats; their sum is the mean KL.

    The information is at most `ceiling`, the log of the number of images.
    """

    information: float
    marginal_kl: float
    ceiling: float


def index_code(mean, std, codes, rows=None):
    """Splits the mean of KL(q(z given x_n) || N(0, I)) over N images.

    Hoffman & Johnson 2016, "ELBO surgery", eq. 8: the mean KL is I(n; z), the information that a
    code has on the image it comes from, plus KL(q(z) || p(z)) of the aggregate q(z) = 1/N sum_n
    q(z given x_n). Estimated with one code an image.

    Args:
      mean, std: (N, D) of the Gaussians q(z given x_n), std above 0.
      codes: (N, D), row n a draw from q(z given x_n).
      rows: codes that are looked at together; changes no result.

    Returns:
      An `IndexCode`; `ceiling` is log N.
    """
    mean, std, codes = (np.asarray(array, np.float64) for array in (mean, std, codes))
    own = np.sum(-0.5 * ((codes - mean) / std) ** 2 - np.log(std), axis=1)
    prior = -0.5 * np.sum(codes**2, axis=1)
    aggregate = _aggregate(mean, std, codes, rows or max(1, NUMBERS // len(mean)))
    information, marginal_kl = np.mean(own - aggregate), np.mean(aggregate - prior)
    return IndexCode(float(information), float(marginal_kl), float(np.log(len(mean))))


def _aggregate(mean, std, codes, rows):
    """log q(z) of each code (N,), but for the constant -D/2 log 2 pi."""
    precision = std**-2.0
    constant = np.sum(mean**2 * precision, axis=1) + 2.0 * np.sum(np.log(std), axis=1)
    parts = []
    for start in range(0, len(codes), rows):
        part = codes[start : start + rows]
        squares = part**2 @ precision.T - 2.0 * part @ (mean * precision).T + constant
        parts.append(log_mean_exp(-0.5 * squares))
    return np.concatenate(parts)
