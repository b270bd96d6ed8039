"""Spread: how much images differ from one another, beside real ones."""

import math

import numpy as np


def spread(images, real_images):
    """Mean over the pixels of their standard deviation over `images`, over that of `real_images`.

    Args:
      images, real_images: (N, H, W, C) and (M, H, W, C) of one range; the any number.

    Returns:
      The ratio, at least 0: 0 where all images are equal, about 1 where they vary as real ones do;
      NaN where the real ones are all equal.
      An image that is drawn again and again shows here; a class that is missing does not.
    """
    real = _deviation(real_images)
    return _deviation(images) / real if real else math.nan


def _deviation(images):
    return float(np.std(images, axis=0, dtype=np.float64).mean())
