"""What a model declares beside its class, read as text: neither help nor a refusal imports it.

A model file, or one of models/shared/, may have these dictionaries:

    defaults = {'epochs': 50}  # what the model prefers, of shared flags and inherited options
    options = {'clip': {'default': 0.01, 'help': 'the bound', 'least': 1e-6}}  # flags of its own
    variants = {'thin': {'batch_size': 5}}  # further preferences by the value of --variant
    drawing = {}  # flags of generate and evaluate, in the form of `options`

An option's fields are those of `Option`. Declarations are inherited with the class: a subclass has
those of its bases' files, and its own file takes the place of what it names again.
"""

import ast
import importlib
from pathlib import Path
from typing import NamedTuple

from support.backend import load_tensorflow
from support.errors import InputError

MODELS = Path(__file__).parent.parent
LARGEST = {int: 2**31 - 1, float: 1e38}  # what 32 bits hold, in which the networks compute


class Option(NamedTuple):
    """A flag of a model: a word, a switch or a number, as its default is.

    `choices` are the words that it takes, any text if there are none; `least` and `most` bound a
    number; `only_with` {other flag: value} tells where it is read alone.
    """

    default: str | bool | int | float
    help: str
    choices: tuple = ()
    least: float | None = None
    most: float | None = None
    only_with: dict = {}

    def takes(self, value):
        """Whether the option may have this value; a whole number may stand for a fraction."""
        if isinstance(self.default, str):
            return isinstance(value, str) and (value in self.choices or not self.choices)
        if isinstance(self.default, bool):
            return isinstance(value, bool)
        return self._is_of_kind(value) and self._is_within(value)

    def _is_of_kind(self, value):
        kinds = {int: (int,), float: (int, float)}
        return type(value) in kinds.get(type(self.default), ())

    def _is_within(self, value):
        largest = LARGEST[type(self.default)]
        least = -largest if self.least is None else self.least
        return least <= value <= (largest if self.most is None else self.most)


class Declarations(NamedTuple):
    """What a model declares: shared defaults, its options {name: Option}, variants, drawing."""

    defaults: dict
    options: dict
    variants: dict
    drawing: dict

    def followed_by(self, child):
        """These, but what `child` names as it says."""
        return Declarations(*(old | new for old, new in zip(self, child, strict=True)))


def names():
    """The models: files of models/, but for those that begin with _ or a dot.

    A dot is what editors and file systems put before files of their own.
    """
    found = (path.stem for path in MODELS.glob('*.py') if path.is_file())
    return sorted(name for name in found if not name.startswith(('_', '.')))


def read(model):
    """The `Declarations` of a model, inherited ones included.

    Raises:
      InputError: a file is no Python, or declares something in another form than above; names it.
    """
    found = inherited(f'models.{model}', 'Model')
    preferred = {name: found.defaults.get(name, o.default) for name, o in found.options.items()}
    for name, option in found.options.items():
        if not option.takes(preferred[name]):
            raise unreadable(f'models.{model}', f'{name} does not take {preferred[name]!r}')
    options = {name: o._replace(default=preferred[name]) for name, o in found.options.items()}
    return found._replace(options=options)


def usual_drawing(model):
    """{flag: default} of what a model draws by; none for one that is no file of models/."""
    if model not in names():
        return {}
    return {flag: option.default for flag, option in read(model).drawing.items()}


def inherited(module, name, heirs=()):
    """The declarations of the class `name` of a module and of its bases in models/.

    `heirs` are the (module, class) that inherit from it.
    """
    if (module, name) in heirs:
        raise InputError(f'{file_of(module)}: {name} inherits from itself; name another base')
    tree = parse(module)
    found = Declarations({}, {}, {}, {})
    for base in reversed(bases(module, tree, name)):
        place, _, parent = base.rpartition('.')
        if place.startswith('models.'):
            found = found.followed_by(inherited(place, parent, (*heirs, (module, name))))
    return found.followed_by(own(module, tree))


def file_of(module):
    """The path of a module of models/ with a dotted name."""
    _, *packages, name = module.split('.')
    return MODELS.joinpath(*packages, f'{name}.py')


def parse(module):
    """The syntax tree of a module; InputError where it has none."""
    path = file_of(module)
    try:
        return ast.parse(path.read_bytes())
    except OSError as error:
        raise InputError(f'{path}: cannot be read ({error.strerror}); put it there') from None
    except SyntaxError as error:
        raise InputError(f'{path}, line {error.lineno or 1}: {error.msg}; fix it') from None


def bases(module, tree, name):
    """The dotted names of the bases of a class of the module, as far as its text tells them."""
    found = []
    for number, node in enumerate(tree.body):
        if isinstance(node, ast.ClassDef) and node.name == name:
            known = origins(module, tree.body[:number])
            parts = [ast.unparse(base).partition('.') for base in node.bases]
            found = [known.get(first, first) + dot + rest for first, dot, rest in parts]
    return found


def origins(module, statements):
    """{name: where it comes from, dotted} of the classes and imports of a module's statements."""
    found = {}
    for node in statements:
        if isinstance(node, ast.ClassDef):
            found[node.name] = f'{module}.{node.name}'
        elif isinstance(node, ast.Import):
            found |= {a.asname: a.name for a in node.names if a.asname}
        elif isinstance(node, ast.ImportFrom):
            package = module.split('.')[: -node.level] if node.level else []
            place = '.'.join([*package, *filter(None, [node.module])])
            found |= {a.asname or a.name: f'{place}.{a.name}' for a in node.names}
    return found


def own(module, tree):
    """The declarations of a module itself."""
    found = {name: {} for name in Declarations._fields}
    for statement in tree.body:
        for name in bound(statement) & found.keys():
            found[name] = dictionary(module, statement, name)
    try:
        for name in ('options', 'drawing'):
            found[name] = {flag: option_of(fields) for flag, fields in found[name].items()}
    except (TypeError, ValueError) as error:
        raise unreadable(module, error) from None
    return Declarations(**found)


def option_of(fields):
    """The `Option` of these fields; TypeError or ValueError where they make none."""
    option = Option(**fields)
    if not option.takes(option.default):
        raise ValueError(f'the default {option.default!r} is not a value that it takes')
    return option._replace(choices=tuple(option.choices), only_with=dict(option.only_with))


def bound(statement):
    """The names that a statement of a module gives a value, those inside definitions left out."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return set()
    if isinstance(statement, ast.AnnAssign) and statement.value is None:
        return set()
    inner = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp | ast.Lambda
    nodes, waiting = [], [statement]
    while waiting:
        nodes.append(waiting.pop())
        waiting += [n for n in ast.iter_child_nodes(nodes[-1]) if not isinstance(n, inner)]
    stored = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return stored | {n.asname or n.name for n in nodes if isinstance(n, ast.alias)}


def dictionary(module, statement, name):
    """The dictionary that a statement gives to `name`; the module's own where it is computed."""
    try:
        value = literal(statement)
    except (TypeError, ValueError):
        value = imported(module, name)
    if isinstance(value, dict):
        return value
    told = f'{file_of(module)}, line {statement.lineno}: {name} must be a dictionary of literals'
    raise InputError(told)


def literal(statement):
    """What `name = ...` says; a ValueError or TypeError where the text alone does not tell."""
    targets = getattr(statement, 'targets', None) or [getattr(statement, 'target', None)]
    plain = isinstance(statement, ast.Assign | ast.AnnAssign)
    if not plain or not all(isinstance(target, ast.Name) for target in targets):
        raise ValueError('computed')
    return ast.literal_eval(statement.value)


def imported(module, name):
    """The attribute `name` of a module once it is imported, or None where that fails."""
    load_tensorflow()
    try:
        return getattr(importlib.import_module(module), name)
    except Exception:  # whatever the code of a model raises
        return None


def unreadable(module, error):
    """The InputError on a module whose declarations have another form than above."""
    told = f'{file_of(module)}: its defaults, options, variants or drawing cannot be read ({error})'
    return InputError(f'{told}; models/shared/declarations.py describes their form')
