"""evaluation.json, which keeps finished scores, and the table that shows them.

{"settings": {what the scores depend on: checkpoint, data, classifier, ...},
 "scores": {score: {key: number}}, "reasons": {score: why it is left empty},
 "references": {row of real images: {"settings": ..., "scores": ..., "reasons": ...}}}
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
    """What is kept of a run, as above; nothing where that is damaged, or there is none.

    Raises:
      InputError: it cannot be read.
    """
    try:
        found = {'reasons': {}, 'references': {}} | files.read_json(run.path / FILE)
    except (FileNotFoundError, ValueError):
        return {}
    rows = found['references'].values() if isinstance(found['references'], dict) else [None]
    return found if all(map(is_whole, [found, *rows])) else {}


def is_whole(sheet):
    """Whether a sheet from a file has all its parts, and a table can show its scores."""
    try:
        parts = [sheet[part] for part in ('settings', 'scores', 'reasons')]
        cells(sheet, SCORES)
        flatten(sheet['scores'], SCORES)
        taken, reasons = sheet['scores'].values(), sheet['reasons'].values()
    except (AttributeError, KeyError, TypeError, ValueError, ArithmeticError):
        return False
    whole = all(isinstance(part, dict) for part in parts) and all(taken)
    return whole and all(isinstance(reason, str) for reason in reasons)


def current(sheet):
    """Whether a sheet was kept by this version."""
    return sheet.get('settings', {}).get('version') == VERSION


def revive(kept, settings):
    """A sheet with the kept scores if they were taken with the same settings, else without any."""
    scores = kept['scores'] if kept.get('settings') == settings else {}
    return {'settings': settings, 'scores': scores, 'reasons': {}}


def save(run, sheet, references):
    """Writes a run's sheet and those of the real images {row: sheet}, whole or not at all."""
    files.write_json(run.path / FILE, sheet | {'references': references})


def markdown(sheets, names, asked):
    """The table of (row, sheet) pairs, of the scores `names`; below it, why cells are empty.

    Columns that are empty in every row are left out, and why cells are of scores not in `asked`.
    """
    titles, *lines = table(sheets, names)
    rows = [f'| {" | ".join(line)} |' for line in (titles, *lines)]
    rows.insert(1, f'|{" --- |" * len(titles)}')
    return '\n'.join([*rows, *sides(sheets, names), *footnotes(sheets, asked)]) + '\n'


def upright(sheets, names, asked):
    """The same for a terminal: a line a score, a column a row."""
    lines = zip(*table(sheets, names), strict=True)
    wrapped = [[textwrap.wrap(cell or '-', WIDEST) for cell in line] for line in lines]
    widths = [max(map(len, sum(column, []))) for column in zip(*wrapped, strict=True)]
    text = []
    for line in wrapped:
        for parts in itertools.zip_longest(*line, fillvalue=''):
            text.append('  '.join(map(str.ljust, parts, widths)).rstrip())
    return '\n'.join([*text, *sides(sheets, names), *footnotes(sheets, asked)]) + '\n'


def table(sheets, names):
    """Lists of cells: the titles, then those of each of the (row, sheet) pairs."""
    shown = taken(sheets, names)
    titles = ['run', *(title for name in shown for title in SCORES[name].columns)]
    return [titles, *([row, *cells(sheet, shown)] for row, sheet in sheets)]


def taken(sheets, names):
    """Those of the scores `names` that some of the (row, sheet) pairs have."""
    return [name for name in names if any(name in sheet['scores'] for _, sheet in sheets)]


def cells(sheet, names):
    """The cells of a row."""
    found = [(SCORES[name].columns.values(), sheet['scores'].get(name)) for name in names]
    return [show(numbers) if numbers else '' for shows, numbers in found for show in shows]


def sides(sheets, names):
    """Lines on how many images stand on either side of a comparison, if `names` has one."""
    settings = sheets[0][1]['settings']
    samples, real = settings['num_samples'], settings['test_images']
    if not any(SCORES[name].compares for name in taken(sheets, names)):
        return []
    lines = ['', f'FID and its kin: {samples:,} samples against {real:,} test images.']
    few = 'With so few, FID comes out too high: compare it only where both numbers are equal.'
    return [*lines, few] if real < FEW else lines


def footnotes(sheets, names):
    """A line for each reason that leaves cells empty, with the scores and rows it is told of."""
    told = {}
    for row, sheet in sheets:
        for name in names:
            if name in sheet['reasons']:
                told.setdefault((row, sheet['reasons'][name]), []).append(name)
    lines = [f'{row}: no {", ".join(told[row, why])}: {why}.' for row, why in told]
    return ['', *lines] if lines else []


def comma_separated(sheets, names):
    """The same as CSV: what the scores depend on, and every number in full."""
    flat = [
        {'run': row} | sheet['settings'] | flatten(sheet['scores'], names) for row, sheet in sheets
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
