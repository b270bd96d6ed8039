"""Scores during training, so that a collapse is noticed when it happens.

They are cheap: FID and classes of 2,000 samples and, for a model that bounds a likelihood, the
importance-weighted bound with 50 draws for each of 1,000 test images. FID falls as the number of
samples grows, so these values can be compared with one another, but not with those of evaluate.py.
"""

import datasets
from evaluation import likelihoods, rows, scores
from evaluation.judges.classifier import classifier
from runs.drawing import draw, latents_of

SAMPLES = 2000
DRAWS = 50


class Monitor:
    """Scores `model` while `run` trains it with `settings`.

    Attributes:
      names: columns of the log: eval_fid, eval_classes and eval_bound, as far as they apply.
      classes: number of classes in the data.
    """

    def __init__(self, run, settings, model, load):
        data = datasets.load(settings.dataset, settings.data_dir, settings.image_size)
        judge, self.classes = None, len(data.class_names)
        if self.classes > 1:
            judge = classifier(data, run.config['data_hash'], settings.dataset)
        self.model = model
        sources = model.sources(data, load)
        self.latents = latents_of(model, SAMPLES, settings.seed, sources)
        self.bench = rows.Bench(data, judge, SAMPLES, settings.seed)
        self.takes = {'eval_fid': fid, 'eval_classes': classes} if judge else {}
        if likelihoods.bounds(model):
            self.takes['eval_bound'] = bound
        self.names = list(self.takes)

    def scores(self):
        """{name: value} of the model as it is now."""
        pictures = rows.Pictures(draw(self.model, self.latents), self.bench.judge)
        row = rows.Row('samples', self.bench, lambda: pictures)
        row.model = self.model
        return {name: take(row) for name, take in self.takes.items()}


def fid(row):
    """FID of the samples from 2,000 test images."""
    return scores.fid(row)['fid']


def classes(row):
    """How many classes are drawn."""
    return scores.coverage(row)['present']


def bound(row):
    """Negative importance-weighted bound of binarized test images, in nats an image."""
    return likelihoods.bound_of(row, DRAWS)['nats']
