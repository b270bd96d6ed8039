"""How fast the project is compared with its alternatives: `python -m benchmarks.throughput`.

A contestant is a file with a class `Trainer(settings, data, data_hash)`. It has a `model`, and a
method `epoch()` that trains for one epoch and returns the number of images seen.
"""

import sys

from support.startup import begin

if sys.argv[0] == '-m':  # as long as `python -m` looks for a benchmark, to run it
    begin()
