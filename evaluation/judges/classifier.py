"""The classifier that judges samples: a small convolutional network, one for each data set.

The one for MNIST comes with the project, so that the numbers of two users can be compared. For
other data it is trained once on the training split, then kept in the cache under the fingerprint of
the data. Weights are kept as float16, which does not change the accuracy and halves the file.
"""

import sys
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from keras import layers

import datasets
from support import files
from support.errors import InputError

VERSION = 2  # to be raised by every change to its weights
EPOCHS = 8
BATCH = 128
BATCHES = 2  # that are in memory at once when it looks
SHIPPED = Path(__file__).parent / 'mnist.npz'  # the file that `classifier` writes for MNIST


class Judge(NamedTuple):
    """A classifier, and what identifies it.

    `look` turns uint8 images (N, H, W, C) into features (N, D) and class probabilities (N, K),
    both float32. `digest` is the SHA-256 of the weights. `accuracy` is the share of test images
    that it classifies correctly, or None if its classes are not those of the data.
    """

    look: keras.Model
    digest: str
    accuracy: float | None


def classifier(data, data_hash, dataset=None):
    """The `Judge` of a `datasets.Dataset`: shipped, from the cache, or trained now (minutes).

    Args:
      data: images (N, H, W, C) uint8 with labels.
      data_hash: fingerprint of `data`, under which the classifier is kept.
      dataset: name of the data; 'mnist' with MNIST's own shape and classes is judged by the
        classifier that comes with the project.

    Raises:
      InputError: the weights are missing or damaged, or cannot be read or written.
    """
    path = SHIPPED if is_mnist(data, dataset) else cached(data_hash)
    weights = read(path)
    if weights is None:
        files.write_arrays(path, weights_of(train(data)))
        weights = read(path)
    model = network(data.train_images.shape[1:], len(data.class_names))
    model.set_weights([weights[name].astype(np.float32) for name in sorted(weights)])
    judge = Judge(looker(model), files.digest(weights), None)
    return judge._replace(accuracy=accuracy(judge, data.test_images, data.test_labels))


def read(path):
    """The weights {name: float16 array} in a file, None if there is no file yet.

    Raises:
      InputError: they are damaged or cannot be read, or the project's own file is missing.
    """
    remedy = 'restore it from the repository' if path == SHIPPED else 'delete it'
    try:
        return files.read_arrays(path)
    except FileNotFoundError:
        if path != SHIPPED:
            return None
        raise InputError(f'{path}: the classifier is missing; {remedy}') from None
    except ValueError:
        raise InputError(f'{path}: the classifier is damaged; {remedy}') from None


def is_mnist(data, dataset):
    """Whether the data have TFDS's name for MNIST, and its shape and classes."""
    looks = data.train_images.shape[1:] == (28, 28, 1) and data.class_names == tuple('0123456789')
    return looks and dataset is not None and dataset.lower().split(':')[0] == 'mnist'


def cached(data_hash):
    """Where the classifier of these data is kept."""
    return datasets.cache_directory() / f'classifier-{VERSION}-{data_hash[:24]}.npz'


def network(image_shape, classes):
    """Two convolutions with pooling, a dense layer of 128 features, dropout, K logits."""
    return keras.Sequential(
        [
            keras.Input(image_shape),
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, 3, activation='relu'),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation='relu'),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(128, activation='relu', name='features'),
            layers.Dropout(0.4),
            layers.Dense(classes),
        ]
    )


def looker(model):
    """A keras model from uint8 images to (features, class probabilities) of `network`'s model."""
    outputs = model.get_layer('features').output, layers.Softmax()(model.outputs[0])
    return keras.Model(model.inputs, outputs)


def train(data):
    """A network trained on the training split; its learning rate falls to zero along a cosine.

    The images are slightly rotated and shifted, because a judge should not depend on single pixels.
    """
    keras.utils.set_random_seed(0)
    shape = data.train_images.shape[1:]
    model = network(shape, len(data.class_names))
    taught = keras.Sequential([keras.Input(shape), *moving(), model])
    steps = EPOCHS * -(-len(data.train_images) // BATCH)
    taught.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    count = len(data.train_images)
    told = f'training the classifier (only this once): {EPOCHS} epochs of {count:,} images'
    print(told, file=sys.stderr)
    teach(taught, data.train_images, data.train_labels)
    return model


def teach(model, images, labels):
    """Trains a compiled model on images, which need not fit into memory."""
    shown = {'epochs': EPOCHS, 'verbose': 0}
    if images.nbytes > datasets.IN_MEMORY:
        model.fit(OnDisk(images, labels), shuffle=False, **shown)
    else:
        model.fit(np.asarray(images), np.asarray(labels), batch_size=BATCH, **shown)


class OnDisk(keras.utils.PyDataset):
    """Batches of images on disk and their labels, in a new order each epoch."""

    def __init__(self, images, labels):
        super().__init__()
        self.images, self.labels = images, labels
        self.random = np.random.default_rng(0)
        self.on_epoch_end()

    def __len__(self):
        return -(-len(self.images) // BATCH)

    def __getitem__(self, number):
        rows = self.order[number * BATCH : (number + 1) * BATCH]
        return self.images[rows], self.labels[rows]

    def on_epoch_end(self):
        """Draws the order of the next epoch."""
        self.order = self.random.permutation(len(self.images))


def moving():
    """Layers that rotate and shift an image a little, otherwise each time."""
    filled = {'fill_mode': 'nearest'}
    return [layers.RandomTranslation(0.07, 0.07, **filled), layers.RandomRotation(0.02, **filled)]


def weights_of(model):
    """The weights as {name: float16 array}, names in their order."""
    return {f'{i:04d}': array.astype(np.float16) for i, array in enumerate(model.get_weights())}


def look(judge, images, batch=500):
    """Features (N, D) and class probabilities (N, K) of uint8 images (N, H, W, C)."""
    pieces = datasets.parts(images, BATCHES * batch)
    found = [judge.look.predict(piece, batch_size=batch, verbose=0) for piece in pieces]
    return [np.concatenate(part) for part in zip(*found, strict=True)]


def accuracy(judge, images, labels):
    """Share of the images whose most probable class is their label."""
    return float(np.mean(look(judge, images)[1].argmax(axis=1) == labels))
