"""What model files declare, and how it is inherited; that nothing is imported for it."""

import importlib
import sys

import pytest

from models.shared import declarations
from models.shared.declarations import Option
from support import backend
from support.errors import InputError


@pytest.fixture(autouse=True)
def models(tmp_path, monkeypatch):
    """An empty models/ directory."""
    monkeypatch.setattr(declarations, 'MODELS', tmp_path)
    (tmp_path / 'shared').mkdir()
    return tmp_path


@pytest.fixture
def no_tensorflow(monkeypatch):
    monkeypatch.setattr(declarations, 'load_tensorflow', lambda: pytest.fail('was loaded'))


@pytest.fixture
def importable(models, monkeypatch):
    """Has `import models.toy` find the files of this directory."""
    import models as package

    monkeypatch.setattr(package, '__path__', [str(models)])
    yield
    for name in ('toy', 'parent'):
        sys.modules.pop(f'models.{name}', None)


def option(name, default=1, **fields):
    return {name: {'default': default, 'help': name} | fields}


def write(models, name, text='', bases='', **tables):
    """A model file with these tables and a class `Model`."""
    lines = [text, *(f'{table} = {value!r}' for table, value in tables.items())]
    (models / f'{name}.py').write_text('\n'.join([*lines, f'class Model({bases}):', '    x = 1\n']))


def refusal(model):
    with pytest.raises(InputError) as error:
        declarations.read(model)
    assert '\n' not in str(error.value)
    return str(error.value)


PARENT = {
    'defaults': {'epochs': 5, 'seed': 1},
    'options': option('depth', 3, least=2) | option('width', 0.5),
    'variants': {'thin': {'epochs': 1}, 'wide': {'epochs': 2}},
    'drawing': option('heat', 1.0),
}
CHILD = {
    'defaults': {'epochs': 7, 'depth': 4},
    'options': option('width', 2.0, most=3.0) | option('leak', True),
    'variants': {'thin': {'epochs': 9}},
}


@pytest.mark.parametrize(
    ('place', 'text', 'bases'),
    [
        ('parent', 'from models import parent', 'parent.Model'),
        ('parent', 'from models import parent as p', 'p.Model'),
        ('parent', 'from models.parent import Model as Parent', 'Parent'),
        ('parent', 'from models.parent import Model', 'Model'),
        ('parent', 'import models.parent', 'models.parent.Model'),
        ('parent', 'import models.parent as p', 'object, p.Model'),
        ('parent', 'from . import parent', 'parent.Model'),
        ('parent', 'from .parent import Model as Parent', 'Parent'),
        ('shared/parent', 'from models.shared.parent import Model as Parent', 'Parent'),
        ('shared/parent', 'from models.shared import parent', 'parent.Model'),
        (
            'parent',
            'from models import parent\nclass Between(parent.Model):\n    y = 2',
            'Between',
        ),
    ],
)
def test_declarations_are_inherited_with_the_class(models, no_tensorflow, place, text, bases):
    write(models, place, **PARENT)
    write(models, 'toy', text, bases, **CHILD)
    found = declarations.read('toy')
    assert found.defaults == {'epochs': 7, 'seed': 1, 'depth': 4}
    assert found.options == {
        'depth': Option(4, 'depth', least=2),
        'width': Option(2.0, 'width', most=3.0),
        'leak': Option(True, 'leak'),
    }
    assert found.variants == {'thin': {'epochs': 9}, 'wide': {'epochs': 2}}
    assert found.drawing == {'heat': Option(1.0, 'heat')}


def test_what_is_only_imported_is_not_inherited(models, no_tensorflow):
    write(models, 'parent', **PARENT)
    write(models, 'toy', 'from models import parent\nfrom keras import layers', 'layers.Layer')
    assert declarations.read('toy') == ({}, {}, {}, {})


def test_of_several_bases_the_first_wins(models, no_tensorflow):
    write(models, 'one', defaults={'epochs': 1})
    write(models, 'two', defaults={'epochs': 2, 'seed': 2})
    write(models, 'toy', 'from models import one, two', 'one.Model, two.Model')
    assert declarations.read('toy').defaults == {'epochs': 1, 'seed': 2}


def test_bases_that_lead_nowhere_or_in_a_circle_are_told(models, no_tensorflow):
    write(models, 'toy', 'from models import gone', 'gone.Model')
    assert refusal('toy').startswith(f'{models}/gone.py: cannot be read (No such file')
    write(models, 'toy', 'from models import toy', 'toy.Model')
    assert refusal('toy').startswith(f'{models}/toy.py: Model inherits from itself')


def test_a_default_that_an_inherited_option_does_not_take_is_told(models, no_tensorflow):
    write(models, 'parent', **PARENT)
    write(models, 'toy', 'from models import parent', 'parent.Model', defaults={'depth': 1})
    assert refusal('toy').startswith(f'{models}/toy.py: its defaults')
    write(models, 'parent', options=option('depth', 3, least='a'))
    assert refusal('toy').startswith(f'{models}/parent.py: its defaults')


def test_annotated_tables_are_read(models, no_tensorflow):
    text = f"options: dict = {option('depth')}\ndefaults: dict[str, int] = {{'epochs': 2}}\n"
    write(models, 'toy', text + 'variants: dict')
    found = declarations.read('toy')
    assert found == ({'epochs': 2}, {'depth': Option(1, 'depth')}, {}, {})


def test_tables_are_read_past_other_statements(models, no_tensorflow):
    text = 'import os\na, b = 1, 2\nos.x = 3\ndef f(options):\n    options = g(options)\n'
    write(models, 'toy', text, defaults={'epochs': 7})
    assert declarations.read('toy') == ({'epochs': 7}, {}, {}, {})


@pytest.mark.parametrize(
    'text',
    [
        "options = dict(depth={'default': 1, 'help': 'depth'})",
        "options = {**parent.options, 'depth': {'default': 1, 'help': 'depth'}}",
        "options = {}\noptions |= {'depth': {'default': 1, 'help': 'depth'}}",
        "options, x = {'depth': {'default': 1, 'help': 'depth'}}, 1",
        "if True:\n    options = {'depth': {'default': 1, 'help': 'depth'}}",
        'from models.parent import depths as options',
    ],
)
def test_computed_tables_are_taken_of_the_module(models, importable, text):
    write(models, 'parent', f'depths = {option("depth")}', options={})
    write(models, 'toy', f'from models import parent\n{text}')
    assert declarations.read('toy').options == {'depth': Option(1, 'depth')}


def test_a_computed_table_that_fails_is_told(models, importable):
    write(models, 'toy', 'x = 1\noptions = dict(gone)')
    told = f'{models}/toy.py, line 2: options must be a dictionary of literals'
    assert refusal('toy') == told


def test_a_computed_table_is_read_with_keras_on_tensorflow(models, importable, monkeypatch):
    loaded = []
    monkeypatch.setattr(declarations, 'load_tensorflow', lambda: loaded.append(1))
    write(models, 'toy', 'options = dict()')
    assert declarations.read('toy').options == {} and loaded


@pytest.mark.parametrize(
    ('given', 'taken', 'refused'),
    [
        (Option(3, '', least=2, most=4), [2, 3, 4], [1, 5, 3.0, True, '3', None, [3]]),
        (Option(3, ''), [-(2**31) + 1, 2**31 - 1], [2**31, 10**30]),
        (Option(0.5, '', least=0.0), [0, 0.0, 7, 1e38], [-1, 1e39, float('nan'), True, '0.5']),
        (Option(True, ''), [True, False], [1, 0, 'True', None]),
        (Option('a', '', ('a', 'b')), ['a', 'b'], ['c', 3, None, ['a']]),
    ],
)
def test_an_option_takes_values_of_its_kind_within_its_limits(given, taken, refused):
    assert all(map(given.takes, taken))
    assert not any(map(given.takes, refused))


def test_what_is_read_as_text_is_what_python_inherits(monkeypatch):
    monkeypatch.undo()
    backend.load_tensorflow()
    for name in declarations.names():
        found = {}
        for base in reversed(importlib.import_module(f'models.{name}').Model.mro()):
            module = sys.modules[base.__module__]
            if base.__module__.startswith('models.'):
                found |= getattr(module, 'options', {})
        assert declarations.read(name).options.keys() == found.keys()


def test_an_option_takes_what_its_default_and_its_fields_say():
    assert Option('', 'any text').takes('a b') and not Option('', 'any text').takes(3)
    word = Option('a', 'a word', choices=('a', 'b'))
    assert word.takes('b') and not word.takes('c')
    number = Option(2, 'a number', least=1, most=3)
    assert [number.takes(value) for value in (1, 3, 0, 4, 2.0, True)] == [True] * 2 + [False] * 4
    assert Option(0.5, 'a fraction').takes(2) and not Option(0.5, 'a fraction').takes('2')
    assert Option(False, 'a switch').takes(True) and not Option(False, 'a switch').takes(1)
