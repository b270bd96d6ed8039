"""The practical peak of this machine: GFLOP/s of a large matrix product, in both precisions."""

import json
import math
import time

import tensorflow as tf

SIDE, PRODUCTS, TRIES = 3072, 4, 7


def peak(dtype):
    """GFLOP/s of the best of several tries.

    A product takes the one before it, since TensorFlow would merge equal ones.
    """
    square = tf.cast(tf.random.normal([SIDE, SIDE], stddev=1 / math.sqrt(SIDE)), dtype)

    @tf.function
    def chain(x):
        for _ in range(PRODUCTS):
            x = x @ square
        return tf.reduce_sum(x)

    return 2e-9 * PRODUCTS * SIDE**3 / min(seconds(chain, square) for _ in range(TRIES))


def seconds(function, argument):
    """Seconds of one call."""
    began = time.perf_counter()
    function(argument).numpy()
    return time.perf_counter() - began


if __name__ == '__main__':
    print(json.dumps({name: peak(name) for name in ('float32', 'bfloat16')}))
