"""Floating-point operations of a training step per image, counted from the layers' kernels.

A kernel takes two operations per multiply-add in each of three passes: forward, the gradient of its
weights, the gradient of its input. The first layer does not need the last pass, unless its input
comes from a network that trains with it. Layers without a kernel, less than 1 % here, are left out.
"""

import math

from keras import layers

from models.shared.masked import MaskedConv2D


def multiply_adds(layer):
    """Multiply-adds of a layer's forward pass for one image."""
    if not hasattr(layer, 'kernel'):
        return 0
    places = layer.input if isinstance(layer, layers.Conv2DTranspose) else layer.output
    return math.prod(layer.kernel.shape) * math.prod(places.shape[1:-1])


def masked(model):
    """(multiply-adds of a forward pass, those of its first kernel) of masked convolutions."""
    found = [layer for layer in model._flatten_layers() if isinstance(layer, MaskedConv2D)]
    counts = [math.prod(layer.kernel.shape) for layer in found]
    pixels = math.prod(model.image_shape[:2])
    return pixels * sum(counts), pixels * math.prod(model.first.kernel.shape)


def forward(network):
    """(multiply-adds of a forward pass, those of its first kernel) for one image."""
    counts = [count for count in map(multiply_adds, network.layers) if count]
    return sum(counts), counts[0]


def flops(model):
    """Operations of one training step an image.

    The least that the update needs: samples made for the discriminator serve the generator too.
    """
    if model.offers('log_prob'):
        whole, first = masked(model)
        return 2 * (3 * whole - first)
    if hasattr(model, 'encoder'):
        (encoder, first), (decoder, _) = forward(model.encoder), forward(model.decoder)
        return 2 * (3 * (encoder + decoder) - first)
    (g, g_first), (d, d_first) = forward(model.generator), forward(model.discriminator)
    generator = 3 * g - g_first + d  # the last through the discriminator
    if model.alternate:
        generator += d  # which has moved, so it looks again
    discriminator = 2 * (3 * d - d_first)  # data and samples
    return 2 * (generator + discriminator)
