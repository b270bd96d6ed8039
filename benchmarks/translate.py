"""Keras networks as plain PyTorch modules with the same weights.

With a stride of 2, TensorFlow pads more on the right, PyTorch's usual padding on the left. So the
modules are mirror images of the networks: kernels and maps are rotated by 180 degrees, and images
must be too for the same result. The speed does not depend on this.
"""

import numpy as np
import torch
from keras import layers
from torch import nn
from torch.nn.functional import conv2d, pad

from models.shared.layers import Dropout


def translate(stack):
    """A module for a stack of Keras layers, with maps (N, C, H, W) for (N, H, W, C)."""
    modules = []
    for i, layer in enumerate(stack):
        make = next(MODULES[kind] for kind in type(layer).__mro__ if kind in MODULES)
        modules += make(layer, stack[:i], stack[i + 1 :])
    return nn.Sequential(*modules)


def dense(layer, before, after):
    """A dense layer; its weights follow the order of the maps that it flattens or makes."""
    kernel = layer.kernel.numpy()
    if before and isinstance(before[-1], layers.Flatten):
        kernel = kernel[order(before[-1].input.shape[1:])]
    maps = next((x for x in after if isinstance(x, layers.Dense | layers.Reshape)), None)
    if isinstance(maps, layers.Reshape):
        kernel = kernel[:, order(maps.output.shape[1:])]
    module = nn.Linear(*kernel.shape, bias=layer.use_bias)
    return [filled(module, kernel.T, layer), *activation(layer)]


def order(shape):
    """Where the numbers of mirrored maps (C, H, W) stand among those of maps (H, W, C)."""
    indices = np.arange(np.prod(shape)).reshape(shape)
    return indices[::-1, ::-1].transpose(2, 0, 1).ravel()


def convolution(layer, *_):
    """A convolution with half the kernel as padding."""
    kernel, stride = mirrored(layer), layer.strides[0]
    filters, channels, size, _ = kernel.shape
    options = {'padding': size // 2, 'bias': layer.use_bias}
    module = nn.Conv2d(channels, filters, size, stride, **options)
    return [filled(module, kernel, layer), *activation(layer)]


def transposed(layer, *_):
    """A transposed convolution to `stride` times the size."""
    kernel, stride = mirrored(layer), layer.strides[0]
    channels, filters, size, _ = kernel.shape
    options = {'padding': size // 2, 'output_padding': stride - 1, 'bias': layer.use_bias}
    module = nn.ConvTranspose2d(channels, filters, size, stride, **options)
    return [filled(module, kernel, layer), *activation(layer)]


def mirrored(layer):
    """A kernel (K, K, A, B) as (B, A, K, K), turned by 180 degrees."""
    return turned(layer.kernel.numpy())


def turned(kernel):
    """A kernel (K, L, A, B) as (B, A, K, L), turned by 180 degrees."""
    return kernel[::-1, ::-1].transpose(3, 2, 0, 1).copy()


def filled(module, kernel, layer):
    """The module with these weights and the layer's bias, if it has one."""
    with torch.no_grad():
        module.weight.copy_(torch.tensor(kernel.copy()))
        if layer.use_bias:
            module.bias.copy_(torch.tensor(layer.bias.numpy()))
    return module


def activation(layer):
    """What a layer does with its sums."""
    kinds = {'linear': [], 'sigmoid': [nn.Sigmoid()], 'tanh': [nn.Tanh()]}
    return (kinds | {'softplus': [nn.Softplus()]})[layer.activation.__name__]


class Masked(nn.Module):
    """A `MaskedConv2D`, whose kernel has the rows that are not masked as a whole."""

    def __init__(self, layer):
        super().__init__()
        kernel, mask = (turned(x) for x in (layer.kernel.numpy(), layer.mask))
        self.size = kernel.shape[2:]
        self.weight, self.mask = nn.Parameter(torch.tensor(kernel)), torch.tensor(mask)
        self.bias = nn.Parameter(torch.tensor(layer.bias.numpy()))

    def forward(self, maps):
        """(N, D, H, W) -> (N, F, H, W)."""
        rows, columns = self.size
        side = columns // 2
        return conv2d(pad(maps, [side, side, 0, rows - 1]), self.weight * self.mask, self.bias)


def batch_norm(layer, *_):
    """Batch norm; without scale its weights stay 1."""
    kinds = {2: nn.BatchNorm1d, 4: nn.BatchNorm2d}
    features = layer.output.shape[-1]
    module = kinds[len(layer.output.shape)](features, layer.epsilon, 1 - layer.momentum)
    module.weight.requires_grad_(layer.scale)
    return [module]


def reshape(layer, *_):
    """Rows to maps."""
    height, width, channels = layer.output.shape[1:]
    return [nn.Unflatten(1, (channels, height, width))]


class Crop(nn.Module):
    """Drops the last row and column, which are the first in the mirror."""

    def forward(self, maps):
        """(N, C, H, W) -> (N, C, H - 1, W - 1)."""
        return maps[:, :, :-1, :-1]


MODULES = {
    layers.InputLayer: lambda *_: [],
    layers.Dense: dense,
    layers.Conv2D: convolution,
    layers.Conv2DTranspose: transposed,
    layers.BatchNormalization: batch_norm,
    layers.Reshape: reshape,
    layers.Flatten: lambda *_: [nn.Flatten()],
    layers.LeakyReLU: lambda layer, *_: [nn.LeakyReLU(float(layer.negative_slope))],
    layers.ReLU: lambda *_: [nn.ReLU()],
    Dropout: lambda layer, *_: [nn.Dropout(layer.rate)],
    layers.Cropping2D: lambda *_: [Crop()],
}
