"""Builds the model that a run's settings name."""

import contextlib
import importlib

import keras

from models.shared import declarations
from support.errors import InputError

POLICIES = {'float32': 'float32', 'bfloat16': 'mixed_bfloat16', 'float64': 'float64'}


def build(image_shape, classes, settings):
    """The model that `settings.model` names, with weights drawn from `settings.seed`.

    With `settings.precision` 'bfloat16' its layers compute in bfloat16, on float32 variables.

    Args:
      image_shape: (H, W, C).
      classes: number of classes in the data.
      settings: namespace of all flags of the run.

    Raises:
      InputError: a layer draws numbers of its own, which no checkpoint would bring back.
    """
    keras.utils.set_random_seed(settings.seed)
    module = importlib.import_module(f'models.{settings.model}')
    with computing_in(settings.precision):
        model = module.Model(image_shape, classes, settings)
    model.built = True  # its networks know their input shapes
    declared = (
        declarations.read(settings.model).drawing if settings.model in declarations.names() else {}
    )
    model.drawing = {name: option.default for name, option in declared.items()}
    check_draws(settings.model, model)
    return model


@contextlib.contextmanager
def computing_in(precision):
    """Within it, layers are made that compute so; the type of inputs is float64 or float32."""
    policy, floatx = keras.config.dtype_policy(), keras.config.floatx()
    keras.config.set_floatx('float64' if precision == 'float64' else 'float32')
    keras.config.set_dtype_policy(POLICIES[precision])
    try:
        yield
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(policy)


def check_draws(name, model):
    """Refuses layers that draw by a state of their own and not by the step's seed."""
    for variable in model.variables:
        if variable.path.endswith('seed_generator_state'):
            raise InputError(
                f'models/{name}.py: a layer draws its own random numbers ({variable.path}); use '
                'Dropout from models.shared.layers, or draw in objectives from the seed'
            )
