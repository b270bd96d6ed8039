"""From compared runs to one HTML page that needs no other file and no network.

templates/page.html is its structure and templates/page.css its style; templates/page.js updates the
pictures and the curves when the slider moves.
"""

import base64
import json
import math
import shlex
from html import escape
from pathlib import Path
from string import Template

import pictures
from evaluation import results
from evaluation.scores import SCORES
from support.files import atomic

TEMPLATES = Path(__file__).parent / 'templates'
STOPS = 60  # of the slider
PLACES = {'data_dir', 'output_dir', 'overwrite'}  # these belong to the machine, not to the run
SWITCHES = {'overwrite', 'nooverwrite'}  # these are not followed by a value
NO_LOSS = {'epoch', 'images_per_second', 'seconds'}


def render(target, columns, named):
    """The page as text.

    Args:
      target: uint8 (H, W, 1 or 3), pictures of the data.
      columns: the pictures next to it, as `columns.Column`.
      named: (name, run) of every run, in order.

    Raises:
      InputError: a picture is damaged.
    """
    stops = pictures.spaced(sorted({epoch for column in columns for epoch in column.epochs}), STOPS)
    shown = [list_pictures(column, stops) for column in columns]
    logs = [{'name': name, 'curves': curves(run.rows())} for name, run in named]
    return Template(read('page.html')).substitute(
        title=escape(f'Generative models on {Path(named[0][1].config["dataset"]).name}'),
        style=read('page.css'),
        script=read('page.js'),
        last=len(stops) - 1,
        epoch=stops[-1],
        pictures='\n'.join([draw_target(target), *map(draw_column, columns, shown)]),
        scores=draw_scores(named),
        neighbours=draw_neighbours(named),
        runs='\n'.join(draw_run(name, run.config) for name, run in named),
        data=embed({'epochs': stops, 'columns': shown, 'runs': logs}),
    )


def save(path, text):
    """Writes the page, completely or not at all; raises InputError if it cannot be written."""
    with atomic(path) as partial:
        partial.write_text(text, encoding='utf-8')


def read(name):
    """The text of a file of templates/."""
    return (TEMPLATES / name).read_text()


def embed(values):
    """JSON that cannot end the script element that contains it."""
    return json.dumps(values, allow_nan=False, separators=(',', ':')).replace('<', r'\u003c')


# Pictures


def list_pictures(column, stops):
    """The (epoch, data URI) that the column shows at the stops, each once, in ascending order."""
    shown = sorted({column.at(stop) for stop in stops} - {None})
    return [(epoch, source(column.picture(epoch))) for epoch in shown]


def source(picture):
    """A uint8 picture as a data URI."""
    return 'data:image/webp;base64,' + base64.b64encode(pictures.webp(picture)).decode()


def draw_target(target):
    """The figure that does not change: pictures of the data."""
    image = draw_image(source(target), 'Grid of test images, the target')
    return f'<figure>{image}<figcaption>target</figcaption></figure>'


def draw_column(column, shown):
    """The figure of a column, at its last epoch."""
    epoch, last = shown[-1]
    title = escape(column.title)
    image = draw_image(last, f'Grid of {column.title}')
    caption = f'<span>{title}</span><span class="shown">epoch {epoch}</span>'
    return f'<figure data-column>{image}<figcaption>{caption}</figcaption></figure>'


def draw_image(data, alt):
    """An image element."""
    return f'<img src="{data}" alt="{escape(alt)}">'


def draw_neighbours(named):
    """The section of nearest neighbours; empty if no run has them."""
    found = [(name, run.path / 'neighbours.png') for name, run in named]
    figures = [draw_neighbour(name, path) for name, path in found if path.exists()]
    heading = '<h2 id="neighbours">Nearest training images</h2>'
    images = f'<div class="neighbours">{"".join(figures)}</div>'
    return f'<section aria-labelledby="neighbours">{heading}{images}</section>' if figures else ''


def draw_neighbour(name, path):
    """The figure of a run's samples next to their nearest training images."""
    alt = f'{name} samples on the left, next to each its nearest training images'
    image = draw_image(source(pictures.load_png(path)), alt)
    return f'<figure>{image}<figcaption>{escape(alt)}</figcaption></figure>'


# Curves


def curves(rows):
    """The curves of log.csv: name and (epoch, value) points; cells without a number are skipped."""
    names = [name for name in (rows[0] if rows else ()) if name not in NO_LOSS]
    found = [{'name': plain(name), 'points': list_points(rows, name)} for name in names]
    return [curve for curve in found if curve['points']]


def list_points(rows, name):
    """The (epoch, value) of a column; five digits are more than can be seen."""
    pairs = [(int(row['epoch']), number(row[name])) for row in rows]
    return [(epoch, float(f'{value:.5g}')) for epoch, value in pairs if math.isfinite(value)]


def number(cell):
    """The number in a cell of log.csv, NaN if there is none."""
    try:
        return float(cell)
    except (TypeError, ValueError):
        return math.nan


def plain(name):
    """A name from a file, with spaces."""
    return name.replace('_', ' ')


# Scores


def draw_scores(named):
    """The table of scores, one line each; then notes on it, and which runs have none."""
    kept = [(name, run, results.read(run)) for name, run in named]
    judged = [(name, found) for name, _, found in kept if results.current(found)]
    missing = [(name, run) for name, run, found in kept if not results.current(found)]
    if judged:
        # Training images first. Other real images come last, so that runs fit on a phone's screen.
        real = list(judged[0][1]['references'].items())
        judged = [*real[:1], *judged, *real[1:]]
    parts = [draw_table(judged), draw_notes(judged)] if judged else []
    return '\n'.join(parts + ([ask(missing)] if missing else []))


def draw_table(judged):
    """The table of (name, result) pairs; each run is a column, so that it fits on a phone."""
    names = results.taken(judged, SCORES)
    titles = [title for name in names for title in SCORES[name].columns]
    columns = [results.cells(found, names) for _, found in judged]
    head = ''.join(f'<th scope="col">{escape(name)}</th>' for name, _ in judged)
    lines = [f'<thead><tr><th scope="col">score</th>{head}</tr></thead><tbody>']
    for title, *row in zip(titles, *columns, strict=True):
        cells = ''.join(f'<td>{escape(cell) or "–"}</td>' for cell in row)
        lines.append(f'<tr><th scope="row">{escape(title)}</th>{cells}</tr>')
    table = '\n'.join(['<table>', *lines, '</tbody></table>'])
    return f'<div class="wide" tabindex="0" role="region" aria-labelledby="scores">{table}</div>'


def draw_notes(judged):
    """What the table's words mean, and why cells are empty, one line per run and reason."""
    lines = filter(None, [*results.notes(judged, SCORES), *results.footnotes(judged, SCORES)])
    items = ''.join(f'<li>{escape(line)}</li>' for line in lines)
    return f'<ul class="notes">{items}</ul>' if items else ''


def ask(missing):
    """The command that computes the scores of the (name, run) that have none."""
    names = ', '.join(name for name, _ in missing)
    paths = ','.join(str(run.path) for _, run in missing)
    command = draw_command(['python', 'evaluate.py', f'--runs={paths}'])
    return f'<p>No scores yet for {escape(names)}. To compute them: {command}</p>'


# Runs


def draw_run(name, config):
    """How a run was made: its command line, and its whole configuration."""
    # What the run has settled replaces the flag of the same name.
    rest = {key: value for key, value in config.items() if key not in ('settings', 'command')}
    rows = {**settings(config), **rest}.items()
    lines = [f'<dt>{escape(plain(key))}</dt><dd>{escape(write(value))}</dd>' for key, value in rows]
    typed = ['python', 'train.py', *without_places(config['command'])]
    return (
        f'<h3>{escape(name)}</h3>\n<p>{draw_command(typed)}</p>\n'
        f'<details><summary>Configuration</summary><dl>{"".join(lines)}</dl></details>'
    )


def without_places(words):
    """The words of a command line, except those that say where the run was made."""
    kept, left = [], iter(words)
    for word in left:
        name, equals, _ = word.lstrip('-').partition('=')
        if not word.startswith('-') or name not in PLACES | SWITCHES:
            kept.append(word)
        elif not equals and name not in SWITCHES:
            next(left, None)  # `--data_dir DIRECTORY` is two words
    return kept


def draw_command(words):
    """A command line, quoted for a shell."""
    words = ' '.join(f'<span>{escape(shlex.quote(word))}</span>' for word in words)
    return f'<code>{words}</code>'


def settings(config):
    """The flags that have a value, except those that say where the run was made."""
    given = config['settings'].items()
    return {name: value for name, value in given if value is not None and name not in PLACES}


def write(value):
    """A value of the configuration as text."""
    if isinstance(value, dict):
        return ', '.join(f'{name} {item}' for name, item in value.items())
    return ', '.join(map(str, value)) if isinstance(value, list) else str(value)
