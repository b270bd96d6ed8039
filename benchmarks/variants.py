"""Trains as train.py does, but changes one thing about the post's GAN for which there is no flag.

  python -m benchmarks.variants --change=post_weights --threads=1 --model=gan --dataset=mnist

Other words go to train.py. The variants are:

  post_weights  the initial weights of the post's public code: for the generator a normal
                distribution with standard deviation 0.2, cut at two deviations; for the
                discriminator Glorot's weights
  beta_1        Adam's usual beta_1 of 0.9
  post          both of these
  wide_weights  standard deviation 0.2 for both players
"""

import functools
import re

import train
from support import backend, terminal
from support.errors import InputError
from training import setup


def main(argv):
    """Runs the command line `argv`; returns the exit status of the training.

    Raises:
      InputError: there is no such variant, or no such number of threads.
    """
    program, *words = argv
    own = dict(word.removeprefix('--').split('=', 1) for word in words if is_own(word))
    if own.get('change') not in (None, *VARIANTS):
        known = ', '.join(VARIANTS)
        raise InputError(f'--change={own["change"]}: not a variant; choose from {known}')
    if not re.fullmatch('[1-9][0-9]{0,3}', own.get('threads', '1')):
        raise InputError(f'--threads={own["threads"]}: must be a whole number from 1 to 9999')
    if 'threads' in own:
        setup.cores = lambda: int(own['threads'])
    if 'change' in own:
        backend.limit_threads(setup.cores())
        backend.load_tensorflow()
        VARIANTS[own['change']]()
    return train.main([program, *(word for word in words if not is_own(word))])


def is_own(word):
    """Whether a word of the command line is for this module and not for train.py."""
    return word.startswith(('--change=', '--threads='))


def beta_1():
    """Adam's usual momentum for both players."""
    from models import gan

    adam = gan.Adam
    gan.Adam = lambda rate, beta_1: adam(rate, beta_1=0.9)


def post_weights():
    """The initial weights of the post's public code."""

    begin('generator', wide)
    begin('discriminator', glorot)


def wide_weights():
    """Initial weights of the generator's deviation for both players."""
    begin('generator', wide)
    begin('discriminator', wide)


def post():
    """Weights and momentum of the post's public code."""
    post_weights()
    beta_1()


def wide():
    """A normal distribution of deviation 0.2, cut at two deviations."""
    import keras

    return keras.initializers.TruncatedNormal(stddev=0.2)


def glorot():
    """A uniform distribution by the layer's size (Glorot & Bengio 2010)."""
    import keras

    return keras.initializers.GlorotUniform()


def begin(player, weights):
    """Has the networks of a player of `gan` begin from `weights()`."""
    from models import gan

    for size in (28, 32):
        name = f'{player}_{size}'
        setattr(gan, name, functools.partial(begun, getattr(gan, name), weights))


def begun(layers, weights, size):
    """The layers that `layers(size)` gives, made while `gan.weights` is `weights`."""
    from models import gan

    usual, gan.weights = gan.weights, weights
    try:
        return layers(size)
    finally:
        gan.weights = usual


VARIANTS = {f.__name__: f for f in (post, post_weights, wide_weights, beta_1)}

if __name__ == '__main__':
    terminal.start(main)
