"""Memorisation: do samples lie nearer to the training images than unseen images do?"""

from typing import NamedTuple

import numpy as np


class Memorisation(NamedTuple):
    """Ratio of the median distances; share of pairs (sample, test image) with the sample nearer."""

    ratio: float
    nearer: float


def memorisation(sample_distances, test_distances):
    """Compares distances to the nearest training image.

    After Meehan et al. 2020 (arXiv:2004.05675): a generator that copies is nearer to its training
    images than test images are. Blurred samples are near to everything, so below 1 is a sign of
    copies only where the samples are as sharp as the data.

    Args:
      sample_distances: (N,), of samples, at least 0.
      test_distances: (M,), of test images, at least 0, their median above 0.

    Returns:
      A `Memorisation`; without any the ratio is near 1, and `nearer`, in which ties count half,
      near 0.5. Copies have 0 and 1.
    """
    ratio = np.median(sample_distances) / np.median(test_distances)
    ordered = np.sort(test_distances)
    larger = len(ordered) - np.searchsorted(ordered, sample_distances, 'right')
    equal = len(ordered) - larger - np.searchsorted(ordered, sample_distances, 'left')
    return Memorisation(float(ratio), float(np.mean(larger + 0.5 * equal) / len(ordered)))
