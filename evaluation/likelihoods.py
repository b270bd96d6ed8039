"""Likelihoods and codes that a model gives the test images.

Every random number belongs to an image, so that no score depends on how images are batched. Grey
pixels x in [0, 1] are no outcomes of Bernoulli variables: their cross-entropy is no likelihood of
them. It is the mean over all ways to draw each pixel white with probability x, so that the grey
-ELBO bounds the mean -log p of images drawn so. Binarized images are drawn so, once for all models.
"""

import functools
import sys

import numpy as np
import tensorflow as tf
from tqdm import tqdm

import datasets
from evaluation import figures, metrics
from evaluation.rows import NotApplicable
from models.shared.base import Batch
from models.shared.noise import normal
from models.shared.pixels import from_uint8

BATCH = 500
EXACT_BATCH = 100  # of models that give a distribution of 256 levels for each pixel
LEVELS = {'binarized': 2, 'levels': 256}  # of a pixel
CODES_STEP, PRIOR_STEP, WEIGHTS_STEP = -2, -3, -4  # apart from those of training and of samples
DRAWS = 5000  # codes an image, the k of the bound
DRAWS_A_CALL = 500  # bounds the memory
SMALLEST = 1e-18  # standard deviation; where one underflows to zero, its logarithm must not fail
BOUNDED = 1000  # test images of which the bound is taken


def elbo(row):
    """Negative ELBO of the test images' grey values and its two terms, in nats an image.

    It bounds a likelihood of these pixels only for a model whose likelihood is of the 256 levels.
    """
    return _elbo(row, 'levels')


def elbo_binarized(row):
    """Negative ELBO of binarized test images, of which it bounds a likelihood, in nats."""
    if bounded(row).likelihood != 'binarized':
        raise NotApplicable('its likelihood is not of black and white pixels')
    return _elbo(row, 'binarized')


def bound(row):
    """Negative importance-weighted bound of test images by 5,000 codes an image, in nats."""
    return bound_of(row, DRAWS)


def bound_of(row, draws):
    """Negative importance-weighted bound of test images, in nats an image.

    Of the pixels that the model's likelihood is of: black and white ones or the 256 levels.
    `draws` is k, the number of codes drawn for each image.
    `gap` is its distance from the ELBO of the same draws, an estimate from below of
    KL(q(z given x) || p(z given x)) that is exact for k to infinity.
    """
    model, data = bounded(row), row.bench.data
    images, labels = datasets.subset(pixels_of(model.likelihood, data), data.test_labels, BOUNDED)
    weigh = functools.partial(log_weights, model, compile_weigher(model), k=draws)
    progress = tqdm(range(len(images)), unit='img', leave=False, disable=not sys.stderr.isatty())
    found = []
    for i in progress:
        one = batch_of(model, images[i : i + 1], labels[i : i + 1])
        weights = weigh(one, [row.bench.seed, WEIGHTS_STEP - i])
        found.append((metrics.importance_weighted_bound(weights), weights.mean()))
    found = np.array(found)
    gap, nats = float(np.mean(found[:, 0] - found[:, 1])), float(-found[:, 0].mean())
    numbers = {'nats': nats, 'error': metrics.standard_error(found[:, 0]), 'gap': gap}
    return numbers | {'k': draws, 'images': len(images), 'levels': LEVELS[model.likelihood]}


def log_likelihood(row):
    """Exact negative log-likelihood of the test images, in nats an image.

    Of black and white pixels or of the 256 levels, as the model declares.
    """
    model, data = row.model, row.bench.data
    if not (model.offers('log_prob') and model.likelihood):
        raise NotApplicable('the model has no exact likelihood')
    images = pixels_of(model.likelihood, data)
    log_prob = tf.function(model.log_prob, reduce_retracing=True)
    parts = batches(model, images, data.test_labels, EXACT_BATCH)
    values = np.concatenate([log_prob(part) for part in parts])
    nats = -float(values.mean(dtype=np.float64))
    bits = metrics.bits_per_dimension(nats, images.shape[1:])
    numbers = {'nats': nats, 'error': metrics.standard_error(values), 'bits_per_dimension': bits}
    return numbers | {'levels': LEVELS[model.likelihood]}


def gaussian_kl(row):
    """Distance of the test images' codes from the prior, as Gaussians."""
    return {'nats': metrics.gaussian_kl(codes(row)[2])}


def mmd(row):
    """Distance of the test images' codes from draws of the prior, by a kernel."""
    found = codes(row)[2]
    prior = normal(found.shape, [row.bench.seed, PRIOR_STEP]).numpy()
    return {'mmd': metrics.mmd(found, prior)}


def index_code(row):
    """The mean KL of the test images, split."""
    stochastic(row)
    return metrics.index_code(*codes(row))._asdict()


def active_units(row):
    """Dimensions of the code that vary; draws latent.png, what each of them holds."""
    mean, std, _ = codes(row)
    figures.draw_latent(row.run.path / 'latent.png', mean, std)
    return {'units': metrics.active_units(mean), 'of': mean.shape[1]}


def autoencoder(row):
    """The row's model, if it has codes; raises NotApplicable if not."""
    if not row.model.offers('encode'):
        raise NotApplicable('the model has no encoder')
    return row.model


def stochastic(row):
    """The row's model, if its codes have a distribution; raises NotApplicable if not."""
    if not autoencoder(row).offers('terms'):
        raise NotApplicable('the model has no prior and its codes no noise')
    return row.model


def bounded(row):
    """The row's model, if it bounds a likelihood; raises NotApplicable if not."""
    if not bounds(stochastic(row)):
        raise NotApplicable('the model declares no likelihood of pixels')
    return row.model


def bounds(model):
    """Whether the model bounds a likelihood."""
    return model.offers('terms') and model.likelihood is not None


def pixels_of(kind, data):
    """The test images as uint8, with pixels as a model's `likelihood` names them."""
    return binarized(data.test_images) if kind == 'binarized' else data.test_images


def binarized(images):
    """uint8 images of 0 and 255, drawn with a pixel's grey value as probability; always the same.

    RandomState, because NumPy promises that its stream never changes.
    """
    random, binary = np.random.RandomState(0), np.empty(images.shape, np.uint8)
    for start in range(0, len(images), BATCH):
        part = images[start : start + BATCH]
        binary[start : start + BATCH] = 255 * (random.random_sample(part.shape) < part / 255)
    return binary


def batch_of(model, images, labels):
    """A `Batch` of uint8 images and their labels, as the model takes it."""
    return Batch(from_uint8(images, model.value_range, model.variable_dtype), labels)


def batches(model, images, labels, size=None):
    """The images and labels in batches of `size`, by default BATCH."""
    size = size or BATCH
    parts = (slice(start, start + size) for start in range(0, len(images), size))
    return (batch_of(model, images[part], labels[part]) for part in parts)


@functools.lru_cache(maxsize=1)
def codes(row):
    """(mean, std, codes), each (N, D), of the test images, a code an image."""
    data = row.bench.data
    return encode(autoencoder(row), data.test_images, data.test_labels, row.bench.seed)


def encode(model, images, labels, seed):
    """(mean, std, codes) of uint8 images; the code of image i depends on `seed` and i alone."""
    parts = [model.encode(part) for part in batches(model, images, labels)]
    mean, std = (np.concatenate(part) for part in zip(*parts, strict=True))
    std = np.maximum(std, SMALLEST)
    return mean, std, mean + std * normal(mean.shape, [seed, CODES_STEP], mean.dtype).numpy()


def _elbo(row, kind):
    """Negative ELBO of the test images with such pixels; bits where it bounds a likelihood."""
    images = pixels_of(kind, row.bench.data)
    kl, error = _terms(row, images)
    numbers = {'negative_elbo': kl + error, 'kl': kl, 'reconstruction': error}
    if kind != row.model.likelihood:
        return numbers
    bits = metrics.bits_per_dimension(kl + error, images.shape[1:])
    return numbers | {'bits_per_dimension': bits}


def _terms(row, images):
    """Means of the two terms of the model's loss, of uint8 images with the test images' labels."""
    model, labels = bounded(row), row.bench.data.test_labels
    mean, std, codes = encode(model, images, labels, row.bench.seed)
    terms, start = [], 0
    for batch in batches(model, images, labels):
        part = slice(start, start := start + len(batch.images))
        logits = model.decode(codes[part], batch.labels)
        terms.append(model.terms(batch.images, logits, mean[part], std[part]))
    together = (np.concatenate(part) for part in zip(*terms, strict=True))
    return [float(part.mean(dtype=np.float64)) for part in together]


def log_weights(model, weigher, batch, seed, k):
    """log p(x, z) - log q(z given x), (k,) float64, of k codes of a `Batch` of one image."""
    mean, std = model.encode(batch)
    noise = normal([k, mean.shape[1]], seed, mean.dtype)
    starts = range(0, k, DRAWS_A_CALL)
    parts = [
        weigher(batch.images, batch.labels, mean, std, noise[i : i + DRAWS_A_CALL]) for i in starts
    ]
    return np.concatenate(parts).astype(np.float64)


@functools.lru_cache(maxsize=1)
def compile_weigher(model):
    """Compiles the log-weights (n,) of an image (1, H, W, C) and its label (1,).

    The codes are mean + std * noise.
    """

    @tf.function(reduce_retracing=True)
    def weigh(image, label, mean, std, noise):
        codes = mean + std * noise
        logits = model.decode(codes, tf.repeat(label, tf.shape(codes)[0]))
        error = model.terms(tf.broadcast_to(image, tf.shape(logits)), logits, mean, std)[1]
        # The constants of the two Gaussians are equal and cancel.
        prior = -0.5 * tf.reduce_sum(tf.square(codes), axis=1)
        posterior = -0.5 * tf.reduce_sum(tf.square(noise), axis=1)
        return prior - error - posterior + tf.reduce_sum(tf.math.log(std), axis=1)

    return weigh
