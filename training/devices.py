"""What is best on this device: XLA or not, where the images lie."""

import tensorflow as tf

RESIDENT = 2**31  # bytes of images that are kept in a GPU's memory
# To which pixels a side and images a batch XLA was faster on two CPU cores, in float32 and at the
# default width. It is slower in bfloat16, which XLA widens on a CPU, and for large batches or wide
# convolutions, which keep the cores busy. For wgan and gan_mlp the difference drowned in the noise;
# ae was not tried on two cores. For wgan_gp it is 1.09, in two of three pairs of runs in turns.
XLA_UP_TO = {'vae': (32, 256), 'gan': (32, 128), 'dcgan': (28, 64), 'wgan_gp': (28, 64)}


def choose_xla(settings, side):
    """'on' or 'off': what --xla says, or for 'auto' what was measured faster.

    On a GPU nothing was measured yet, so there 'auto' leaves XLA off.
    """
    if settings.xla != 'auto':
        return settings.xla
    pixels, images = XLA_UP_TO.get(settings.model, (0, 0))
    slower = settings.precision == 'bfloat16' or tf.config.list_physical_devices('GPU')
    return 'on' if side <= pixels and settings.batch_size <= images and not slower else 'off'


def resident(images):
    """Images as a tensor that the steps gather from: on the GPU, if there is one, up to 2 GiB."""
    with tf.device('CPU:0' if images.nbytes > RESIDENT else None):
        return tf.constant(images)
