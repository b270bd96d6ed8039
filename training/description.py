"""A network in words, for model.txt."""

import numpy as np


def description(network):
    """Lines with the layers of a network, their output shapes and their parameters."""
    yield f'{network.name}: {parameters(network):,} parameters'
    for layer in getattr(network, 'layers', []):
        kind, shape = type(layer).__name__, shape_of(layer)
        yield f'  {layer.name:<24} {kind:<20} {shape:<24} {parameters(layer):>12,}'


def parameters(layer):
    """How many numbers a layer holds."""
    return sum(int(np.prod(variable.shape)) for variable in layer.weights)


def shape_of(layer):
    """The output shape of a layer, or nothing if it is only known after a call."""
    try:
        return str(layer.output.shape)
    except (AttributeError, ValueError):
        return ''
