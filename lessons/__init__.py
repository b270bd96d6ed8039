"""The lessons of docs/lessons.md, one figure a file; `python -m lessons.parallel_lines` makes one.

All of them compute, so TensorFlow is loaded here, silently, before a lesson imports it.
"""

import sys

from support import backend, startup
from support.errors import InputError

if sys.argv[0] == '-m':  # as long as `python -m` looks for a lesson, to run it
    startup.begin()


try:
    backend.load_tensorflow()
except InputError as error:
    sys.exit(f'lessons: {error}')
