"""Export of a generator that draws without this project.

It takes latents in the form that the model uses, and returns images (N, H, W, C) in [0, 1].
"""

import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from runs.drawing import SHOWN, compile_for, latents_of
from support.backend import quiet
from support.errors import InputError
from support.files import UNFINISHED, atomic, writing


def save_generator(path, model, drawing=None):
    """Writes the generator as a .keras file; with any other name, as a SavedModel directory.

    `drawing` {name: value} sets drawing flags of the model; the export fixes them.

    Raises:
      InputError: it cannot be written, or not as a .keras file.
    """
    generator = in_unit_range(model)
    if path.suffix == '.keras':
        if generator is None:
            raise InputError(
                f'--export={path}: this model needs more than Keras layers to draw; name a '
                'directory for tf.saved_model.load'
            )
        with atomic(path) as partial:
            generator.save(partial)
        return
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=path.parent) as partial:
            save_model(Path(partial) / 'model', generator or Sampler(model, drawing))
            (Path(partial) / 'model').rename(path)


def in_unit_range(model):
    """The model's `export` as a keras.Model: latents -> images in [0, 1]; None without one."""
    low, high = model.value_range
    exported = model.export()
    if exported is None or (low, high) == (0.0, 1.0):
        return exported
    rescaling = keras.layers.Rescaling(1.0 / (high - low), offset=-low / (high - low))
    return keras.Sequential([exported, rescaling])


def save_model(path, generator):
    """Writes a SavedModel; raises OSError, as Python itself does, if it cannot."""
    try:
        with quiet():
            if isinstance(generator, Sampler):
                tf.saved_model.save(generator, path)
            else:
                generator.export(path, verbose=False)
    except tf.errors.OpError as error:
        reason = error.message.rpartition('; ')[2].partition(' [Op:')[0]
        raise OSError(reason) from error


class Sampler(tf.Module):
    """A model's `sample`, compiled, for any number of latents.

    They are drawn in batches of 64, as in `runs.drawing.draw`; the last batch is filled up.
    """

    def __init__(self, model, drawing=None):
        super().__init__()
        self.model, self.drawing = model, model.drawing | (drawing or {})
        example = latents_of(model, 1, 0, np.zeros([1, *model.image_shape], np.uint8))
        spec = tf.TensorSpec([None, *example.shape[1:]], example.dtype)
        self.part = compile_for(model, self.images)
        self.serve = tf.function(self.images_of_all, input_signature=[spec])

    def images(self, latents):
        """Images in [0, 1] of 64 latents."""
        low, high = self.model.value_range
        images = self.model.sample(latents, **self.drawing)
        return tf.cast((images - low) / (high - low), tf.float32)

    def images_of_all(self, latents):
        """Images in [0, 1] of latents (N, ...)."""
        count = tf.shape(latents)[0]
        parts = -(-count // SHOWN)
        rows = tf.reshape(tf.minimum(tf.range(parts * SHOWN), count - 1), [parts, SHOWN])
        draw = lambda part: self.part(tf.gather(latents, part))  # noqa: E731
        images = tf.map_fn(draw, rows, fn_output_signature=tf.float32)
        return tf.reshape(images, [-1, *self.model.image_shape])[:count]
