"""Memorisation: do samples lie nearer to the training images than unseen images do?"""

from typing import NamedTuple

import numpy as np

from evaluation.metrics.standard_error import standard_error


class Memorisation(NamedTuple):
    """Ratio of the median distances; share of pairs (sample, test image) with the sample nearer.

    `error` is the standard error of that share.
    """

    ratio: float
    nearer: float
    error: float


def memorisation(sample_distances, test_distances):
    """Compares distances to the nearest training image.

    After Meehan et al. 2020 (arXiv:2004.05675): a generator that copies is nearer to its training
    images than test images are. Blurred samples are near to everything, so below 1 is a sign of
    copies only where the samples are as sharp as the data. Copies that are shifted by a pixel are
    far in pixels and pass (Theis et al. 2016, section 3.4, arXiv:1511.01844).

    The share `nearer` is the Mann-Whitney statistic over its N M pairs. Its variance is that of
    DeLong et al. 1988, "Comparing the areas under two or more correlated receiver operating
    characteristic curves": with P_i the share of test images that sample i is nearer than, and Q_j
    the share of samples that are nearer than test image j, var(P) / N + var(Q) / M.

    Args:
      sample_distances: (N,), of samples, at least 0; N at least 2.
      test_distances: (M,), of test images, at least 0, their median above 0; M at least 2.

    Returns:
      A `Memorisation`; without any the ratio is near 1, and `nearer`, in which ties count half,
      near 0.5. Copies have 0 and 1. The error is over samples and test images, for the training
      images as they are.
    """
    ratio = np.median(sample_distances) / np.median(test_distances)
    of_samples = 1.0 - _shares_below(sample_distances, test_distances)
    of_tests = _shares_below(test_distances, sample_distances)
    error = np.hypot(standard_error(of_samples), standard_error(of_tests))
    return Memorisation(float(ratio), float(of_samples.mean()), float(error))


def _shares_below(values, others):
    """(N,) share of `others` (M,) that are smaller than each value (N,); equal ones count half."""
    ordered = np.sort(others)
    smaller, not_larger = (np.searchsorted(ordered, values, side) for side in ('left', 'right'))
    return (smaller + not_larger) / (2.0 * len(ordered))
