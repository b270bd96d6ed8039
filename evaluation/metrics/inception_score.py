"""The Inception score: are samples told apart surely, and is each class drawn?"""

import numpy as np


def inception_score(probabilities, splits=10, seed=0):
    """The Inception score, exp(E_x KL(p(y given x) || p(y))).

    Salimans et al. 2016, section 4 (arXiv:1606.03498): over `splits` equal parts, here after a
    seeded shuffle. It is 1 when all predictions agree, K when they are one-hot and balanced. It
    never looks at the data: ten perfect digits repeated score near 10.

    Args:
      probabilities: (N, K), rows sum to 1.
      splits: parts, N at most.
      seed: of the shuffle; with one split it changes nothing.

    Returns:
      (mean, std) over the splits, each of them in [1, K].

    Raises:
      ValueError: there are fewer rows than splits.
    """
    probabilities = np.asarray(probabilities, np.float64)
    if len(probabilities) < splits:
        raise ValueError(f'{len(probabilities)} predictions make no {splits} splits')
    shuffled = np.random.default_rng(seed).permutation(probabilities)
    scores = [np.exp(_information(part)) for part in np.array_split(shuffled, splits)]
    return float(np.mean(scores)), float(np.std(scores))


def _information(probabilities):
    """Mutual information of sample and class in nats: H(p(y)) - E H(p(y given x))."""
    marginal = probabilities.mean(axis=0)
    # Rounding may leave a zero a little below it.
    return max(_entropy(marginal) - _entropy(probabilities) / len(probabilities), 0.0)


def _entropy(probabilities):
    """-sum p log p over all entries, with 0 log 0 = 0."""
    some = probabilities[probabilities > 0]
    return float(-np.sum(some * np.log(some)))
