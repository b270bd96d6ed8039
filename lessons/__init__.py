"""The lessons of docs/lessons.md, one figure a file; `python -m lessons.parallel_lines` makes one.

All of them compute, so TensorFlow is loaded here, silently, before a lesson imports it.
"""

import sys

import startup

if sys.argv[0] == '-m':  # as long as `python -m` looks for a lesson, to run it
    startup.begin()

import console

try:
    console.load_tensorflow()
except console.InputError as error:
    sys.exit(f'lessons: {error}')
