"""What a model draws, as uint8 images."""

import functools

import numpy as np
import tensorflow as tf

from models.shared.base import Batch
from models.shared.layers import products
from models.shared.pixels import from_uint8, to_uint8

SHOWN = 64  # a fixed number of samples a call, so that each depends on its latents alone
LINES = 8  # of a grid that has a class a column


def draw(model, latents, **drawing):
    """Samples of latents (N, ...): (N, H, W, C) uint8. Each depends on its own latents alone.

    `drawing` are the values of the model's flags of that name.
    """
    sample = compiled(model, 'sample', **drawing)
    count = len(latents)
    rows = np.minimum(np.arange(-(-count // SHOWN) * SHOWN), count - 1).reshape(-1, SHOWN)
    return np.concatenate([sample(tf.gather(latents, part)) for part in rows])[:count]


def show(model, latents):
    """The model's grid of latents (N, ...), an image a cell: (N, H, W, C) uint8."""
    return compiled(model, 'show')(latents).numpy()


def redraw(model, images, labels):
    """The model's reconstructions of images (N, H, W, C) with labels (N,): both uint8."""
    batch = Batch(from_uint8(images, model.value_range, model.variable_dtype), labels)
    return to_uint8(model.reconstruct(batch), model.value_range).numpy()


def grid_latents(model, seed, images):
    """The latents of a model's grid: of 64 cells, or with a class a column of 8 lines.

    `images` (64, H, W, C), uint8, are what a model begins from that is given images.
    """
    if model.given == 'labels' and model.columns:
        labels = np.tile(np.arange(model.columns), LINES)
        return model.latents(len(labels), seed, labels)
    return latents_of(model, SHOWN, seed, images)


def latents_of(model, count, seed, images):
    """`count` latents by `seed`; of uint8 images, over and over, if the model is given images."""
    if model.given != 'images':
        return model.latents(count, seed)
    images = images[np.arange(count) % len(images)]
    return model.latents(count, seed, from_uint8(images, model.value_range, model.variable_dtype))


def compiled(model, name, **drawing):
    """The model's method of this name, compiled: latents -> uint8 images."""
    kept = vars(model).setdefault('_compiled', {})  # past Keras, which would track it
    key = (name, *sorted(drawing.items()))
    if key not in kept:
        method = functools.partial(getattr(model, name), **drawing)
        low_high, by_xla = model.value_range, model.sequential

        @tf.function(jit_compile=by_xla, reduce_retracing=not by_xla)
        def paint(latents):
            with products(by_xla):
                return to_uint8(method(latents), low_high)

        kept[key] = paint
    return kept[key]
