"""What is best on this device: whether to use XLA, and whether to keep all images in memory."""

import tensorflow as tf

from datasets import IN_MEMORY

ON_A_GPU = 2**31  # bytes of images that are kept in its memory


def choose_xla(settings, model):
    """'on' or 'off': the value of --xla, or for 'auto' what was measured to be faster.

    A model's `xla_up_to` was measured on two CPU cores in float32, at its default width. XLA is
    slower in bfloat16, which it widens on a CPU, and for large batches or wide convolutions, which
    keep the cores busy. Nothing has been measured on a GPU yet, so there 'auto' leaves XLA off.
    """
    if settings.xla != 'auto':
        return settings.xla
    pixels, images = model.xla_up_to
    slower = settings.precision == 'bfloat16' or tf.config.list_physical_devices('GPU')
    return (
        'on'
        if model.image_shape[0] <= pixels and settings.batch_size <= images and not slower
        else 'off'
    )


def fits(images):
    """Whether images may stay in the device's memory: up to 2 GiB of a GPU's, else 512 MiB."""
    most = ON_A_GPU if tf.config.list_physical_devices('GPU') else IN_MEMORY
    return images.nbytes <= most
