"""How much faster images are drawn from memory than naively, by models that go pixel by pixel.

  python -m benchmarks.drawing

Naively, the whole network is computed for each number of an image; from memory, what belongs to the
next pixel alone. Both are compiled, and are warm when they are timed. The weights are initial ones:
the time does not depend on them. Both draw from the same noise; the last column is the share of
pixels in which they agree.
"""

import time
from statistics import median

import numpy as np

import flags
from benchmarks.report import origin, table
from support import backend, terminal

MODELS = ('pixelcnn', 'gated_pixelcnn', 'pixelrnn', 'pixelrnn --variant=diagonal --layers=1')
SHAPE = 28, 28, 1
IMAGES, ROUNDS = 64, 5  # of the fast way; the naive one is timed once
HEADER = ['model', 'from memory, s', 'naively, s', 'times faster', 'same pixels']


def main(argv):
    """Runs the command line `argv`; returns the exit status."""
    settings = flags.parse(argv, __doc__, define_flags)
    backend.load_tensorflow()
    rows = [row(line, settings.images) for line in settings.models.split(',')]
    print(origin(argv, 'benchmarks.drawing'), table(HEADER, rows), sep='\n')
    return 0


def define_flags(table):
    """Defines this command's flags on `table`."""
    group = 'What to measure'
    meaning = 'which models, each with flags of its own behind it if need be'
    flags.define(table, group, 'models', ','.join(MODELS), meaning)
    flags.define(table, group, 'images', IMAGES, 'how many at once', flags.Number(int, 1))


def row(line, count):
    """The row of a model and its flags."""
    model = built(line)
    noise = model.latents(count, 0)
    fast, fast_seconds = timed(fast_of(model), noise, ROUNDS)
    naive, naive_seconds = timed(naive_of(model), noise, 1)
    same = np.mean(fast == naive)
    ratio = f'{naive_seconds / fast_seconds:.0f}'
    return [f'`{line}`', f'{fast_seconds:.2f}', f'{naive_seconds:.1f}', ratio, f'{same:.2%}']


def built(line):
    """The model that a line names, with its initial weights."""
    from models.shared.build import build

    name, *words = line.split()
    settings = flags.training(['train.py', f'--model={name}', '--dataset=digits', *words], '')
    return build(SHAPE, 10, settings)


def fast_of(model):
    """The model's drawing as users run it: uint8 (N, H, W, C) of noise."""
    from runs.drawing import compiled

    return compiled(model, 'sample')


def naive_of(model):
    """The same by its definition, with the network compiled."""
    import tensorflow as tf

    from models.shared.pixels import to_uint8

    model.logits = tf.function(model.logits)
    return lambda noise: to_uint8(model.draw_naively(noise), model.value_range)


def timed(draw, noise, rounds):
    """The images, and the median seconds of so many rounds after one that compiles."""
    draw(noise)
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        images = draw(noise).numpy()
        seconds.append(time.perf_counter() - began)
    return images, median(seconds)


if __name__ == '__main__':
    terminal.start(main)
