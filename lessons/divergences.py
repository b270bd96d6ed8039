"""How far apart two discrete distributions are: the measures that lesson 5 compares."""

import numpy as np
from scipy.optimize import linear_sum_assignment


def kl(p, q):
    """KL(p || q) = sum p log(p / q) in nats, of probabilities (N,); inf where q alone is 0."""
    held = p > 0
    with np.errstate(divide='ignore'):
        return float(np.sum(p[held] * np.log(p[held] / q[held])))


def jensen_shannon(p, q):
    """JS(p, q) = KL(p || m) / 2 + KL(q || m) / 2 in nats with m = (p + q) / 2; log 2 at most."""
    middle = (p + q) / 2
    return (kl(p, middle) + kl(q, middle)) / 2


def total_variation(p, q):
    """The largest difference of the probabilities of any event, sum |p - q| / 2."""
    return float(np.abs(p - q).sum() / 2)


def earth_mover(points, others):
    """Wasserstein-1 distance of the uniform distributions on two sets of N points (N, D).

    Arjovsky et al. 2017, eq. 1: the least mean distance over which mass must be moved. For
    equal masses some one-to-one plan is best (Birkhoff), so an assignment gives it.
    """
    costs = np.linalg.norm(points[:, None] - others, axis=2)
    return float(costs[linear_sum_assignment(costs)].mean())
