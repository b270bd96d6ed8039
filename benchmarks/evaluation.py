"""The time that the scores of 10,000 samples take once their features are known.

  python -m benchmarks.evaluation

The features are random, with the number and length that MNIST's classifier gives; no score takes
longer for other values.
"""

import resource
import sys
import time

import numpy as np

from evaluation import metrics

SAMPLES, WIDTH = 10_000, 128
SCORES = ('fid', 'kid', 'precision_recall', 'density_coverage')


def main():
    """Prints seconds and processor seconds of each score, and the most memory ever held."""
    draws = np.random.default_rng(0).standard_normal((2, SAMPLES, WIDTH), np.float32)
    real, fake = np.maximum(draws, 0)
    for name in SCORES:
        begun = np.array([time.perf_counter(), time.process_time()])
        getattr(metrics, name)(real, fake)
        wall, processor = np.array([time.perf_counter(), time.process_time()]) - begun
        print(f'{name}: {wall:.1f} s, {processor:.1f} s of processor time', flush=True)
    unit = 1e9 if sys.platform == 'darwin' else 1e6
    print(f'memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit:.2f} GB at most')


if __name__ == '__main__':
    main()
