"""The flags of the commands: definition, help, and the refusal of what cannot be meant.

Flags live in a table of their own, so that those of imported libraries do not show.
Model files are read as text: neither help nor a refusal waits for TensorFlow.
"""

import ast
import difflib
import functools
import math
import re
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

from absl import flags as absl_flags

from support.errors import InputError, expand

MODELS = Path(__file__).parent / 'models'
LARGEST_SEED = 2**31 - 1
LARGEST = {int: LARGEST_SEED, float: 1e38}  # what 32 bits hold, in which the networks compute


class Number(absl_flags.ArgumentParser):
    """A number of type `kind` between `least` and `most`; above `least` if `above`.

    Without limits of its own it is as large as 32 bits hold.
    """

    def __init__(self, kind, least=None, most=None, above=False):
        super().__init__()
        self.kind, self.above = kind, above
        self.least = -LARGEST[kind] if least is None else least
        self.most = LARGEST[kind] if most is None else most

    def parse(self, text):
        """The number that `text` spells; a ValueError says what it must be."""
        try:
            number = self.kind(text)
        except ValueError:
            number = math.nan
        low = number > self.least if self.above else number >= self.least
        if not (low and number <= self.most):
            raise ValueError(f'must be {self.wanted()}')
        return number

    def wanted(self):
        """What the parser accepts, in words."""
        words = 'a whole number' if self.kind is int else 'a finite number'
        return f'{words} {"above" if self.above else "from"} {self.least:g} up to {self.most}'


class Place(absl_flags.ArgumentParser):
    """A path. A `~` at its beginning is the home: behind a `=` no shell writes it out."""

    def parse(self, text):
        """`text` with the home written out; a ValueError where there is none."""
        return expand(text)


class Places(absl_flags.ArgumentParser):
    """Paths, separated by commas."""

    def parse(self, text):
        """As `Place` for each of them."""
        return ','.join(map(expand, text.split(',')))


class RunName(absl_flags.ArgumentParser):
    """A directory name without a path, so that a run stays inside the output directory."""

    def parse(self, text):
        """`text` itself; a ValueError when it could lead elsewhere."""
        if not re.fullmatch(r'\w[\w.+=-]*', text):
            raise ValueError('must be a plain name: letters, digits and . _ + = -')
        return text


# What these flags take, in every command.
PLACES = dict.fromkeys(['data_dir', 'export', 'out', 'output_dir', 'run'], Place) | {'runs': Places}


def define(values, group, name, default, meaning, parser=None):
    """Adds a flag to the table `values`, under the heading `group` of its help."""
    parser = parser or PLACES.get(name, absl_flags.ArgumentParser)()
    absl_flags.DEFINE(parser, name, default, meaning, values, module_name=group)


def define_switch(values, group, name, meaning):
    """Adds a flag that is off unless it is named."""
    absl_flags.DEFINE_bool(name, False, meaning, values, module_name=group)


def define_overwrite(values, group):
    """Adds the switch that `check_out` asks for."""
    define_switch(values, group, 'overwrite', 'replace files that lie where --out says')


def check_out(values, *paths, default=None):
    """Refuses to replace files at `paths`, where --out says, unless it says what it would anyway.

    `default` is where it would point if it were not given.

    Raises:
      InputError: a file lies there and --overwrite is not given.
    """
    own = default is not None and Path(values.out).resolve() == Path(default).resolve()
    for path in map(Path, paths):
        if path.is_file() and not (values.overwrite or own):
            where = '' if str(path) == values.out else f' {path}'
            raise InputError(
                f'--out={values.out}:{where} exists; choose another name, or --overwrite it'
            )


def define_training(values):
    """The flags that every training run shares."""
    group, positive = 'What to train', Number(int, 1)
    define(values, group, 'model', None, 'what to train: ' + ', '.join(model_names()))
    define(
        values,
        group,
        'dataset',
        None,
        'digits (needs no network), mnist, fashion_mnist, cifar10, any other image data set of '
        'tensorflow-datasets by name, or a folder of images with a sub-folder a class',
    )
    meaning = 'images are brought to this many pixels a side; by default their own size'
    define(values, group, 'image_size', None, meaning, positive)
    meaning = 'training images used, a fixed choice; all where there are fewer'
    define(values, group, 'train_size', 10000, meaning, positive)
    group = 'How to train'
    define(values, group, 'epochs', 100, 'passes over the training images', positive)
    define(values, group, 'batch_size', 64, 'images a step', positive)
    meaning = "step size of the model's optimizer"
    define(values, group, 'learning_rate', 1e-3, meaning, Number(float, 0, above=True))
    define(values, group, 'latent_dim', 100, 'length of the code', Number(int, 1, 10000))
    meaning = 'of all random numbers; the same seed gives the same run'
    define(values, group, 'seed', 0, meaning, Number(int, 0, LARGEST_SEED))
    choice = functools.partial(absl_flags.DEFINE_enum, flag_values=values, module_name=group)
    choice('xla', 'auto', ['auto', 'on', 'off'], XLA)
    choice('precision', 'float32', ['float32', 'bfloat16'], PRECISION)
    meaning = 'end the training at the first loss that is infinite or not a number'
    absl_flags.DEFINE_bool('stop_on_nan', True, meaning, values, module_name=group)
    meaning = 'epochs between scores in the log: FID, classes drawn, bound; 0 takes none'
    define(values, group, 'eval_every', 0, meaning, Number(int, 0))
    group = 'Where things lie'
    meaning = "prepared data sets of tensorflow-datasets; by default that library's own directory"
    define(values, group, 'data_dir', None, meaning)
    define(values, group, 'output_dir', 'outputs', 'directory of all runs')
    meaning = 'directory of this run in output_dir; by default <model>-<dataset>'
    define(values, group, 'run_name', None, meaning, RunName())
    meaning = 'begin the run anew, deleting what is there'
    define_switch(values, group, 'overwrite', meaning)
    define(values, group, 'save_every', 1, 'epochs between checkpoints', positive)
    meaning = 'minutes between checkpoints inside a long epoch'
    define(values, group, 'save_every_minutes', 10.0, meaning, Number(float, 0, above=True))
    define(values, group, 'sample_every', 1, 'epochs between grids of samples', positive)


def model_names():
    """The models: files of models/, but for the shared ones and those that begin with _ or a dot.

    A dot is what editors and file systems put before files of their own.
    """
    names = (path.stem for path in MODELS.glob('*.py') if path.is_file())
    return sorted(n for n in names if n not in ('base', 'layers') and not n.startswith(('_', '.')))


def literals(model):
    """(defaults, options, variants, only) of a model file, read without importing it.

    Raises:
      InputError: the file is no Python, or one of them no dictionary of literals; names the line.
    """
    path = MODELS / f'{model}.py'
    found = {'defaults': {}, 'options': {}, 'variants': {}, 'only': {}}
    try:
        statements = ast.parse(path.read_bytes()).body
    except SyntaxError as error:
        raise InputError(f'{path}, line {error.lineno or 1}: {error.msg}; mend it') from None
    for node in statements:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', None) in found:
            found[node.targets[0].id] = literal(path, node)
    return tuple(found.values())


def literal(path, node):
    """The dictionary that a statement `name = {...}` of the file `path` assigns."""
    try:
        return dict(ast.literal_eval(node.value))
    except (TypeError, ValueError):
        name = node.targets[0].id
        told = f'{path}, line {node.lineno}: {name} must be a dictionary of literals'
        raise InputError(told) from None


def define_model(values, model, variant=None):
    """The model's own options, and its or a variant's preferences among the shared flags.

    Raises:
      InputError: the model file has them in another form than `models.base` says.
    """
    defaults, options, variants, _ = literals(model)
    try:
        for name, value in (defaults | variants.get(variant, {})).items():
            values.set_default(name, value)
        for name, (default, meaning, *limit) in options.items():
            define_option(values, f'Options of {model}', name, default, meaning, *limit)
    except (absl_flags.Error, AttributeError, LookupError, TypeError, ValueError) as error:
        told = f'{MODELS / model}.py: its defaults, options or variants cannot be read'
        raise InputError(f'{told} ({error}); models/base.py says how they look') from None


def define_option(values, group, name, default, meaning, *limit):
    """Adds an option of a model: a word of several, a switch or a number, as its default says."""
    if isinstance(default, str):
        absl_flags.DEFINE_enum(name, default, limit[0], meaning, values, module_name=group)
    elif isinstance(default, bool):
        absl_flags.DEFINE_bool(name, default, meaning, values, module_name=group)
    else:
        define(values, group, name, default, meaning, Number(type(default), *limit))


def parse(argv, description, *definitions, strict=True):
    """Reads the command line `argv` by the flags that `definitions` add to a table.

    Prints the help and exits with status 0 where --help is asked for.

    Returns:
      The table: `table.name` is the value of a flag.

    Raises:
      InputError: for unknown flags, stray words and values that a flag does not take. With
        `strict=False` unknown flags and stray words pass.
    """
    values = absl_flags.FlagValues()
    values.set_gnu_getopt()
    for add in definitions:
        add(values)
    absl_flags.DEFINE_bool('help', False, 'show this', values, short_name='h', module_name='Help')
    try:
        stray = values([argv[0], *words(argv[1:], values)], known_only=not strict)[1:]
    except absl_flags.UnrecognizedFlagError as error:
        raise InputError(unknown(error.flagname, values)) from None
    except (absl_flags.Error, ValueError) as error:
        raise InputError(str(error).removeprefix('flag ').removeprefix('ERROR:: ')) from None
    if strict and stray:
        raise InputError(f'{stray[0]}: stray word; flags are written --name=value')
    if strict and values.help:
        print(help_text(description, values))
        sys.exit(0)
    return values


def words(argv, values):
    """The words of a command line, those of a --flagfile in its place.

    Raises:
      InputError: a word is no text, or --undefok, with which absl would hide a misspelt flag.
    """
    try:
        found = values.read_flags_from_files(argv)
    except UnicodeDecodeError as error:
        raise InputError(f'--flagfile: no text ({error}); give a file with a flag a line') from None
    for word in found:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise InputError(f'{ascii(word)}: not UTF-8; choose another name') from None
        if word.startswith('-') and word.lstrip('-').partition('=')[0] == 'undefok':
            raise InputError(unknown('undefok', values))
    return found


def check_pairs(values, only):
    """Refuses an option that differs from its default where another is not as `only` says.

    `only` is {name: (other name, the value of the other with which it is read)}.
    """
    for name, (other, value) in only.items():
        if values[name].value != values[name].default and values[other].value != value:
            raise InputError(
                f'--{name}={values[name].value}: read with --{other}={value} alone; leave one out'
            )


def revive(kept, place):
    """The flags {name: value} that a run's file `place` keeps, those it lacks with their defaults.

    It may lack options that its model has got since.

    Raises:
      InputError: the model is not here, a flag that every model is built by is missing, or a value
        is none that the flag takes.
    """
    model, values = kept.get('model'), absl_flags.FlagValues()
    if model not in model_names():
        raise InputError(f'{place}: no model {model!r} in models/; put its file back there')
    define_training(values)
    define_model(values, model)
    defaults = {name: values[name].default for name in literals(model)[1]}
    for name, value in (dict.fromkeys(SHAPING) | defaults | kept).items():
        if name in (*SHAPING, *defaults) and not takes(values[name], value):
            raise InputError(f'{place}: the flag {name} is {value!r}; put it right')
    return defaults | kept


def takes(flag, value):
    """Whether a flag, as it is written on a command line, may have this value."""
    try:
        return flag.parser.parse(str(value)) == value
    except ValueError:
        return False


def unknown(name, values):
    """One line on an unknown flag: the models that would read it, or the nearest names."""
    readers = [model for model in model_names() if reads(model, name)]
    if readers and 'model' in values:
        model, others = values['model'].value, ', '.join(readers)
        if model is None:
            return f'--{name}: read by {others} alone; name the model with --model'
        return f'--{name}: not read by {model}, but by {others}; leave it out'
    return f'--{name}: unknown flag{nearest(name, list(values))}; --help lists the flags'


def reads(model, name):
    """Whether a model has an option of this name; a file that is no model has none."""
    try:
        return name in literals(model)[1]
    except InputError:
        return False


def nearest(word, known):
    """The known words that look like `word`, as the end of a sentence, or nothing."""
    close = difflib.get_close_matches(word, known, cutoff=0.5)
    return f', did you mean {" or ".join(close)}?' if close else ''


def help_text(description, values):
    """The flags by group, each with its meaning and default, which may differ by model."""
    lines = [(description or '').strip()]  # python -OO leaves docstrings out
    preferred = preferences() if 'model' in values and values['model'].value is None else {}
    for group, members in values.flags_by_module_dict().items():
        lines += ['', group]
        for flag in members:
            meaning = flag.help + default_text(flag.default, preferred.get(flag.name, {}))
            lines += textwrap.wrap(meaning, 96, initial_indent=f'  --{flag.name:<16} ', **HANGING)
    return '\n'.join(lines)


def preferences():
    """{flag: {value: models that prefer it}} of the flags that all models share."""
    found = {}
    for model in model_names():
        for name, value in literals(model)[0].items():
            found.setdefault(name, {}).setdefault(value, []).append(model)
    return found


def default_text(default, preferred):
    """A default at the end of a flag's help, and the {value: models} that differ from it."""
    told = [] if default is None or default is False else [f'default {default}']
    others = [(value, models) for value, models in preferred.items() if value != default]
    if others:
        words = (f'{value} for {" and ".join(models)}' for value, models in others)
        told.append(f'by model {", ".join(words)}')
    return f' ({"; ".join(told)})' if told else ''


XLA = 'compile the steps with XLA; auto does what was measured faster for the model'
PRECISION = 'of the networks; losses, weights and the statistics of batch norm stay float32'
SHAPING = ('seed', 'latent_dim', 'precision')  # shared flags that a model is built by
HANGING = {'subsequent_indent': ' ' * 21, 'break_long_words': False}


def train_settings(argv, description):
    """The settings of a training run: a namespace of every flag, the model's own included.

    Raises:
      InputError: as `parse`; no model or data set is named; there is no such model.
    """
    model = parse(argv, '', define_training, strict=False).model
    if model is not None and model not in model_names():
        known = model_names()
        raise InputError(
            f'--model={model}: no such model{nearest(model, known)}; there are {", ".join(known)}'
        )
    own = [functools.partial(define_model, model=model)] if model else []
    chosen = parse(argv, '', define_training, *own, strict=False)
    if 'variant' in chosen:
        own = [functools.partial(define_model, model=model, variant=chosen['variant'].value)]
    values = parse(argv, description, define_training, *own)
    for name in ('model', 'dataset'):
        if getattr(values, name) is None:
            raise InputError(f'--{name}: missing; python train.py --model=vae --dataset=mnist')
    check_pairs(values, literals(model)[3])
    settings = {name: values[name].value for name in values if name not in ('help', 'h')}
    place = re.sub(r'\W+', '-', Path(settings['dataset']).name).strip('-')
    settings['run_name'] = settings['run_name'] or f'{model}-{place}'
    return SimpleNamespace(**settings)
