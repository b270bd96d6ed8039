"""The Parzen-window log-likelihood, which the first paper on GANs reports.

Theis et al. 2016, section 3.5 (arXiv:1511.01844) warn of it: training images scored as if they were
samples do worse than k-means centroids, which are no images at all.
"""

import math

import numpy as np

from evaluation.metrics.distances import blocks
from evaluation.metrics.importance_weighted import importance_weighted_bound as log_mean_exp

SIGMAS = np.geomspace(0.05, 1.0, 20)  # from sharper than any sample to as wide as the pixels' range


def parzen_log_likelihood(samples, images, sigma):
    """Mean log-density of `images` in nats under Gaussian windows around `samples`.

    Breuleux et al. 2011, as used by Goodfellow et al. 2014, section 5 (arXiv:1406.2661). Shapes
    and ranges as in `parzen_log_densities`.
    """
    return float(parzen_log_densities(samples, images, sigma).mean())


def parzen_log_densities(samples, images, sigma, rows=None):
    """log 1/N sum_i N(x; s_i, sigma^2 I) of each image x, in nats.

    Args:
      samples: (N, ...) in [0, 1], the windows' centres.
      images: (M, ...) in [0, 1].
      sigma: the windows' standard deviation, above 0.
      rows: images that are looked at together; changes no result.

    Returns:
      (M,).
    """
    parts = [_log_means(squares, sigma) for _, squares in blocks(images, samples, rows)]
    dimensions = dimensions_of(images)
    return np.concatenate(parts) - 0.5 * dimensions * np.log(2.0 * np.pi * sigma**2)


def choose_sigma(samples, images, sigmas=SIGMAS):
    """The sigma under which images that are not scored later have the highest likelihood.

    Goodfellow et al. 2014, section 5: sigma is cross-validated. Shapes as in
    `parzen_log_densities`; `sigmas` are the candidates.
    """
    scores = np.zeros(len(sigmas))
    for _, squares in blocks(images, samples):
        scores += [_log_means(squares, sigma).sum() for sigma in sigmas]
    scores -= len(images) * dimensions_of(images) * np.log(sigmas)
    return float(sigmas[np.argmax(scores)])


def dimensions_of(images):
    """The numbers of an image."""
    return math.prod(np.shape(images)[1:])


def _log_means(squares, sigma):
    return log_mean_exp(squares * (-0.5 / sigma**2))
