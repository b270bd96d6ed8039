"""From the command line to the end of the first step: train.py compared with a bare script."""

import re
import subprocess
import sys
import tempfile
from collections import Counter
from statistics import median

from benchmarks.stages import stages

HEADER = ['XLA', 'contestant', 'seconds', 'lowest to highest', 'ratio']
NOTE = (
    'The VAE, from the command line to the end of the first step, on data that were decoded '
    'before. The bare script imports TensorFlow, builds the same networks and makes one step in '
    'one tf.function. Median of {} rounds. Ratio: time relative to the bare script, the median of '
    'the ratios of each round.'
)
STAGES = ('flags and data', 'TensorFlow and Keras', 'networks', 'first step')
STAGES_NOTE = (
    'The same by stages, in seconds. The first step also traces and compiles. Networks: of ours '
    'also the files of the run. The bare script has no flags, and its data are zeros.'
)
PACKAGES = 8
IMPORTS_NOTE = (
    'The packages that take longest while the bare script imports TensorFlow and Keras, each '
    'without those that it imports itself, as `python -X importtime` tells. Ours does without '
    'matplotlib and sklearn until it needs them.'
)


def sections(data, rounds):
    """The sections, on a data set given by flags of train.py."""
    found = {xla: [turn(data, xla) for _ in range(rounds + 1)][1:] for xla in ('on', 'off')}
    cases = {xla: [*zip(*turns, strict=True)] for xla, turns in found.items()}
    rows = [row for xla, case in cases.items() for row in totals(xla, *case)]
    yield 'Start', NOTE.format(rounds), HEADER, rows
    rows = [row for xla, case in cases.items() for row in by_stage(xla, *case)]
    yield 'Start by stages', STAGES_NOTE, ['XLA', 'stage', 'ours', 'bare script'], rows
    slowest = imports().most_common(PACKAGES)
    rows = [[name, f'{seconds:.2f}'] for name, seconds in slowest]
    yield 'Imports', IMPORTS_NOTE, ['package', 'seconds'], rows


def turn(data, xla):
    """The stages of both, one after the other."""
    ours = first_step(['--model=vae', *data, f'--xla={xla}'], {})
    return ours, stages('-m', 'benchmarks.bare', xla)


def first_step(words, variables):
    """The stages of train.py with these flags, in this environment, to its first step."""
    with tempfile.TemporaryDirectory() as home:
        place = f'--output_dir={home}'
        return stages('-m', 'benchmarks.first_step', *words, place, **variables)


def totals(xla, ours, bare):
    """Rows of both contestants."""
    ours, bare = ([found['first step'] for found in each] for each in (ours, bare))
    return [row(xla, 'ours', ours, bare), row(xla, 'bare script', bare, bare)]


def row(xla, name, times, reference):
    """Cells of a contestant."""
    ratios = [own / other for own, other in zip(times, reference, strict=True)]
    extent = f'{min(times):.2f} to {max(times):.2f}'
    return [xla, name, f'{median(times):.2f}', extent, f'{median(ratios):.2f}']


def by_stage(xla, ours, bare):
    """Rows of all stages: the median seconds that each took."""
    lengths = [[length(found) for found in each] for each in (ours, bare)]
    for stage in STAGES:
        each = [[found[stage] for found in contestant] for contestant in lengths]
        yield [xla, stage, *(f'{median(seconds):.2f}' for seconds in each)]


def length(found):
    """{stage: seconds it took} of {stage: seconds until its end}; 0 for stages that are absent."""
    ends = [0.0, *found.values()]
    took = [end - start for start, end in zip(ends, ends[1:], strict=False)]
    return dict.fromkeys(STAGES, 0.0) | dict(zip(found, took, strict=True))


def imports():
    """A Counter of the seconds that each package takes of the import of TensorFlow and Keras."""
    command = [sys.executable, '-X', 'importtime', '-c', 'import keras, numpy, tensorflow']
    told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    return by_package(told)


def by_package(told):
    """The same of what `python -X importtime` told."""
    found = Counter()
    for microseconds, name in re.findall(r'^import time: +(\d+) \| +\d+ \| +(\w+)', told, re.M):
        found[name] += int(microseconds) / 1e6
    return found
