"""What is best on this device: whether to use XLA, and where to keep the images."""

import tensorflow as tf

RESIDENT = 2**31  # bytes of images that are kept in a GPU's memory


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


def resident(images):
    """Images as a tensor that the steps gather from: on the GPU, if there is one, up to 2 GiB.

    Several replicas gather from the host.
    """
    shared = tf.distribute.get_strategy().num_replicas_in_sync > 1
    with tf.device('CPU:0' if shared or images.nbytes > RESIDENT else None):
        return tf.constant(images)
