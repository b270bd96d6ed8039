"""evaluation.json, which keeps finished scores, and the table that shows them.

{"conditions": {what the scores depend on: checkpoint, data, classifier, ...},
 "scores": {score: {key: number}}, "reasons": {score: why it is left empty},
 "references": {row of real images: {"conditions": ..., "scores": ..., "reasons": ...}}}
"""

import csv
import io
import itertools
import textwrap

from evaluation.scores import FEW, SCORES, VERSION
from support import files

FILE = 'evaluation.json'
WIDEST = 26  # letters of a column on a terminal


def read(run):
    """The kept results of a run, as above; empty if they are missing or damaged.

    Raises:
      InputError: it cannot be read.
    """
    try:
        found = {'reasons': {}, 'references': {}} | files.read_json(run.path / FILE)
    except (FileNotFoundError, ValueError):
        return {}
    rows = found['references'].values() if isinstance(found['references'], dict) else [None]
    return found if all(map(is_whole, [found, *rows])) else {}


def is_whole(result):
    """Whether a result from a file has all its parts, and a table can show its scores."""
    try:
        parts = [result[part] for part in ('conditions', 'scores', 'reasons')]
        cells(result, SCORES)
        flatten(result['scores'], SCORES)
        taken, reasons = result['scores'].values(), result['reasons'].values()
    except (AttributeError, KeyError, TypeError, ValueError, ArithmeticError):
        return False
    whole = all(isinstance(part, dict) for part in parts) and all(taken)
    return whole and all(isinstance(reason, str) for reason in reasons)


def current(result):
    """Whether a result was kept by this version."""
    return result.get('conditions', {}).get('version') == VERSION


def revive(kept, conditions):
    """A result with the kept scores if their conditions were the same, else without scores."""
    scores = kept['scores'] if kept.get('conditions') == conditions else {}
    return {'conditions': conditions, 'scores': scores, 'reasons': {}}


def save(run, result, references):
    """Writes the results of a run and of real images {row: result}, completely or not at all."""
    files.write_json(run.path / FILE, result | {'references': references})


def markdown(results, names, asked):
    """The table of (row, result) pairs with the scores `names`; below it, what its words mean.

    Columns that are empty in every row are left out. Reasons are only given for scores in `asked`.
    """
    titles, *lines = table(results, names)
    rows = [f'| {" | ".join(line)} |' for line in (titles, *lines)]
    rows.insert(1, f'|{" --- |" * len(titles)}')
    return '\n'.join([*rows, *below(results, names, asked)]) + '\n'


def upright(results, names, asked):
    """The same for a terminal: one line per score, one column per row."""
    lines = zip(*table(results, names), strict=True)
    wrapped = [[textwrap.wrap(cell or '-', WIDEST) for cell in line] for line in lines]
    widths = [max(map(len, sum(column, []))) for column in zip(*wrapped, strict=True)]
    text = []
    for line in wrapped:
        for parts in itertools.zip_longest(*line, fillvalue=''):
            text.append('  '.join(map(str.ljust, parts, widths)).rstrip())
    return '\n'.join([*text, *below(results, names, asked)]) + '\n'


def table(results, names):
    """Lists of cells: the titles, then the cells of each (row, result) pair."""
    shown = taken(results, names)
    titles = ['run', *(title for name in shown for title in SCORES[name].columns)]
    return [titles, *([row, *cells(result, shown)] for row, result in results)]


def taken(results, names):
    """The scores in `names` that at least one of the (row, result) pairs has."""
    return [name for name in names if any(name in result['scores'] for _, result in results)]


def cells(result, names):
    """The cells of a row."""
    found = [(SCORES[name].columns.values(), result['scores'].get(name)) for name in names]
    return [show(numbers) if numbers else '' for shows, numbers in found for show in shows]


def below(results, names, asked):
    """The lines below a table."""
    told = notes(results, names)
    return [*sides(results, names), *([''] if told else []), *told, *footnotes(results, asked)]


def notes(results, names):
    """The notes of those of the scores `names` that stand in the table."""
    return [SCORES[name].note for name in taken(results, names) if SCORES[name].note]


def sides(results, names):
    """Lines on how many images are compared with how many, if `names` has such scores."""
    conditions = results[0][1]['conditions']
    samples, real = conditions['num_samples'], conditions['test_images']
    if not any(SCORES[name].compares for name in taken(results, names)):
        return []
    lines = ['', f'FID and similar scores: {samples:,} samples against {real:,} test images.']
    few = 'With so few, FID is too high: only compare FIDs with the same two numbers.'
    return [*lines, few] if real < FEW else lines


def footnotes(results, names):
    """One line per row and reason for empty cells, with the scores that it concerns."""
    told = {}
    for row, result in results:
        for name in names:
            if name in result['reasons']:
                told.setdefault((row, result['reasons'][name]), []).append(name)
    lines = [f'{row}: no {", ".join(told[row, why])}: {why}.' for row, why in told]
    return ['', *lines] if lines else []


def comma_separated(results, names):
    """The same as CSV: what the scores depend on, and every number in full."""
    flat = [
        {'run': row} | result['conditions'] | flatten(result['scores'], names)
        for row, result in results
    ]
    file = io.StringIO()
    writer = csv.DictWriter(file, list(dict.fromkeys(k for line in flat for k in line)))
    writer.writeheader()
    writer.writerows(flat)
    return file.getvalue()


def flatten(scores, names):
    """{score.key: number}, the elements of a list under their index."""
    flat = {}
    for name in names:
        for key, value in scores.get(name, {}).items():
            several = value if isinstance(value, list) else [value]
            keys = [f'{key}_{i}' for i in range(len(several))] if several is value else [key]
            flat |= {f'{name}.{k}': v for k, v in zip(keys, several, strict=True)}
    return flat
