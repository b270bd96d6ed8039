"""What the scores are taken of: the samples of a run, or real images in their place.

Samples are compared with the test split, which no run was trained on. All rows share a `Bench`, the
data and the judge. Nothing is drawn, looked at or restored before a score asks for it.
"""

import functools

import numpy as np

import datasets
from evaluation import metrics
from evaluation.points import Points, as_points
from runs.restore import restore
from support import files

TRAINING = 'training images'
BATCH = 1024  # images of a step of k-means
SEARCHED = 2000  # samples, and test images, whose nearest training image is looked for


class NotApplicable(Exception):
    """A score has no meaning for this row; the message says why, in a few words."""


class Pictures:
    """uint8 images (N, H, W, C), in memory or on disk, and what the judge sees in them."""

    def __init__(self, images, judge):
        self.images, self.judge = images, judge

    def __len__(self):
        return len(self.images)

    @functools.cached_property
    def pixels(self):
        """Points (N, H W C) in [0, 1], float32: an array or, where they are many, `Points`."""
        return as_points(self.images)

    @property
    def features(self):
        """(N, D); raises NotApplicable where there is no judge."""
        return self._seen[0]

    @property
    def probabilities(self):
        """(N, K); raises NotApplicable where there is no judge."""
        return self._seen[1]

    @property
    def classes(self):
        """(N,) the class that the judge sees in each; all 0 where it knows not the data's."""
        if self.judge is None or self.judge.accuracy is None:
            return np.zeros(len(self), int)
        return self.probabilities.argmax(axis=1)

    @functools.cached_property
    def _seen(self):
        from evaluation.judges.classifier import look

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
    def centroids(self):
        """Centroids of the training images, one for every ten samples, as far as they go."""
        images = self.training(len(self.data.train_images)).images
        count = min(self.num_samples // 10, len(images))
        centres = centres_of(images, count, self.seed).clip(0, 1)
        shape = self.data.test_images.shape[1:]
        images = np.rint(255 * centres).astype(np.uint8).reshape(-1, *shape)
        return Pictures(images, self.judge)

    def _training(self, count):
        images, _ = datasets.subset(self.data.train_images, self.data.train_labels, count)
        return Pictures(images, self.judge)

    def _test_distances(self, count):
        searched = self.real.pixels[:SEARCHED]
        return metrics.nearest(searched, self.training(count).pixels)[0][:, 0]


def centres_of(images, count, seed):
    """`count` centres (count, H W C) of images, by k-means over small batches.

    Images that do not fit into memory are seen once each, in batches of a random order.
    """
    from sklearn.cluster import MiniBatchKMeans

    means, points = MiniBatchKMeans(count, random_state=seed, n_init=1), Points(images)
    if images.nbytes <= datasets.IN_MEMORY:
        return means.fit(points[:]).cluster_centers_
    order = np.random.default_rng(seed).permutation(len(points))
    for rows in np.array_split(order, max(1, len(order) // max(BATCH, 3 * count))):
        means.partial_fit(points[np.sort(rows)])
    return means.cluster_centers_


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

    def __init__(self, run, arrays, bench, drawing):
        """Of a run, at the checkpoint {name: array}, drawn with these flags of its model."""
        super().__init__(run.path.resolve().name, bench, self._draw)
        self.run, self.arrays, self.drawing = run, arrays, drawing
        self.train_size = run.config['settings']['train_size']

    def identity(self):
        """The step and the digest of the checkpoint, and how the samples are drawn."""
        checkpoint = {'step': int(self.arrays['step']), 'checkpoint': files.digest(self.arrays)}
        return checkpoint | self.drawing

    @functools.cached_property
    def model(self):
        """The run's model."""
        return restore(self.run, self.arrays)

    def _draw(self):
        from runs.drawing import draw, latents_of

        bench = self.bench
        sources = self.model.sources(bench.data, self._load)
        latents = latents_of(self.model, bench.num_samples, bench.seed, sources)
        return Pictures(draw(self.model, latents, self.drawing), bench.judge)

    def _load(self, name):
        settings, (side, *_) = self.model.settings, self.model.image_shape
        return datasets.load(name, settings.data_dir, side)


def reference_rows(bench, names):
    """Training images in the place of samples, and what shows the worth of a Parzen window."""
    rows = [Row(TRAINING, bench, lambda: bench.training(bench.num_samples))]
    if 'parzen' in names:
        rows.append(Row('k-means centroids', bench, lambda: bench.centroids, only='parzen'))
    return rows
