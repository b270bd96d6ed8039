"""From the command line to the end of the first step: train.py compared with a bare script."""

import tempfile
import time
from statistics import median

from benchmarks.children import python

HEADER = ['XLA', 'contestant', 'seconds', 'lowest to highest', 'ratio']
NOTE = (
    'The VAE, from the command line to the end of the first step, on data that were decoded '
    'before. The bare script imports TensorFlow, builds the same networks and makes one step in '
    'one tf.function. Median of {} rounds. Ratio: time relative to the bare script, the median of '
    'the ratios of each round.'
)


def section(data, rounds):
    """The section, on a data set given by flags of train.py."""
    rows = []
    for xla in ('on', 'off'):
        ours, bare = zip(*[turn(data, xla) for _ in range(rounds + 1)][1:], strict=True)
        rows += [row(xla, 'ours', ours, bare), row(xla, 'bare script', bare, bare)]
    return 'Start', NOTE.format(rounds), HEADER, rows


def turn(data, xla):
    """Seconds of both, one after the other."""
    ours = first_step(['--model=vae', *data, f'--xla={xla}'], {})
    return ours, seconds('-m', 'benchmarks.bare', xla)


def first_step(words, variables):
    """Seconds until train.py has made its first step with these flags, in this environment."""
    with tempfile.TemporaryDirectory() as home:
        place = f'--output_dir={home}'
        return seconds('-m', 'benchmarks.first_step', *words, place, **variables)


def seconds(*words, **variables):
    """Seconds that Python takes for these words, from beginning to end."""
    began = time.perf_counter()
    python(*words, **variables)
    return time.perf_counter() - began


def row(xla, name, times, reference):
    """Cells of a contestant."""
    ratios = [own / other for own, other in zip(times, reference, strict=True)]
    extent = f'{min(times):.2f} to {max(times):.2f}'
    return [xla, name, f'{median(times):.2f}', extent, f'{median(ratios):.2f}']
