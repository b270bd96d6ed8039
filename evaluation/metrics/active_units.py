"""How many dimensions of the code a VAE uses."""

import numpy as np


def active_units(mean, threshold=0.01):
    """Number of dimensions in which the mean of q(z given x) varies over the images.

    Burda et al. 2016, section 5.2 (arXiv:1509.00519): the variance over x is above 0.01.

    Args:
      mean: (N, D), of N images.
      threshold: the variance above which a dimension is active.
    """
    return int(np.sum(np.var(np.asarray(mean, np.float64), axis=0) > threshold))
