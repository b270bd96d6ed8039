"""Takes scores of runs, keeps what is finished."""

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
    """Takes the scores `names` of runs of one data set; finished ones are not taken again.

    Args:
      judged: the runs.
      names: of scores, keys of `scores.SCORES`.
      num_samples: of each run.
      seed: of the samples and of all that is drawn.
      features: 'classifier' or 'inception'.
      data_dir: of tensorflow-datasets; by default the first run's.
      drawings: {flag: value} that each run's model draws by; by default what it declares.

    Returns:
      (name, result) of real images and of each run.

    Raises:
      InputError: a run has no checkpoint, the data are not theirs, or the samples too few.
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
    """The names of scores, each once; raises InputError for one that is none."""
    for name in names:
        if name not in scores.SCORES:
            near = difflib.get_close_matches(name, scores.SCORES, cutoff=0.5)
            told = f' (did you mean {" or ".join(near)}?)' if near else ''
            raise InputError(f'--metrics: {name!r} is not a score{told}; --help lists them')
    return list(dict.fromkeys(names))


def conditions_of(features, data_hash, bench):
    """What the scores of all rows depend on."""
    judge = bench.judge
    conditions = {'version': scores.VERSION, 'data_hash': data_hash, 'features': features}
    conditions |= {'classifier': judge and judge.digest, 'accuracy': judge and judge.accuracy}
    conditions |= {'num_samples': bench.num_samples, 'seed': bench.seed}
    return conditions | {'test_images': len(bench.real)}


def load(judged, data_dir):
    """The data of the runs, whole, and its hash; raises InputError if they are not theirs."""
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
    """Raises InputError when a score would need more samples."""
    for name in names:
        needed = scores.least(name, judge)
        if num_samples < needed:
            remedy = f'give at least {needed}, or choose other scores with --metrics'
            raise InputError(f'--num_samples={num_samples}: too few for {name}; {remedy}')


def take(drawn, bench, conditions, names):
    """(row, result) pairs of real images and the `RunRow`s drawn; what is finished is written."""
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
    """The (row, name) of scores, told while they are taken: a bar on a terminal, else lines.

    A line tells of a score that stands in `found` by then, and of its time.
    """
    bar = tqdm(tasks, unit='score', leave=False, disable=not sys.stderr.isatty())
    for row, name in bar:
        bar.set_description(f'{name} of {row.name}')
        began = time.monotonic()
        yield row, name
        if bar.disable and name in found[row]['scores']:
            seconds = time.monotonic() - began
            print(f'{row.name}: {name} {seconds:.1f} s', file=sys.stderr, flush=True)
