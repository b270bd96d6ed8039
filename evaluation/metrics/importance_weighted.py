"""The importance-weighted bound on the log-likelihood, and the mean of exponentials it takes."""

import numpy as np


def importance_weighted_bound(log_weights):
    """log 1/k sum_i w_i, whose expectation is a lower bound of log p(x) that rises with k.

    Burda et al. 2016, eq. 8 (arXiv:1509.00519), w_i = p(x, z_i) / q(z_i given x), z_i from
    q(z given x). k = 1 gives the evidence lower bound.

    Args:
      log_weights: (..., k) in nats; -inf is a weight of zero.

    Returns:
      (...) in nats, a float for a single row of weights.
    """
    log_weights = np.asarray(log_weights, np.float64)
    largest = log_weights.max(axis=-1)
    # Where all weights are zero, their logarithms' difference would be no number.
    shift = np.where(np.isfinite(largest), largest, 0.0)
    with np.errstate(divide='ignore'):
        bound = np.log(np.mean(np.exp(log_weights - shift[..., None]), axis=-1)) + shift
    return bound if bound.ndim else float(bound)
