"""A linear probe: how well a linear classifier tells classes by the codes or features of a model.

Alain & Bengio 2016, "Understanding intermediate layers using linear classifier probes"
(arXiv:1610.01644). The model has learned without labels; the classifier sees those of ten training
images of each class.
"""

import numpy as np
from sklearn.linear_model import LogisticRegression

from evaluation.likelihoods import batches
from models.semi_gan import labelled

LABELLED = 10  # training images of each class
DRAWS = 3  # of them, by the seeds 0, 1 and so on


def accuracies(see, data):
    """The share of test images whose class a probe tells, for each draw of labelled images.

    Args:
      see: uint8 images (N, H, W, C) -> what the probe sees of them, (N, D).
      data: a `datasets.Dataset`.

    Raises:
      InputError: a class has too few training images.
    """
    test = see(data.test_images)
    chosen = (labelled(data, LABELLED, seed) for seed in range(DRAWS))
    return [accuracy(see(few.images), few.labels, test, data.test_labels) for few in chosen]


def accuracy(points, labels, test, test_labels):
    """That of logistic regression on points (N, D), for the test's (M, D).

    The unit is the deviation of all D numbers together. Each by its own would make those of a code
    that say nothing, and hardly vary, as loud as the others.
    """
    unit = points.std() or 1.0
    probe = LogisticRegression(max_iter=1000).fit(points / unit, labels)
    return probe.score(test / unit, test_labels)


def pixels(images):
    """What a probe sees without a model: uint8 images (N, H, W, C) as (N, H W C) in [0, 1]."""
    return images.reshape(len(images), -1) / 255


def sight(model):
    """What a model sees, as `accuracies` takes it: mean codes, or features where it has no codes.

    None where it has neither, or is told the label with the image.
    """
    if model.given == 'labels' or not (model.offers('encode') or model.offers('features')):
        return None

    def see(images):
        parts = batches(model, images, np.zeros(len(images), int))
        return np.concatenate([seen(model, part) for part in parts]).astype(np.float32)

    return see


def seen(model, batch):
    """Mean codes or features (N, D) of a `Batch`."""
    return model.encode(batch)[0] if model.offers('encode') else model.features(batch.images)
