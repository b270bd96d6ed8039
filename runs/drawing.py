"""Drawing with a model: from latents to uint8 images."""

import functools

import numpy as np
import tensorflow as tf

from models.shared.base import Batch
from models.shared.layers import products
from models.shared.pixels import from_uint8, to_uint8
from support.errors import InputError

SHOWN = 64  # samples per call; a fixed number, so that each depends only on its own latents
LINES = 8  # of a grid with one class per column


def draw(model, latents, drawing=None):
    """Samples of latents (N, ...): (N, H, W, C) uint8. Each depends only on its own latents.

    `drawing` {name: value} sets drawing flags of the model; the others have their defaults.
    """
    sample, count = compiled(model, 'sample', drawing), len(latents)
    rows = np.minimum(np.arange(-(-count // SHOWN) * SHOWN), count - 1).reshape(-1, SHOWN)
    return np.concatenate([sample(tf.gather(latents, part)) for part in rows])[:count]


def paint(model, count, seed, labels=None, images=None, drawing=None):
    """`count` images drawn with `seed`: (count, H, W, C) uint8.

    Args:
      labels: the numbers of the classes to draw in turn, for a model that takes labels.
      images: uint8 (N, H, W, C) to start from in turn, for a model that takes images.
      drawing: as for `draw`.

    Raises:
      InputError: the model takes no such input, or it needs images and gets none.
    """
    check_given(model, labels, images)
    if images is not None:
        return draw(model, latents_of(model, count, seed, images), drawing)
    return draw(model, model.latents(count, seed, resized(labels, count)), drawing)


def resized(labels, count):
    """As many labels as that, in turn; None for None."""
    return None if labels is None else np.resize(labels, count)


def complete(model, image, rows, count, seed, labels=None):
    """`count` images (count, H, W, C) with the first `rows` rows of `image`, all uint8.

    `labels` are the numbers of the classes to draw in turn, for a model that takes labels.
    """
    images = pixels_for(model, np.repeat(image[None], count, axis=0))
    method = functools.partial(model.complete, images=images, rows=rows)
    draw = compile_for(model, lambda latents: to_uint8(method(latents), model.value_range))
    return draw(model.latents(count, seed, resized(labels, count))).numpy()


def by_row(images):
    """uint8 images (N, H, W, C) as they are drawn, a row more each time: H + 1 of them.

    What is not drawn yet is grey.
    """
    for drawn in range(images.shape[1] + 1):
        frame = np.full_like(images, 128)
        frame[:, :drawn] = images[:, :drawn]
        yield frame


def check_sequential(model):
    """Refuses a model that does not draw pixel by pixel."""
    if not model.offers('complete'):
        name = model.settings.model
        told = f'{name} does not draw pixel by pixel; choose a run of a model that does'
        raise InputError(f'--complete, --progress_gif: {told}, as pixelcnn')


def check_given(model, labels, images):
    """Refuses labels or images that the model does not take, and missing images."""
    name = model.settings.model
    if labels is not None and model.given != 'labels':
        raise InputError(f'--label, --labels: {name} does not draw by label; leave them out')
    if images is not None and model.given != 'images':
        raise InputError(f'--images: {name} does not draw from images; leave it out')
    if images is None and model.given == 'images':
        raise InputError(f'--images: missing; {name} starts from images, of a folder or a run')


def show(model, latents):
    """The model's grid for latents (N, ...), one image per cell: (N, H, W, C) uint8."""
    return compiled(model, 'show')(latents).numpy()


def redraw(model, images, labels):
    """The model's reconstructions of images (N, H, W, C) with labels (N,): both uint8."""
    batch = Batch(pixels_for(model, images), labels)
    return to_uint8(model.reconstruct(batch), model.value_range).numpy()


def columns_of(model):
    """Columns of the model's grids, or None; for a model with labels at most one per class."""
    if model.given == 'labels' and model.columns:
        return min(model.columns, model.classes)
    return model.columns


def grid_latents(model, seed, images):
    """The latents of a model's grid: 64 cells, or 8 rows if the model has `columns`.

    `images`, uint8 (N, H, W, C), are used by models that start from images.
    """
    columns = columns_of(model)
    if columns and model.given == 'labels':
        labels = np.tile(np.arange(columns), LINES)
        return model.latents(len(labels), seed, labels)
    return latents_of(model, LINES * (columns or LINES), seed, images)


def latents_of(model, count, seed, images):
    """`count` latents for `seed`; a model that takes images gets uint8 `images` in turn."""
    if model.given != 'images':
        return model.latents(count, seed)
    return model.latents(count, seed, pixels_for(model, images[np.arange(count) % len(images)]))


def pixels_for(model, images):
    """uint8 images as the model takes them."""
    return from_uint8(images, model.value_range, model.variable_dtype)


def compiled(model, name, drawing=None):
    """The model's method of this name, compiled: latents -> uint8 images."""
    kept = vars(model).setdefault('_compiled', {})  # past Keras, which would track it
    drawing = model.drawing | (drawing or {})
    key = (name, *sorted(drawing.items()))
    if key not in kept:
        method, value_range = functools.partial(getattr(model, name), **drawing), model.value_range
        kept[key] = compile_for(model, lambda latents: to_uint8(method(latents), value_range))
    return kept[key]


def compile_for(model, function):
    """A compiled function of latents; XLA compiles it if the model is `sequential`."""
    on_cpu = not tf.config.list_physical_devices('GPU')

    @tf.function(jit_compile=model.sequential, reduce_retracing=not model.sequential)
    def call(latents):
        with products(model.sequential and on_cpu):
            return function(latents)

    return call
