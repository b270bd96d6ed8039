"""One generative model a file; the file's name is the model's name."""

import importlib

import keras

POLICIES = {'float32': 'float32', 'bfloat16': 'mixed_bfloat16'}


def build(image_shape, classes, settings):
    """The model that `settings.model` names, with weights drawn from `settings.seed`.

    With `settings.precision` 'bfloat16' its layers compute in bfloat16, on float32 variables.

    Args:
      image_shape: (H, W, C).
      classes: number of classes in the data.
      settings: namespace of all flags of the run.
    """
    keras.utils.set_random_seed(settings.seed)
    module = importlib.import_module(f'models.{settings.model}')
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(POLICIES[settings.precision])
    try:
        model = module.Model(image_shape, classes, settings)
    finally:
        keras.config.set_dtype_policy(before)
    model.built = True  # its networks know their input shapes
    return model
