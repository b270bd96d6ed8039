"""Layers that more than one model uses: convolutions that can be matrix products, drop-out.

XLA compiles matrix products well for a CPU and convolutions badly; inside a compiled loop the
latter are eight to ten times slower than outside. Within `products()`, which the training loop
enters where XLA compiles its steps, these layers write the same sum as one product with the patches
of an image (Chellapilla, Puri & Simard 2006, section 4.1). Elsewhere they are Keras' own.
"""

import contextlib
import contextvars

import keras
import tensorflow as tf
from keras import layers

from models.shared.noise import layer_seed, uniform

_WANTED = contextvars.ContextVar('products', default=False)


@contextlib.contextmanager
def products(wanted=True):
    """Within it, the layers of this module are traced as matrix products if `wanted`."""
    token = _WANTED.set(wanted)
    try:
        yield
    finally:
        _WANTED.reset(token)


class Conv2D(layers.Conv2D):
    """Keras' Conv2D with one stride for both sides and padding 'same'."""

    def call(self, inputs):
        """(N, H, W, C) -> (N, H / stride, W / stride, F), sides rounded up."""
        if not wants_products():
            return super().call(inputs)
        return finish(self, convolve(inputs, self.kernel, self.strides[0]))


class Conv2DTranspose(layers.Conv2DTranspose):
    """Keras' Conv2DTranspose with one stride for both sides and padding 'same'."""

    def call(self, inputs):
        """(N, H, W, C) -> (N, stride H, stride W, F)."""
        if not wants_products():
            return super().call(inputs)
        return finish(self, convolve_transposed(inputs, self.kernel, self.strides[0]))


def wants_products():
    """Whether layers are to be traced as matrix products."""
    return _WANTED.get()


def finish(layer, sums):
    """Adds the layer's bias, if it has one, and applies its activation."""
    return layer.activation(sums + layer.bias if layer.use_bias else sums)


def convolve(images, kernel, stride):
    """Convolution with padding 'same': a product of the patches (N, H', W', K K C).

    Args:
      images: (N, H, W, C).
      kernel: (K, K, C, F).
      stride: pixels from patch to patch, on both sides.

    Returns:
      (N, H', W', F) with H' = H / stride rounded up.
    """
    for axis in (2, 1):  # columns first, so that the patches end up in the kernel's order
        images = tf.concat(shifts(images, kernel.shape[0], stride, axis), axis=3)
    return tf.tensordot(images, tf.reshape(kernel, [-1, kernel.shape[3]]), 1)


def shifts(images, size, stride, axis):
    """The `size` pixels under a kernel along one axis: as many (N, ...) with that axis H'."""
    side = images.shape[axis]
    end = (-(-side // stride) - 1) * stride + 1
    missing = max(end - 1 + size - side, 0)
    margins = [[0, 0]] * 4
    margins[axis] = [missing // 2, missing - missing // 2]
    padded = tf.pad(images, margins)
    window = [slice(None)] * axis
    return [padded[*window, i : i + end : stride] for i in range(size)]


def convolve_transposed(images, kernel, stride):
    """Transposed convolution with padding 'same', the adjoint of `convolve`.

    Args:
      images: (N, H, W, C).
      kernel: (K, K, F, C), K at least `stride`.
      stride: pixels of the result between two of `images`, on both sides.

    Returns:
      (N, stride H, stride W, F).
    """
    size, _, filters, channels = kernel.shape
    taps = tf.tensordot(images, tf.reshape(kernel, [-1, channels]), [[3], [1]])
    for axis in (1, 2):
        taps = interleave(tf.split(taps, size, axis=3), stride, axis)
    return taps


def interleave(taps, stride, axis):
    """Sums K tensors (N, H, W, D), each moved on by its number, where H becomes stride H on `axis`.

    Those that meet, of the same remainder modulo the stride, are added; the sums are interleaved.
    """
    more = (len(taps) - 1) // stride
    shape, margins, window = [-1, *taps[0].shape[1:]], [[0, 0]] * 4, [slice(None)] * axis

    def moved(i):
        margins[axis] = [i // stride, more - i // stride]
        return tf.pad(taps[i], margins)

    sums = [tf.add_n([moved(i) for i in range(a, len(taps), stride)]) for a in range(stride)]
    start, length = (len(taps) - stride) // 2, stride * shape[axis]
    shape[axis] = stride * (shape[axis] + more)
    whole = tf.reshape(tf.stack(sums, axis=axis + 1), shape)
    return whole[*window, start : start + length]


class Dropout(layers.Layer):
    """Keras' Dropout with masks that are a function of the step's seed and the row of the batch.

    Srivastava et al. 2014, in its inverted form: in training each number is 0 with probability
    `rate`, and divided by 1 - `rate` otherwise.
    """

    def __init__(self, rate, **options):
        super().__init__(**options)
        self.rate = rate

    def call(self, inputs, training=False):
        """(N, ...) -> (N, ...)."""
        if not training or not self.rate:
            return inputs
        kept = uniform(tf.shape(inputs), layer_seed()) >= self.rate
        return tf.where(kept, inputs / (1.0 - self.rate), tf.zeros_like(inputs))

    def get_config(self):
        """The configuration, as Keras wants it."""
        return super().get_config() | {'rate': self.rate}


def exact():
    """The type of losses, weights and statistics: float32, where the layers compute in bfloat16.

    To be asked while a model is built, for the layers whose results must not be rounded.
    """
    return keras.config.dtype_policy().variable_dtype


OWN = {Conv2D: layers.Conv2D, Conv2DTranspose: layers.Conv2DTranspose, Dropout: layers.Dropout}


def stock(network):
    """A copy of `network` in Keras' own layers, which loads where this project is not.

    None where there is no such copy: a layer is of another kind, or the layers are no graph.
    """

    def clone(layer):
        return OWN.get(type(layer), type(layer)).from_config(layer.get_config())

    try:
        copy = keras.models.clone_model(network, clone_function=clone, recursive=True)
    except ValueError:
        return None
    copy.set_weights(network.get_weights())
    parts = copy._flatten_layers(include_self=False)
    return copy if all(type(part).__module__.startswith('keras.') for part in parts) else None
