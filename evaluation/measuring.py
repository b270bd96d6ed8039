"""Takes scores of runs, keeps what is finished."""

import sys
import time

from tqdm import tqdm

import datasets
from evaluation import results, scores
from evaluation.rows import NotApplicable, reference_rows
from support.errors import InputError


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
            remedy = f'give at least {needed}, or name other scores with --metrics'
            raise InputError(f'--num_samples={num_samples}: too few for {name}; {remedy}')


def evaluate(drawn, bench, conditions, names):
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
