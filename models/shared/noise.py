"""Random numbers that are functions of a seed, the same after every restart.

Of all that is drawn, row i depends on the seed and i alone, so no number depends on the size of a
batch. Of several replicas each draws the rows that it has in the whole batch. Philox is named
because the default generator depends on the device. Compiled by XLA it gives other numbers of the
same distribution, so a run keeps its `--xla`. Numbers are drawn in float32, so that a network of
another precision sees the same ones.
"""

import contextlib
import contextvars
import functools
import itertools

import tensorflow as tf

LATENTS_STEP = -1  # training draws use steps from 0 up, so shown latents never meet them
KINDS_APART = 0x61C88647  # odd, so that its multiples repeat after 2^32 only
FIRST_OF_LAYERS = 1000  # kinds below it are for the objectives

_LAYERS = contextvars.ContextVar('seeds of layers')


def apart(seed, kind=1):
    """A seed (2,) for the numbers of another `kind`, 1, 2, ..., that a step draws.

    `seed` itself is for kind 0. Every kind is counted from there: `apart(apart(seed))` is `seed`.
    """
    return tf.stack([seed[0] + tf.constant(KINDS_APART) * (kind - 1), LATENTS_STEP - 1 - seed[1]])


def normal(shape, seed, dtype='float32'):
    """Standard normal numbers."""
    return tf.cast(own(shape, lambda s: tf.random.stateless_normal(s, seed, alg='philox')), dtype)


def uniform(shape, seed, low=0.0, high=1.0, dtype='float32'):
    """Uniform numbers in [low, high)."""
    draw = functools.partial(tf.random.stateless_uniform, alg='philox')
    return tf.cast(own(shape, lambda s: draw(s, seed, low, high)), dtype)


def own(shape, draw):
    """The rows of this replica, of `shape` (N, ...), of what `draw(shape)` draws for all of them.

    With one replica, and outside of a step, it is all that is drawn.
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return draw(shape)
    parts = draw(tf.concat([[context.num_replicas_in_sync], shape], 0))
    return parts[context.replica_id_in_sync_group]


@contextlib.contextmanager
def layers_draw_from(seed):
    """Within it, layers that draw numbers do so by seeds that follow from `seed` (2,).

    Each call of such a layer gets a kind of its own, in the order of the calls.
    """
    kinds = itertools.count(FIRST_OF_LAYERS)
    token = _LAYERS.set(lambda: apart(seed, next(kinds)))
    try:
        yield
    finally:
        _LAYERS.reset(token)


def layer_seed():
    """The seed (2,) of a layer's next numbers; raises RuntimeError outside of a step."""
    draw = _LAYERS.get(None)
    if draw is None:
        raise RuntimeError('a layer draws random numbers; call it within layers_draw_from(seed)')
    return draw()
