"""InceptionV3 from Keras, trained on ImageNet: a judge for images of any kind.

Its weights are not those of the original FID and Inception score, which came from another training
in 2015. So its numbers cannot be compared with published ones.
"""

import os
from pathlib import Path

import keras
from keras import layers

import datasets
from evaluation.judges.classifier import Judge
from support import files
from support.errors import InputError

WEIGHTS = 'inception_v3_weights_tf_dim_ordering_tf_kernels.h5'
SIDE = 299


def inception(image_shape):
    """The `Judge` with 2048 features and the 1,000 classes of ImageNet.

    Args:
      image_shape: (H, W, C) of the images, grey or in colour.

    Raises:
      InputError: the weights are missing and cannot be downloaded.
    """
    home = Path(os.environ.get('KERAS_HOME') or Path.home() / '.keras')
    remedy = f'put {WEIGHTS} into {home}/models, or leave the flag out'
    if not (home / 'models' / WEIGHTS).is_file() and not datasets.online():
        fault = 'no weights, and no network to download them'
        raise InputError(f'--features=inception: {fault}; {remedy}')
    try:
        network = keras.applications.InceptionV3()
    except Exception as error:  # from the network, or from a damaged file
        raise InputError(f'--features=inception: cannot load the weights; {remedy}') from error
    weights = {f'{i:04d}': array for i, array in enumerate(network.get_weights())}
    return Judge(looker(network, image_shape), files.digest(weights), None)


def looker(network, image_shape):
    """A keras model from uint8 images to (features, class probabilities)."""
    images = keras.Input(image_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(images)
    x = layers.Resizing(SIDE, SIDE)(x)
    x = layers.Concatenate()([x, x, x]) if image_shape[2] == 1 else x
    both = keras.Model(network.inputs, [network.get_layer('avg_pool').output, network.outputs[0]])
    return keras.Model(images, both(x))
