"""How far a mean may be from what it estimates."""

import numpy as np


def standard_error(values):
    """Standard error of the mean of (N,) values: their deviation, of N - 1, over the root of N."""
    return float(np.std(values, ddof=1, dtype=np.float64) / np.sqrt(len(values)))
