"""The lessons of docs/lessons.md, one figure a file; `python -m lessons.parallel_lines` makes one.

All of them compute, so TensorFlow is loaded here, silently, before a lesson imports it.
"""

import console

console.load_tensorflow()
