"""The scores by name: how each is taken of a row, how few images will do, how a table shows it."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from evaluation import metrics
from evaluation.points import as_points
from evaluation.rows import SEARCHED, TRAINING, NotApplicable, Pictures

VERSION = 4  # raised by whatever changes a score
CONFIDENCE = 0.9
LEAST = 100  # samples, for any score
FEW = 2000  # test images; FID and its kin against fewer come with a warning
SHOWN = 8  # samples with their neighbours in the figure
NEIGHBOURS = 5
PAIRS = 10  # classes with their nearest pairs in the figure
NO_LIKELIHOOD = 'no likelihood'
HELD_OUT = 10  # one in so many test images chooses the Parzen windows' sigma


def measure(name, row):
    """The numbers {key: value} of a score.

    Raises:
      NotApplicable: the score has no meaning for this row, or its images are too few.
    """
    if row.only not in (None, name):
        raise NotApplicable(f'only {row.only} is taken of these images')
    needed = least(name, row.bench.judge)
    if row.run is None and len(row.pictures) < needed and row.only is None:
        raise NotApplicable(f'{len(row.pictures)} images are too few, it takes {needed}')
    if SCORES[name].compares and len(row.bench.real) < LEAST:
        raise NotApplicable(f'{len(row.bench.real)} test images are too few, it takes {LEAST}')
    numbers = SCORES[name].measure(row)
    if not all(np.all(np.isfinite(value)) for value in numbers.values()):
        raise NotApplicable('infinite, or no number')
    return numbers


def finished(name, row, result):
    """Whether a result has the score, and the run the picture that belongs to it."""
    picture = SCORES[name].picture
    return name in result['scores'] and not (picture and not (row.run.path / picture).exists())


def least(name, judge):
    """Samples that a score needs when features are as long as this judge's."""
    return SCORES[name].least(judge.look.output_shape[0][-1] if judge else 0)


def coverage(row):
    """Which classes are drawn; not by Inception, which knows others than the data's."""
    if row.bench.judge and row.bench.judge.accuracy is None:
        raise NotApplicable("this judge's classes are not the data's")
    probabilities = row.pictures.probabilities
    return metrics.mode_coverage(probabilities, row.bench.data.test_labels, CONFIDENCE)._asdict()


def class_accuracy(row):
    """How often the judge sees the class that the model was asked for, each as often."""
    if row.model is None or row.model.given != 'labels':
        raise NotApplicable('no class can be asked for')
    if row.bench.judge and row.bench.judge.accuracy is None:
        raise NotApplicable("this judge's classes are not the data's")
    from runs.drawing import paint

    labels = np.arange(row.bench.num_samples) % row.model.classes
    images = paint(row.model, len(labels), row.bench.seed, labels, drawing=row.drawing)
    right = Pictures(images, row.bench.judge).probabilities.argmax(axis=1) == labels
    return {'share': float(right.mean()), 'error': metrics.standard_error(right)}


def shares(numbers):
    """The share of each class in percent."""
    counts = numbers['histogram']
    return ' '.join(f'{100 * count / sum(counts):.1f}' for count in counts)


def inception_score(row):
    """Mean and deviation of the Inception score."""
    return named(metrics.inception_score(row.pictures.probabilities), 'mean', 'std')


def fid(row):
    """FID from the test images."""
    return {'fid': metrics.fid(row.bench.real.features, row.pictures.features)}


def kid(row):
    """KID from the test images."""
    scores = metrics.kid(row.bench.real.features, row.pictures.features, seed=row.bench.seed)
    return named(scores, 'mean', 'std')


def precision_recall(row):
    """Precision and recall, features against the test images'."""
    scores = metrics.precision_recall(row.bench.real.features, row.pictures.features)
    return named(scores, 'precision', 'recall')


def density_coverage(row):
    """Density and coverage, features against the test images'."""
    scores = metrics.density_coverage(row.bench.real.features, row.pictures.features)
    return scores._asdict()


def parzen(row):
    """Parzen-window log-likelihood of nine in ten test images; the tenth chooses sigma."""
    images, samples = row.bench.real.images, row.pictures.pixels
    order, held_out = np.random.default_rng(0).permutation(len(images)), len(images) // HELD_OUT
    if not held_out:
        raise NotApplicable(f'{len(images)} test images are too few, it takes {HELD_OUT}')
    sigma = metrics.choose_sigma(samples, as_points(images[order[:held_out]]))
    test = as_points(images[order[held_out:]])
    densities = metrics.parzen_log_densities(samples, test, sigma)
    return {
        'nats': float(densities.mean()),
        'error': metrics.standard_error(densities),
        'sigma': sigma,
    }


def memorisation(row):
    """Distances to the nearest image that the run was trained on, against the test images'."""
    if row.name == TRAINING:
        raise NotApplicable('they are what is searched')
    trained = row.bench.training(row.train_size).pixels
    distances = metrics.nearest(row.pictures.pixels[:SEARCHED], trained)[0][:, 0]
    return metrics.memorisation(distances, row.bench.test_distances(row.train_size))._asdict()


def percent(key):
    """What shows {`key`: a share, 'error': its standard error} in percent."""
    return lambda numbers: f'{numbers[key]:.1%} +- {100 * numbers["error"]:.1f}'


def sharpness(row):
    """Sharpness relative to the test images'."""
    return {'ratio': metrics.sharpness(row.pictures.images, row.bench.real.images)}


def terms(numbers):
    """A negative ELBO as its two terms, with bits a dimension if it bounds a likelihood."""
    sums = '{negative_elbo:.2f} = {kl:.2f} + {reconstruction:.2f}'.format_map(numbers)
    bits = numbers.get('bits_per_dimension')
    return f'{sums} ({NO_LIKELIHOOD if bits is None else f"{bits:.4f} bits/dim"})'


def of_model(name):
    """The score of this name in `likelihoods`, which is of a model and not of images."""

    def take(row):
        from evaluation import likelihoods

        if row.model is None:
            raise NotApplicable('images have no model')
        return getattr(likelihoods, name)(row)

    return take


def neighbours(row):
    """neighbours.png: samples, and the training images nearest in pixels and in features."""
    from evaluation.figures import draw_neighbours

    if row.run is None:
        raise NotApplicable('drawn for runs alone')
    trained, shown = row.bench.training(row.train_size), row.pictures.images[:SHOWN]
    pairs = (row.pictures.pixels, trained.pixels), (row.pictures.features, trained.features)
    found = [metrics.nearest(points[:SHOWN], others, NEIGHBOURS) for points, others in pairs]
    draw_neighbours(row.run.path / 'neighbours.png', shown, trained.images, found)
    return {'mean_pixel_distance': float(found[0][0].mean())}


def pairs(row):
    """pairs.png: of each class the two samples, and the two training images, that are nearest.

    The birthday test of Arora, Risteski & Zhang 2018 (arXiv:1706.08224; the version of 2017 is by
    Arora & Zhang), in which people judge whether the nearest samples show the same: duplicates
    among n samples speak for about n^2 different ones, or fewer. No distance can judge in their
    place: blur or less contrast alone brings different images as near as duplicates are.
    """
    from evaluation.figures import draw_pairs

    if row.run is None:
        raise NotApplicable('drawn for runs alone')
    real, count = row.bench.training(row.bench.num_samples), np.bincount(row.pictures.classes)
    shown = [kind for kind in np.sort(np.argsort(-count)[:PAIRS]) if count[kind] > 1]
    if not shown:
        raise NotApplicable('no class has two samples')
    samples, known = ([pair_of(p, kind) for kind in shown] for p in (row.pictures, real))
    names = [row.bench.data.class_names[kind] for kind in shown]
    draw_pairs(row.run.path / 'pairs.png', names, samples, known)
    return {'smallest_distance': min(distance for _, distance, _ in samples)}


def pair_of(pictures, kind):
    """(images (2, H, W, C), distance, number) of a class, as `draw_pairs` takes them."""
    own = np.flatnonzero(pictures.classes == kind)
    if len(own) < 2:
        return None
    distance, pair = metrics.nearest_pair(pictures.pixels[own])
    return pictures.images[own[pair]], distance, len(own)


def named(values, *names):
    """{name: value}."""
    return dict(zip(names, values, strict=True))


class Score(NamedTuple):
    """How a score is taken and shown.

    Attributes:
      measure: `Row` -> {key: number or list of numbers}, or raises NotApplicable.
      columns: {title: function of these numbers -> cell}.
      least: length of the features -> samples that it takes.
      picture: name of the file that it leaves in the run, or None.
      compares: whether it compares the distribution of samples with that of the test images.
      note: a line below the table: what its "+-" is, what its words mean.
    """

    measure: Callable
    columns: dict
    least: Callable = lambda width: LEAST
    picture: str | None = None
    compares: bool = False
    note: str = ''


PLUS_MINUS = '{mean:.3f} +- {std:.3f}'.format_map
BOUND = '{nats:.2f} +- {error:.2f} ({levels} levels)'
EXACT = '{nats:.2f} +- {error:.2f} ({bits_per_dimension:.4f} bits/dim; {levels} levels)'
SCORES = {
    'coverage': Score(
        coverage,
        {
            'classes': '{present}'.format_map,
            'class KL': '{kl:.3f}'.format_map,
            f'sure ({CONFIDENCE})': '{sure:.1%}'.format_map,
            'share of each class (%)': shares,
        },
    ),
    'class_accuracy': Score(
        class_accuracy,
        {'class asked for': percent('share')},
        note='Class asked for +-: standard error over the samples.',
    ),
    'inception_score': Score(
        inception_score,
        {'Inception score': PLUS_MINUS},
        note='Inception score +-: standard deviation over 10 parts of the samples.',
    ),
    'fid': Score(
        fid,
        {'FID': '{fid:.2f}'.format_map},
        lambda width: max(LEAST, width + 1),
        compares=True,
    ),
    'kid': Score(
        kid,
        {'KID': PLUS_MINUS},
        compares=True,
        note='KID +-: standard deviation over 100 subsets of at most 1,000 images.',
    ),
    'precision_recall': Score(
        precision_recall,
        {'precision': '{precision:.3f}'.format_map, 'recall': '{recall:.3f}'.format_map},
        compares=True,
    ),
    'density_coverage': Score(
        density_coverage,
        {'density': '{density:.3f}'.format_map, 'coverage': '{coverage:.3f}'.format_map},
        compares=True,
    ),
    'memorisation': Score(
        memorisation,
        {
            'distance to training images': '{ratio:.3f}'.format_map,
            'nearer than test': percent('nearer'),
        },
        note='Nearer than test +-: standard error over the samples and test images compared.',
    ),
    'sharpness': Score(sharpness, {'sharpness': '{ratio:.3f}'.format_map}),
    'parzen': Score(
        parzen,
        {'Parzen (nats)': '{nats:.1f} +- {error:.1f}'.format_map},
        note='Parzen +-: standard error over the test images, for these samples.',
    ),
    'elbo': Score(
        of_model('elbo'),
        {'-ELBO, grey = KL + error (nats)': terms},
        note=f'({NO_LIKELIHOOD}): of grey pixels; it bounds the mean -log p of black and white '
        'ones drawn by them.',
    ),
    'elbo_binarized': Score(
        of_model('elbo_binarized'), {'-ELBO, binarized = KL + error (nats)': terms}
    ),
    'bound': Score(
        of_model('bound'),
        {
            '-log p by k = 5000 codes (nats)': BOUND.format_map,
            'gap to ELBO': '{gap:.2f}'.format_map,
        },
        note='-log p by codes +-: standard error over the test images, at most 1,000.',
    ),
    'log_likelihood': Score(
        of_model('log_likelihood'),
        {'-log p (nats)': EXACT.format_map},
        note='-log p +-: standard error over the test images.',
    ),
    'gaussian_kl': Score(of_model('gaussian_kl'), {'codes: Gaussian KL': '{nats:.2f}'.format_map}),
    'mmd': Score(of_model('mmd'), {'codes: MMD': '{mmd:.5f}'.format_map}),
    'index_code': Score(
        of_model('index_code'),
        {
            'codes: information (ceiling)': '{information:.2f} ({ceiling:.2f})'.format_map,
            'codes: marginal KL': '{marginal_kl:.2f}'.format_map,
        },
    ),
    'active_units': Score(
        of_model('active_units'),
        {'active units': '{units} of {of}'.format_map},
        picture='latent.png',
    ),
    'neighbours': Score(neighbours, {}, picture='neighbours.png'),
    'pairs': Score(pairs, {}, picture='pairs.png'),
}
