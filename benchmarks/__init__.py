"""How fast the project is beside what a user would pick instead; `python -m benchmarks.throughput`.

A contestant is a file with a class `Trainer(settings, data, data_hash)`: `model`, and `epoch()`,
which trains for one epoch and returns the number of images seen.
"""

import sys

from support import startup

if sys.argv[0] == '-m':  # as long as `python -m` looks for a benchmark, to run it
    startup.begin()
