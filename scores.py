"""The scores by name: what each is taken of, how few images will do, how a table shows it.

A score measures a `Row`: the samples of a run, or real images in their place. Samples are compared
with the test split, which no run was trained on. All rows share a `Bench`, the data and the judge.
Nothing is drawn, looked at or restored before a score asks for it.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

import datasets
import metrics
import runs
from generate import restore

VERSION = 2  # raised by whatever changes a score
CONFIDENCE = 0.9
LEAST = 100  # samples, for any score
FEW = 2000  # test images; FID and its kin against fewer come with a warning
SHOWN = 8  # samples with their neighbours in the figure
NEIGHBOURS = 5
SEARCHED = 2000  # samples, and test images, whose nearest training image is looked for
HELD_OUT = 10  # one in so many test images chooses the Parzen windows' sigma
TRAINING = 'training images'


class NotApplicable(Exception):
    """A score has no meaning for this row; the message says why, in a few words."""


class Pictures:
    """uint8 images (N, H, W, C), and what the judge sees in them."""

    def __init__(self, images, judge):
        self.images, self.judge = np.asarray(images), judge

    def __len__(self):
        return len(self.images)

    @functools.cached_property
    def pixels(self):
        """Points (N, H W C) in [0, 1], float32."""
        return self.images.reshape(len(self.images), -1).astype(np.float32) / 255

    @property
    def features(self):
        """(N, D); raises NotApplicable where there is no judge."""
        return self._seen[0]

    @property
    def probabilities(self):
        """(N, K); raises NotApplicable where there is no judge."""
        return self._seen[1]

    @functools.cached_property
    def _seen(self):
        from metrics.classifier import look

        if self.judge is None:
            raise NotApplicable('the data have no classes to train a classifier on')
        return look(self.judge, self.images)


class Bench:
    """What all rows are measured against: the data, their judge (or None), a number, a seed.

    `training(count)` are the training images that a run of this --train_size sees, and
    `test_distances(count)` the distance of each test image to the nearest of them.
    """

    def __init__(self, data, judge, num_samples, seed):
        self.data, self.judge, self.num_samples, self.seed = data, judge, num_samples, seed
        self.training = functools.cache(self._training)
        self.test_distances = functools.cache(self._test_distances)

    @functools.cached_property
    def real(self):
        """At most as many test images as there are samples: what samples are compared with."""
        images, _ = datasets.subset(self.data.test_images, self.data.test_labels, self.num_samples)
        return Pictures(images, self.judge)

    @functools.cached_property
    def threshold(self):
        """Distance of the nearest two training images that are not equal."""
        return metrics.nearest_pair(self.training(self.num_samples).pixels)

    @functools.cached_property
    def centroids(self):
        """Centroids of the training images, one for every ten samples, as far as they go."""
        from sklearn.cluster import MiniBatchKMeans

        everything = self.training(len(self.data.train_images)).pixels
        count = min(self.num_samples // 10, len(everything))
        means = MiniBatchKMeans(count, random_state=self.seed, n_init=1)
        centres = means.fit(everything).cluster_centers_.clip(0, 1)
        shape = self.data.test_images.shape[1:]
        images = np.rint(255 * centres).astype(np.uint8).reshape(-1, *shape)
        return Pictures(images, self.judge)

    def _training(self, count):
        images, _ = datasets.subset(self.data.train_images, self.data.train_labels, count)
        return Pictures(images, self.judge)

    def _test_distances(self, count):
        searched = self.real.pixels[:SEARCHED]
        return metrics.nearest(searched, self.training(count).pixels)[0][:, 0]


class Row:
    """What a row of the table is measured on: here real images in the place of samples.

    Attributes:
      name: in the table.
      bench: the `Bench`.
      run, model: those whose samples they are, or None.
      only: the one score that is taken of them, or None for all.
      train_size: number of training images to search for copies.
    """

    run = model = None

    def __init__(self, name, bench, pictures, only=None):
        """Of the `Pictures` that `pictures()` gives."""
        self.name, self.bench, self.only, self._pictures = name, bench, only, pictures
        self.train_size = len(bench.data.train_images)

    @functools.cached_property
    def pictures(self):
        """The `Pictures` to be measured."""
        return self._pictures()


class RunRow(Row):
    """Samples of a run, drawn when they are first asked for."""

    def __init__(self, run, arrays, bench):
        """Of a run, at the checkpoint {name: array}."""
        super().__init__(run.path.resolve().name, bench, self._draw)
        self.run, self.arrays = run, arrays
        self.train_size = run.config['flags']['train_size']

    def identity(self):
        """The step and the digest of the checkpoint."""
        return {'step': int(self.arrays['step']), 'checkpoint': runs.digest(self.arrays)}

    @functools.cached_property
    def model(self):
        """The run's model."""
        return restore(self.run, self.run.config, self.arrays)

    def _draw(self):
        from loop import draw

        latents = self.model.latents(self.bench.num_samples, self.bench.seed)
        return Pictures(draw(self.model, latents), self.bench.judge)


def reference_rows(bench, names):
    """Training images in the place of samples, and what shows the worth of a Parzen window."""
    rows = [Row(TRAINING, bench, lambda: bench.training(bench.num_samples))]
    if 'parzen' in names:
        rows.append(Row('k-means centroids', bench, lambda: bench.centroids, only='parzen'))
    return rows


def measure(name, row):
    """The numbers {key: value} of a score.

    Raises:
      NotApplicable: the score has no meaning for this row, or its images are too few.
    """
    if row.only not in (None, name):
        raise NotApplicable(f'scored by {row.only} alone')
    needed = least(name, row.bench.judge)
    if row.run is None and len(row.pictures) < needed and row.only is None:
        raise NotApplicable(f'{len(row.pictures)} images are too few, it takes {needed}')
    if SCORES[name].compares and len(row.bench.real) < LEAST:
        raise NotApplicable(f'{len(row.bench.real)} test images are too few, it takes {LEAST}')
    numbers = SCORES[name].measure(row)
    if not all(np.all(np.isfinite(value)) for value in numbers.values()):
        raise NotApplicable('infinite, or no number')
    return numbers


def finished(name, row, sheet):
    """Whether a sheet has the score, and the run the picture that belongs to it."""
    picture = SCORES[name].picture
    return name in sheet['scores'] and not (picture and not (row.run.path / picture).exists())


def least(name, judge):
    """Samples that a score needs when features are as long as this judge's."""
    return SCORES[name].least(judge.look.output_shape[0][-1] if judge else 0)


def coverage(row):
    """Which classes are drawn; not by Inception, which knows others than the data's."""
    if row.bench.judge and row.bench.judge.accuracy is None:
        raise NotApplicable("this judge's classes are not the data's")
    probabilities = row.pictures.probabilities
    return metrics.mode_coverage(probabilities, row.bench.data.test_labels, CONFIDENCE)._asdict()


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
    test = np.random.default_rng(0).permutation(row.bench.real.pixels)
    held_out, samples = len(test) // HELD_OUT, row.pictures.pixels
    if not held_out:
        raise NotApplicable(f'{len(test)} test images are too few, it takes {HELD_OUT}')
    sigma = metrics.choose_sigma(samples, test[:held_out])
    densities = metrics.parzen_log_densities(samples, test[held_out:], sigma)
    return {'nats': float(densities.mean()), 'error': standard_error(densities), 'sigma': sigma}


def duplicates(row):
    """Pairs of samples nearer than any two different real images, and the support they tell."""
    return metrics.birthday_test(row.pictures.pixels, row.bench.threshold)._asdict()


def memorisation(row):
    """Distances to the nearest image that the run was trained on, against the test images'."""
    if row.name == TRAINING:
        raise NotApplicable('they are what is searched')
    trained = row.bench.training(row.train_size).pixels
    distances = metrics.nearest(row.pictures.pixels[:SEARCHED], trained)[0][:, 0]
    return metrics.memorisation(distances, row.bench.test_distances(row.train_size))._asdict()


def sharpness(row):
    """Sharpness relative to the test images'."""
    return {'ratio': metrics.sharpness(row.pictures.images, row.bench.real.images)}


def of_model(name):
    """The score of this name in `likelihoods`, which is of a model and not of images."""

    def take(row):
        import likelihoods

        if row.model is None:
            raise NotApplicable('images have no model')
        return getattr(likelihoods, name)(row)

    return take


def neighbours(row):
    """neighbours.png: samples, and the training images nearest in pixels and in features."""
    from figures import draw_neighbours

    if row.run is None:
        raise NotApplicable('drawn for runs alone')
    trained, shown = row.bench.training(row.train_size), row.pictures.images[:SHOWN]
    pairs = (row.pictures.pixels, trained.pixels), (row.pictures.features, trained.features)
    found = [metrics.nearest(points[:SHOWN], others, NEIGHBOURS) for points, others in pairs]
    draw_neighbours(row.run.path / 'neighbours.png', shown, trained.images, found)
    return {'mean_pixel_distance': float(found[0][0].mean())}


def named(values, *names):
    """{name: value}."""
    return dict(zip(names, values, strict=True))


def standard_error(values):
    """Standard error of the mean of (N,) values."""
    return float(np.std(values, ddof=1, dtype=np.float64) / np.sqrt(len(values)))


class Score(NamedTuple):
    """How a score is taken and shown.

    Attributes:
      measure: `Row` -> {key: number or list of numbers}, or raises NotApplicable.
      columns: {title: function of these numbers -> cell}.
      least: length of the features -> samples that it takes.
      picture: name of the file that it leaves in the run, or None.
      compares: whether it compares the distribution of samples with that of the test images.
    """

    measure: Callable
    columns: dict
    least: Callable = lambda width: LEAST
    picture: str | None = None
    compares: bool = False


PLUS_MINUS = '{mean:.3f} +- {std:.3f}'.format_map
BITS = '{negative_elbo:.2f} = {kl:.2f} + {reconstruction:.2f} ({bits_per_dimension:.4f})'
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
    'inception_score': Score(inception_score, {'Inception score': PLUS_MINUS}),
    'fid': Score(
        fid,
        {'FID': '{fid:.2f}'.format_map},
        lambda width: max(LEAST, width + 1),
        compares=True,
    ),
    'kid': Score(kid, {'KID': PLUS_MINUS}, compares=True),
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
    'duplicates': Score(
        duplicates, {'duplicates': '{pairs}'.format_map, 'support from': '{support:.2g}'.format_map}
    ),
    'memorisation': Score(
        memorisation,
        {
            'distance to training images': '{ratio:.3f}'.format_map,
            'nearer than test': '{nearer:.1%}'.format_map,
        },
    ),
    'sharpness': Score(sharpness, {'sharpness': '{ratio:.3f}'.format_map}),
    'parzen': Score(parzen, {'Parzen (nats)': '{nats:.1f} +- {error:.1f}'.format_map}),
    'elbo': Score(of_model('elbo'), {'-ELBO, grey = KL + error, nats (bits/dim)': BITS.format_map}),
    'elbo_binarized': Score(
        of_model('elbo_binarized'),
        {'-ELBO, binarized = KL + error, nats (bits/dim)': BITS.format_map},
    ),
    'bound': Score(
        of_model('bound'),
        {
            '-log p, binarized, k = 5000 (nats)': '{nats:.2f} +- {error:.2f}'.format_map,
            'gap to ELBO': '{gap:.2f}'.format_map,
        },
    ),
    'log_likelihood': Score(
        of_model('log_likelihood'), {'-log p (nats)': '{nats:.2f} +- {error:.2f}'.format_map}
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
}
