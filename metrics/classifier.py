"""The classifier that judges samples: a small convolutional network, one for each data set.

Trained once on the training split, then kept beside the decoded data under its fingerprint.
"""

import os
from pathlib import Path

import keras
import numpy as np
from keras import layers

from runs import atomic

VERSION = 1  # raised by whatever changes its weights
EPOCHS = 6
BATCH = 128


def classifier(data, data_hash):
    """The classifier of a `datasets.Dataset`, from the cache or trained now (minutes).

    Args:
      data: images (N, H, W, C) uint8 with labels.
      data_hash: fingerprint of `data`, under which the classifier is kept.

    Returns:
      (keras model from uint8 images to K logits, its accuracy on the test split).
    """
    base = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache')
    path = base / 'generative-models' / f'classifier-{VERSION}-{data_hash[:24]}.keras'
    if path.is_file():
        model = keras.models.load_model(path)
    else:
        model = train(data)
        with atomic(path) as temporary:
            model.save(temporary)
    return model, accuracy(model, data.test_images, data.test_labels)


def network(image_shape, classes):
    """Two convolutions with pooling, a dense layer with dropout, K logits."""
    return keras.Sequential(
        [
            keras.Input(image_shape),
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, 3, activation='relu'),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation='relu'),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(128, activation='relu'),
            layers.Dropout(0.4),
            layers.Dense(classes),
        ]
    )


def train(data):
    """A network trained on the training split, its rate falling to zero along a cosine."""
    keras.utils.set_random_seed(0)
    model = network(data.train_images.shape[1:], len(data.class_names))
    steps = EPOCHS * -(-len(data.train_images) // BATCH)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    print(f'Training the classifier: {EPOCHS} epochs of {len(data.train_images)} images.')
    images, labels = np.asarray(data.train_images), np.asarray(data.train_labels)
    model.fit(images, labels, batch_size=BATCH, epochs=EPOCHS, verbose=2)
    return model


def probabilities(model, images, batch=500):
    """Class probabilities (N, K) of uint8 images (N, H, W, C)."""
    logits = model.predict(np.asarray(images), batch_size=batch, verbose=0)
    return keras.ops.convert_to_numpy(keras.ops.softmax(logits))


def accuracy(model, images, labels):
    """Share of the images whose likeliest class is their label."""
    return float(np.mean(probabilities(model, images).argmax(axis=1) == labels))
