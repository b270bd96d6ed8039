"""What a model draws, as uint8 images."""

import numpy as np
import tensorflow as tf

from models.shared.pixels import from_uint8, to_uint8

SHOWN = 64  # a fixed number of samples a call, so that each depends on its latents alone


def draw(model, latents):
    """Samples of latents (N, ...): (N, H, W, C) uint8. Each depends on its own latents alone."""
    count = len(latents)
    rows = tf.minimum(tf.range(-(-count // SHOWN) * SHOWN), count - 1)
    parts = [model.sample(tf.gather(latents, part)) for part in tf.reshape(rows, [-1, SHOWN])]
    return np.concatenate([to_uint8(part, model.value_range) for part in parts])[:count]


def show(model, latents):
    """The model's grid of latents (N, ...), an image a cell: (N, H, W, C) uint8."""
    return to_uint8(model.show(latents), model.value_range).numpy()


def redraw(model, images):
    """The model's reconstructions of images (N, H, W, C): both uint8."""
    images = from_uint8(images, model.value_range)
    return to_uint8(model.reconstruct(images), model.value_range).numpy()
