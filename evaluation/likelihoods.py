"""Likelihoods and codes that a model gives the test images.

Every random number belongs to an image, so that no score depends on how images are batched. Grey
pixels x in [0, 1] are no outcomes of Bernoulli variables, so their "likelihood" is none; it is what
the post trains on. Binarized images are outcomes, drawn once for all models with probability x.
"""

import functools
import sys

import numpy as np
import tensorflow as tf
from tqdm import tqdm

import datasets
from evaluation import figures, metrics
from evaluation.rows import NotApplicable
from models.shared.noise import normal
from models.shared.pixels import from_uint8

BATCH = 500
CODES_STEP, PRIOR_STEP, WEIGHTS_STEP = -2, -3, -4  # apart from those of training and of samples
DRAWS = 5000  # codes an image, the k of the bound
DRAWS_A_CALL = 500  # bounds the memory
SMALLEST = 1e-18  # standard deviation; where one underflows to zero, its logarithm must not fail
BOUNDED = 1000  # test images of which the bound is taken


def elbo(row):
    """Negative ELBO of the test images' grey values and its two terms, in nats an image."""
    return _elbo(row, row.bench.data.test_images)


def elbo_binarized(row):
    """The same of the binarized test images, of which it is a likelihood's bound."""
    return _elbo(row, binarized(row.bench.data.test_images))


def bound(row):
    """The bound with the draws of the paper."""
    return bound_of(row, DRAWS)


def bound_of(row, draws):
    """Negative importance-weighted bound of binarized test images, in nats an image.

    `draws` is k, the number of codes drawn for each image.
    `gap` is its distance from the ELBO of the same draws, an estimate from below of
    KL(q(z given x) || p(z given x)) that is exact for k to infinity.
    """
    model = likelihood_model(row)
    data = row.bench.data
    images, _ = datasets.subset(binarized(data.test_images), data.test_labels, BOUNDED)
    progress = tqdm(images, unit='img', leave=False, disable=not sys.stderr.isatty())
    weigh = functools.partial(log_weights, model, compile_weigher(model), k=draws)
    rows = (weigh(image, [row.bench.seed, WEIGHTS_STEP - i]) for i, image in enumerate(progress))
    found = np.array([(metrics.importance_weighted_bound(r), r.mean()) for r in rows])
    gap, nats = float(np.mean(found[:, 0] - found[:, 1])), float(-found[:, 0].mean())
    numbers = {'nats': nats, 'error': metrics.standard_error(found[:, 0]), 'gap': gap}
    return numbers | {'k': draws, 'images': len(images)}


def log_likelihood(row):
    """Exact negative log-likelihood of the test images, in nats an image."""
    if not hasattr(row.model, 'log_prob'):
        raise NotApplicable('the model has no exact likelihood')
    images = from_uint8(row.bench.data.test_images, row.model.value_range)
    values = np.concatenate([row.model.log_prob(part) for part in batches(images)])
    nats = -float(values.mean(dtype=np.float64))
    bits = metrics.bits_per_dimension(nats, images.shape[1:])
    return {'nats': nats, 'error': metrics.standard_error(values), 'bits_per_dimension': bits}


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
    if not hasattr(row.model, 'encode'):
        raise NotApplicable('the model has no encoder')
    return row.model


def stochastic(row):
    """The row's model, if its codes have a distribution; raises NotApplicable if not."""
    if not hasattr(autoencoder(row), 'terms'):
        raise NotApplicable('the model has no prior and its codes no noise')
    return row.model


def likelihood_model(row):
    """The row's model, if it bounds a likelihood; raises NotApplicable if not."""
    if not bounds(stochastic(row)):
        kind = row.model.options.reconstruction
        raise NotApplicable(f'--reconstruction={kind} is no likelihood')
    return row.model


def bounds(model):
    """Whether the model bounds a likelihood."""
    return hasattr(model, 'terms') and model.options.reconstruction == 'bernoulli'


def binarized(images):
    """uint8 images of 0 and 255, drawn with a pixel's grey value as probability; always the same.

    RandomState, because NumPy promises that its stream never changes.
    """
    draws = np.random.RandomState(0).random_sample(images.shape)
    return np.where(draws < images / 255, 255, 0).astype(np.uint8)


def batches(array):
    """The array in parts of BATCH rows."""
    return (array[start : start + BATCH] for start in range(0, len(array), BATCH))


@functools.lru_cache(maxsize=1)
def codes(row):
    """(mean, std, codes), each (N, D), of the test images, a code an image."""
    model = autoencoder(row)
    return encode(model, row.bench.data.test_images, row.bench.seed)


def encode(model, images, seed):
    """(mean, std, codes) of uint8 images; the code of image i depends on `seed` and i alone."""
    images = from_uint8(images, model.value_range)
    parts = [model.encode(part) for part in batches(images)]
    mean, std = (np.concatenate(part) for part in zip(*parts, strict=True))
    std = np.maximum(std, SMALLEST)
    return mean, std, mean + std * normal(mean.shape, [seed, CODES_STEP]).numpy()


def _elbo(row, images):
    model = likelihood_model(row)
    found = encode(model, images, row.bench.seed)
    whole = [from_uint8(images, model.value_range), *found]
    parts = zip(*map(batches, whole), strict=True)
    terms = [model.terms(x, model.decode(z), mean, std) for x, mean, std, z in parts]
    parts = zip(*terms, strict=True)
    kl, error = (float(np.concatenate(part).mean(dtype=np.float64)) for part in parts)
    bits = metrics.bits_per_dimension(kl + error, images.shape[1:])
    numbers = {'negative_elbo': kl + error, 'kl': kl, 'reconstruction': error}
    return numbers | {'bits_per_dimension': bits}


def log_weights(model, weigher, image, seed, k):
    """log p(x, z) - log q(z given x), (k,) float64, of k codes of one uint8 image (H, W, C)."""
    image = from_uint8(image[None], model.value_range)
    mean, std = model.encode(image)
    noise = normal([k, mean.shape[1]], seed)
    starts = range(0, k, DRAWS_A_CALL)
    parts = [weigher(image, mean, std, noise[i : i + DRAWS_A_CALL]) for i in starts]
    return np.concatenate(parts).astype(np.float64)


@functools.lru_cache(maxsize=1)
def compile_weigher(model):
    """Compiles the log-weights (n,) of an image (1, H, W, C) whose codes are mean + std * noise."""

    @tf.function(reduce_retracing=True)
    def weigh(image, mean, std, noise):
        codes = mean + std * noise
        logits = model.decode(codes)
        error = model.terms(tf.broadcast_to(image, tf.shape(logits)), logits, mean, std)[1]
        # The constants of the two Gaussians are equal and cancel.
        prior = -0.5 * tf.reduce_sum(tf.square(codes), axis=1)
        posterior = -0.5 * tf.reduce_sum(tf.square(noise), axis=1)
        return prior - error - posterior + tf.reduce_sum(tf.math.log(std), axis=1)

    return weigh
