"""Computes the scores of runs, and keeps those that are finished."""

import difflib
import sys
import time

from tqdm import tqdm

import datasets
from evaluation import results, scores
from evaluation.rows import Bench, NotApplicable, RunRow, reference_rows
from models.shared.declarations import usual_drawing
from runs.restore import checkpoint
from support import backend
from support.errors import InputError


def evaluate(judged, names, num_samples, seed, features='classifier', data_dir=None, drawings=None):
    """Computes the scores `names` of runs of one data set; finished ones are not computed again.

    Args:
      judged: the runs.
      names: of scores, keys of `scores.SCORES`.
      num_samples: per run.
      seed: of the samples and of all other random numbers.
      features: 'classifier' or 'inception'.
      data_dir: of tensorflow-datasets; by default the first run's.
      drawings: {drawing flag: value} for each run's model; by default what it declares.

    Returns:
      (name, result) of real images and of each run.

    Raises:
      InputError: a run has no checkpoint, the data are not its own, or there are too few samples.
    """
    data, data_hash = load(judged, data_dir)
    checkpoints = [checkpoint(run) for run in judged]
    told = f'scores: {", ".join(names)}; {num_samples:,} samples per run'
    print(told, file=sys.stderr, flush=True)
    backend.load_tensorflow()
    with backend.quiet():
        judge = hire(features, data, data_hash, judged[0].config['settings']['dataset'])
    check_number(names, judge, num_samples)
    bench = Bench(data, judge, num_samples, seed)
    drawings = drawings or [usual_drawing(run.config['model']) for run in judged]
    parts = zip(judged, checkpoints, drawings, strict=True)
    drawn = [RunRow(run, arrays, bench, drawing) for run, arrays, drawing in parts]
    return take(drawn, bench, conditions_of(features, data_hash, bench), names)


def known(names):
    """The names of scores, each once; raises InputError for a name that is not a score."""
    for name in names:
        if name not in scores.SCORES:
            near = difflib.get_close_matches(name, scores.SCORES, cutoff=0.5)
            told = f' (did you mean {" or ".join(near)}?)' if near else ''
            raise InputError(f'--metrics: {name!r} is not a score{told}; --help lists them')
    return list(dict.fromkeys(names))


def conditions_of(features, data_hash, bench):
    """Everything that the scores of all rows depend on."""
    judge = bench.judge
    conditions = {'version': scores.VERSION, 'data_hash': data_hash, 'features': features}
    conditions |= {'classifier': judge and judge.digest, 'accuracy': judge and judge.accuracy}
    conditions |= {'num_samples': bench.num_samples, 'seed': bench.seed}
    return conditions | {'test_images': len(bench.real)}


def load(judged, data_dir):
    """The whole data set of the runs and its hash; InputError if the runs had other data."""
    settings = judged[0].config['settings']
    place = data_dir or settings['data_dir']
    data = datasets.load(settings['dataset'], place, settings['image_size'])
    data_hash = datasets.fingerprint(data)
    judged[0].check_data(data_hash)
    return data, data_hash


def hire(features, data, data_hash, dataset):
    """The `Judge` that --features names, or None for data of a single class."""
    if features == 'inception':
        from evaluation.judges.inception import inception

        return inception(data.test_images.shape[1:])
    from evaluation.judges.classifier import classifier

    return classifier(data, data_hash, dataset) if len(data.class_names) > 1 else None


def check_number(names, judge, num_samples):
    """Raises InputError if a score needs more samples."""
    for name in names:
        needed = scores.least(name, judge)
        if num_samples < needed:
            remedy = f'give at least {needed}, or choose other scores with --metrics'
            raise InputError(f'--num_samples={num_samples}: too few for {name}; {remedy}')


def take(drawn, bench, conditions, names):
    """(row, result) pairs of real images and of the `RunRow`s; each finished score is saved."""
    old = results.read(drawn[0].run).get('references', {})
    real = reference_rows(bench, names)
    found = {row: results.revive(old.get(row.name, {}), conditions) for row in real}
    references = {name: kept for name, kept in old.items() if kept.get('conditions') == conditions}
    references |= {row.name: found[row] for row in real}
    for row in drawn:
        found[row] = results.revive(results.read(row.run), conditions | row.identity())
    tasks = [(r, n) for r in found for n in names if not scores.finished(n, r, found[r])]
    for row, name in watched(tasks, found):
        try:
            found[row]['scores'][name] = scores.measure(name, row)
        except NotApplicable as why:
            found[row]['reasons'][name] = str(why)
        owner = row if row.run else drawn[0]
        results.save(owner.run, found[owner], references)
    for row in drawn:
        results.save(row.run, found[row], references)
    return [(row.name, found[row]) for row in found]


def watched(tasks, found):
    """Yields the (row, name) of scores and shows progress: a bar on a terminal, else lines.

    A line names a score that is in `found` by then, and its time.
    """
    bar = tqdm(tasks, unit='score', leave=False, disable=not sys.stderr.isatty())
    for row, name in bar:
        bar.set_description(f'{name} of {row.name}')
        began = time.monotonic()
        yield row, name
        if bar.disable and name in found[row]['scores']:
            seconds = time.monotonic() - began
            print(f'{row.name}: {name} {seconds:.1f} s', file=sys.stderr, flush=True)
