"""Scores: features, probabilities, likelihoods or codes in, numbers out; one metric a file.

All are pure functions of NumPy arrays and need no TensorFlow. They calculate in
float64. Large products come in blocks of millions of numbers, and no score depends on them. Points
that are searched may be larger than memory: whatever gives arrays when it is sliced.
"""

from evaluation.metrics.active_units import active_units
from evaluation.metrics.bits import bits_per_dimension
from evaluation.metrics.density_coverage import density_coverage
from evaluation.metrics.fid import fid
from evaluation.metrics.gaussian_kl import gaussian_kl
from evaluation.metrics.importance_weighted import importance_weighted_bound
from evaluation.metrics.inception_score import inception_score
from evaluation.metrics.index_code import index_code
from evaluation.metrics.kid import kid
from evaluation.metrics.memorisation import memorisation
from evaluation.metrics.mmd import mmd
from evaluation.metrics.mode_coverage import kl_of_shares, mode_coverage
from evaluation.metrics.nearest import nearest, nearest_pair
from evaluation.metrics.parzen import choose_sigma, parzen_log_densities, parzen_log_likelihood
from evaluation.metrics.precision_recall import precision_recall
from evaluation.metrics.sharpness import sharpness
from evaluation.metrics.spread import spread
from evaluation.metrics.standard_error import standard_error

__all__ = [
    'active_units',
    'bits_per_dimension',
    'choose_sigma',
    'density_coverage',
    'fid',
    'gaussian_kl',
    'importance_weighted_bound',
    'inception_score',
    'index_code',
    'kid',
    'kl_of_shares',
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
    'standard_error',
]
