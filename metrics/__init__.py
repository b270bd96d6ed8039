"""Scores: features, probabilities, likelihoods or codes in, numbers out; one metric a file.

All but the classifier are pure functions of NumPy arrays and need no TensorFlow. They calculate in
float64. Large products come in blocks of millions of numbers, and no score depends on them.
"""

from metrics.active_units import active_units
from metrics.birthday import birthday_test, nearest_pair
from metrics.bits import bits_per_dimension
from metrics.density_coverage import density_coverage
from metrics.fid import fid
from metrics.gaussian_kl import gaussian_kl
from metrics.importance_weighted import importance_weighted_bound
from metrics.inception_score import inception_score
from metrics.index_code import index_code
from metrics.kid import kid
from metrics.memorisation import memorisation
from metrics.mmd import mmd
from metrics.mode_coverage import mode_coverage
from metrics.nearest import nearest
from metrics.parzen import choose_sigma, parzen_log_densities, parzen_log_likelihood
from metrics.precision_recall import precision_recall
from metrics.sharpness import sharpness
from metrics.spread import spread

__all__ = [
    'active_units',
    'birthday_test',
    'bits_per_dimension',
    'choose_sigma',
    'density_coverage',
    'fid',
    'gaussian_kl',
    'importance_weighted_bound',
    'inception_score',
    'index_code',
    'kid',
    'memorisation',
    'mmd',
    'mode_coverage',
    'nearest',
    'nearest_pair',
    'parzen_log_densities',
    'parzen_log_likelihood',
    'precision_recall',
    'sharpness',
    'spread',
]
