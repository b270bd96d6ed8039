"""The FID of a contestant's model, as `evaluate.py` takes it of a run."""

import functools

import datasets
from evaluation import rows, scores
from evaluation.judges.classifier import classifier
from runs.drawing import draw, latents_of

SAMPLES, SEED = 10_000, 0


@functools.cache
def bench_of(dataset, data_dir, data_hash):
    """What samples are measured against: the whole data set, and its classifier."""
    data = datasets.load(dataset, data_dir)
    return rows.Bench(data, classifier(data, data_hash, dataset), SAMPLES, SEED)


def fid(model, bench):
    """The FID of the model's samples, all of one seed."""
    latents = latents_of(model, bench.num_samples, bench.seed, None)
    pictures = rows.Pictures(draw(model, latents), bench.judge)
    return scores.fid(rows.Row('samples', bench, lambda: pictures))['fid']
