"""One generative model a file; the file's name is the model's name."""

import importlib

import keras


def build(image_shape, classes, settings):
    """The model that `settings.model` names, with weights drawn from `settings.seed`.

    Args:
      image_shape: (H, W, C).
      classes: number of classes in the data.
      settings: namespace of all flags of the run.
    """
    keras.utils.set_random_seed(settings.seed)
    module = importlib.import_module(f'models.{settings.model}')
    model = module.Model(image_shape, classes, settings)
    model.built = True  # its networks know their input shapes
    return model
