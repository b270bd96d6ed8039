"""Random numbers that are functions of a seed, whatever the device and the batch."""

import tensorflow as tf

LATENTS_STEP = -1  # training draws use steps from 0 up, so shown latents never meet them
KINDS_APART = 0x61C88647  # odd, so that its multiples repeat after 2^32 only


def apart(seed, kind=1):
    """A seed (2,) for the numbers of another `kind`, 1, 2, ..., that a step draws.

    `seed` itself is for kind 0. Every kind is counted from there: `apart(apart(seed))` is `seed`.
    """
    return tf.stack([seed[0] + tf.constant(KINDS_APART) * (kind - 1), LATENTS_STEP - 1 - seed[1]])


def normal(shape, seed):
    """Standard normal numbers; a row depends on `seed` and its index alone.

    Philox is named because the default generator draws other numbers once a step is compiled.
    """
    return tf.random.stateless_normal(shape, seed, alg='philox')


def uniform(shape, seed, low, high):
    """Uniform numbers in [low, high); a row depends on `seed` and its index alone."""
    return tf.random.stateless_uniform(shape, seed, low, high, alg='philox')
