"""Pixels: bytes, and numbers in the range that a network speaks."""

import tensorflow as tf

from models.shared.noise import apart, uniform


def from_uint8(images, value_range, dtype='float32'):
    """uint8 pixels as numbers in `value_range`, (low, high)."""
    low, high = value_range
    return tf.cast(images, dtype) * ((high - low) / 255.0) + low


def to_uint8(images, value_range):
    """The nearest uint8 pixels of images in `value_range`; what lies outside is clipped."""
    low, high = value_range
    levels = tf.round((tf.cast(images, tf.float32) - low) * (255.0 / (high - low)))
    return tf.cast(tf.clip_by_value(levels, 0.0, 255.0), tf.uint8)


def binarize(images, seed):
    """Black or white pixels, white with the probability that a grey value in [0, 1] tells."""
    white = uniform(tf.shape(images), apart(seed), dtype=images.dtype) < images
    return tf.cast(white, images.dtype)
