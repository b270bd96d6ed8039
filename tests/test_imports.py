"""The one rule of imports: each room imports only what lies to its right, and no circle."""

import ast
import graphlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
COMMANDS = ['train', 'generate', 'evaluate', 'compare']
ORDER = [
    [*COMMANDS, 'lessons', 'benchmarks', 'flags'],
    ['training', 'pages'],
    ['evaluation'],
    ['runs'],
    ['models', 'datasets', 'pictures'],
    ['losses', 'support'],
]
RANK = {room: rank for rank, rooms in enumerate(ORDER) for room in rooms}
FILES = [path for path in ROOT.rglob('*.py') if path.relative_to(ROOT).parts[0] in RANK]
FILES += [ROOT / f'{room}.py' for room in RANK if (ROOT / f'{room}.py').exists()]


def module_of(path):
    """The dotted name of a file."""
    return '.'.join(path.relative_to(ROOT).with_suffix('').parts).removesuffix('.__init__')


def imports(path):
    """Dotted names of the project's modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found = [f'{node.module}.{alias.name}' for alias in node.names]
        else:
            continue
        yield from (name for name in found if name.split('.')[0] in RANK)


def room(name):
    return name.split('.')[0]


def wrong(module, imported):
    """Whether an import runs against the order."""
    here, there = room(module), room(imported)
    if here == there:
        return False
    if there == 'flags':
        return RANK[here] > 0
    if there in COMMANDS:
        return here != 'benchmarks'
    return RANK[there] <= RANK[here]


@pytest.mark.parametrize('path', FILES, ids=module_of)
def test_no_import_runs_the_wrong_way(path):
    module = module_of(path)
    assert not [name for name in imports(path) if wrong(module, name)]


def test_the_rule_knows_wrong_ways():
    assert wrong('runs.directory', 'evaluation.scores')
    assert wrong('models.gan', 'datasets.load')
    assert wrong('training.loop', 'flags')
    assert wrong('lessons.codes', 'evaluate.load')
    assert not wrong('train', 'flags.settings')
    assert not wrong('evaluation.rows', 'runs.restore')


def test_no_file_imports_itself_through_others():
    modules = {module_of(path): path for path in FILES}
    graph = {
        module: {
            found
            for name in imports(path)
            for found in [name if name in modules else name.rpartition('.')[0]]
            if found in modules and found != module
        }
        for module, path in modules.items()
    }
    graphlib.TopologicalSorter(graph).prepare()
