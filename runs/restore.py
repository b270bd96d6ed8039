"""From a run to its model: the settings and the weights of the newest checkpoint."""

import sys
from types import SimpleNamespace

from models.shared import declarations
from runs import directory
from support.errors import InputError


def checkpoint(run):
    """The run's newest undamaged checkpoint; raises InputError if `restore` could not use it.

    There may be no checkpoint yet, or no model can be built from the flags of the run.
    """
    arrays = run.load(warn=lambda line: print(line, file=sys.stderr))
    if arrays is None:
        raise InputError(f'{run.path}: has no checkpoint yet; train it first')
    settings_of(run)
    return arrays


def settings_of(run):
    """The run's settings. Options that its model got since then have their defaults.

    Raises:
      InputError: the model is missing, or one of its options has an invalid value.
    """
    place, kept = run.path / directory.CONFIG, run.config['settings']
    model = kept.get('model')
    if model not in declarations.names():
        raise InputError(f'{place}: there is no model {model!r} in models/; put its file back')
    options = declarations.read(model).options
    settings = {name: option.default for name, option in options.items()} | kept
    for name, option in options.items():
        if not option.takes(settings[name]):
            raise InputError(f'{place}: the flag {name} cannot be {settings[name]!r}; fix it')
    return SimpleNamespace(**settings)


def restore(run, arrays):
    """The run's model with the weights of a checkpoint; InputError if they do not fit."""
    from models.shared.build import build

    config = run.config
    with run.fitting():
        model = build(config['image_shape'], len(config['class_names']), settings_of(run))
        assign(model.variables, arrays)
    return model


def assign(variables, arrays):
    """Sets `variables` to the values that `Loop.state` saved, in the same order.

    Raises:
      ValueError: a value is missing or has another shape.
    """
    for i, variable in enumerate(variables):
        array = arrays.get(f'{i:04d}')
        if array is None or array.shape != tuple(variable.shape):
            raise ValueError(f'{variable.path} is missing or has another shape')
        variable.assign(array)
