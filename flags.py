"""The flags of the commands: definitions, help, and checks that reject wrong values.

Flags live in a separate table, so that the flags of imported libraries do not show up.
Model files are read as text, so neither the help nor an error message waits for TensorFlow.
"""

import contextlib
import difflib
import functools
import math
import re
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

from absl import flags as absl_flags

from models.shared import declarations
from runs.restore import settings_of
from runs.schema import LARGEST_SEED, LONGEST_CODE, PRECISIONS
from support.errors import InputError, expand


class Number(absl_flags.ArgumentParser):
    """A number of type `kind` from `least` to `most`; greater than `least` if `above`.

    Without limits, any number that fits into 32 bits is accepted.
    """

    def __init__(self, kind, least=None, most=None, above=False):
        super().__init__()
        self.kind, self.above = kind, above
        self.least = -declarations.LARGEST[kind] if least is None else least
        self.most = declarations.LARGEST[kind] if most is None else most

    def parse(self, text):
        """The number in `text`; a ValueError says what it must be."""
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
        low = f'above {self.least:g} and up' if self.above else f'from {self.least:g}'
        return f'{words} {low} to {self.most}'


class Place(absl_flags.ArgumentParser):
    """A path. A leading `~` is the home directory: shells do not expand it after a `=`."""

    def parse(self, text):
        """`text` with `~` expanded; a ValueError if no home directory is known."""
        return expand(text)


class Places(absl_flags.ArgumentParser):
    """Paths, separated by commas."""

    def parse(self, text):
        """`text` with `~` expanded in each path."""
        return ','.join(map(expand, text.split(',')))


class RunName(absl_flags.ArgumentParser):
    """A directory name without a path, so that a run stays inside the output directory."""

    def parse(self, text):
        """`text` itself; a ValueError if it could lead out of the directory."""
        if not re.fullmatch(r'\w[\w.+=-]*', text):
            raise ValueError('must be a plain name of letters, digits and . _ + = -')
        return text


# The parsers of these flags, in every command.
PLACES = dict.fromkeys(['data_dir', 'export', 'images', 'out', 'output_dir', 'run'], Place) | {
    'runs': Places
}


def define(table, group, name, default, meaning, parser=None, may_change=False):
    """Adds a flag to `table`, under the heading `group` in the help.

    If it `may_change`, a run can be continued with another value.
    """
    parser = parser or PLACES.get(name, absl_flags.ArgumentParser)()
    add(table, group, absl_flags.Flag(parser, None, name, default, meaning), may_change)


def define_word(table, group, name, default, words, meaning, may_change=False):
    """Adds a flag that takes one of several words."""
    add(table, group, absl_flags.EnumFlag(name, default, meaning, words), may_change)


def define_switch(table, group, name, meaning, default=False, may_change=False):
    """Adds a flag that is set by `--name` and cleared by `--noname`."""
    add(table, group, absl_flags.BooleanFlag(name, default, meaning), may_change)


def add(table, group, flag, may_change=False):
    """Adds an absl flag to `table`."""
    flag.may_change = may_change
    absl_flags.DEFINE_flag(flag, table, group)


def define_overwrite(table, group):
    """Adds the switch that `check_out` asks for."""
    define_switch(table, group, 'overwrite', 'replace what exists at --out')


def check_out(settings, *paths, default=None):
    """Refuses to replace files at `paths`, which --out names; files at its default are replaced.

    `default` is the path that is used without --out.

    Raises:
      InputError: a file exists there and --overwrite is not given.
    """
    own = default is not None and Path(settings.out).resolve() == Path(default).resolve()
    for path in map(Path, paths):
        if path.is_file() and not (settings.overwrite or own):
            where = '' if str(path) == settings.out else f' {path}'
            raise InputError(
                f'--out={settings.out}:{where} exists; choose another name or add --overwrite'
            )


def define_training(table):
    """The flags that every training run shares."""
    define_subject(table)
    define_course(table)
    define_devices(table)
    define_places(table)


def define_subject(table):
    """What is trained: the model and its data."""
    group, positive = 'What to train', Number(int, 1)
    define(table, group, 'model', None, 'model to train: ' + ', '.join(declarations.names()))
    meaning = 'digits (needs no network), mnist, fashion_mnist, cifar10, the name of any other '
    meaning += 'image data set in tensorflow-datasets, or a folder of images with one sub-folder '
    define(table, group, 'dataset', None, meaning + 'per class')
    meaning = 'resize images to this many pixels per side; by default they keep their own size'
    define(table, group, 'image_size', None, meaning, positive)
    meaning = 'number of training images to use, always the same ones; all if there are fewer'
    define(table, group, 'train_size', 10000, meaning, positive)


def define_course(table):
    """How it is trained."""
    group, positive = 'How to train', Number(int, 1)
    define(table, group, 'epochs', 100, 'passes over the training images', positive, True)
    define(table, group, 'batch_size', 64, 'images per step', positive)
    meaning = "step size of the model's optimizer"
    define(table, group, 'learning_rate', 1e-3, meaning, Number(float, 0, above=True))
    define(table, group, 'latent_dim', 100, 'length of the code', Number(int, 1, LONGEST_CODE))
    meaning = 'seed of all random numbers; the same seed gives the same run'
    define(table, group, 'seed', 0, meaning, Number(int, 0, LARGEST_SEED))
    define_word(table, group, 'xla', 'auto', ['auto', 'on', 'off'], XLA)
    define_word(table, group, 'precision', 'float32', PRECISIONS, PRECISION)
    meaning = 'stop training at the first loss that is infinite or not a number'
    define_switch(table, group, 'stop_on_nan', meaning, default=True, may_change=True)
    meaning = 'epochs between scores in the log (FID, classes drawn, bound); 0 means no scores'
    define(table, group, 'eval_every', 0, meaning, Number(int, 0))


def define_devices(table):
    """On how many devices and machines it is trained."""
    group = 'On which devices'
    define_word(table, group, 'distribute', 'none', DISTRIBUTIONS, DISTRIBUTE, may_change=True)
    define_switch(table, group, 'sync_batch_norm', SYNC_BATCH_NORM, may_change=True)


def define_places(table):
    """Where the run is saved, and how often."""
    group = 'Where and when to save'
    free = functools.partial(define, table, group, may_change=True)
    meaning = 'directory where tensorflow-datasets keeps its data sets; by default its own'
    free('data_dir', None, meaning)
    free('output_dir', 'outputs', 'directory that holds all runs')
    meaning = 'name of the directory of this run in output_dir; by default <model>-<dataset>'
    free('run_name', None, meaning, RunName())
    meaning = 'start the run from the beginning and delete what is there'
    define_switch(table, group, 'overwrite', meaning, may_change=True)
    free('save_every', 1, 'epochs between checkpoints', Number(int, 1))
    meaning = 'minutes between checkpoints within a long epoch'
    free('save_every_minutes', 10.0, meaning, Number(float, 0, above=True))
    free('sample_every', 1, 'epochs between grids of samples', Number(int, 1))


def changeable():
    """The names of the flags that may have another value when a run is continued."""
    table = tabulate(define_training)
    return {name for name in table if table[name].may_change}


def define_model(table, model):
    """Adds the model's own options, and gives the shared flags the defaults it prefers.

    Returns:
      What the model declares.

    Raises:
      InputError: there is no such model, or its file cannot be read.
    """
    known = declarations.names()
    if model not in known:
        near = nearest(model, known)
        raise InputError(f'--model={model}: no such model{near}; choose from {", ".join(known)}')
    declared = declarations.read(model)
    with readable(model):
        for name, option in declared.options.items():
            define_option(table, f'Options of {model}', name, option)
        prefer(table, declared.defaults)
        for option in declared.options.values():
            _ = [table[other] for other in option.only_with]
    return declared


@contextlib.contextmanager
def readable(model):
    """Reports in one line that a model's declarations do not make valid flags."""
    try:
        yield
    except (absl_flags.Error, AttributeError, LookupError, TypeError, ValueError) as error:
        raise declarations.unreadable(f'models.{model}', error) from None


def prefer(table, preferences):
    """Gives flags other defaults {name: value}; values that the user gave stay."""
    for name, value in preferences.items():
        table.set_default(name, value)


def define_option(table, group, name, option):
    """Adds an option of a model: a word, a switch or a number, by the type of its default."""
    if isinstance(option.default, str) and not option.choices:
        define(table, group, name, option.default, option.help)
    elif isinstance(option.default, str):
        define_word(table, group, name, option.default, option.choices, option.help)
    elif isinstance(option.default, bool):
        define_switch(table, group, name, option.help, option.default)
    else:
        number = Number(type(option.default), option.least, option.most)
        define(table, group, name, option.default, option.help, number)


def tabulate(*definitions):
    """A table of the flags that `definitions` add."""
    table = absl_flags.FlagValues()
    table.set_gnu_getopt()
    for add_to in definitions:
        add_to(table)
    return table


def define_help(table):
    """Adds --help."""
    flag = absl_flags.BooleanFlag('help', False, 'show this help', short_name='h')
    add(table, 'Help', flag)


def parse(argv, description, *definitions):
    """Reads the command line `argv` with the flags that `definitions` add to a table.

    Prints the help and exits with status 0 if --help is given.

    Returns:
      The table: `table.name` is the value of a flag.

    Raises:
      InputError: for unknown flags, unexpected words and invalid values.
    """
    table = tabulate(*definitions, define_help)
    read(argv, table)
    help_who_asks(table, description)
    return table


def parse_with_drawing(argv, description, define_flags, runs_of):
    """Reads the command line as `parse` does, with the drawing flags of the models of its runs.

    `runs_of(table)` returns the runs that the command line names.

    Returns:
      (table, [{name: value} of the drawing flags of each run's model]).

    Raises:
      InputError: as `parse` and `runs_of`, or the model of a run is missing.
    """
    table = tabulate(define_flags, define_help)
    read(argv, table, strict=False)
    try:
        models = [settings_of(run).model for run in runs_of(table)]
    except InputError:
        read(argv, table)  # a misspelt flag is reported first
        help_who_asks(table, description)
        raise
    for model in models:
        define_drawing(table, model)
    read(argv, table)
    help_who_asks(table, description)
    return table, [drawing_of(table, model) for model in models]


def define_drawing(table, model):
    """Adds the drawing flags of a model, except those that another model has added before."""
    group = 'How models draw'
    with readable(model):
        for name, option in declarations.read(model).drawing.items():
            if name not in table or table.find_module_defining_flag(name) != group:
                define_option(table, group, name, option)


def drawing_of(table, model):
    """{name: value} of the drawing flags of a model: the given value, or its default.

    Raises:
      InputError: a value is valid for another model on the command line, but not for this one.
    """
    found = {}
    for name, option in declarations.read(model).drawing.items():
        found[name] = table[name].value if table[name].present else option.default
        if not option.takes(found[name]):
            remedy = 'draw its run separately'
            raise InputError(f'--{name}={found[name]}: not accepted by {model}; {remedy}')
    return found


def help_who_asks(table, description):
    """Prints the help and exits with status 0 if --help is given."""
    if table.help:
        print(help_text(description, table))
        sys.exit(0)


def read(argv, table, strict=True):
    """Sets the flags of `table` from the command line `argv`.

    Raises:
      InputError: for unknown flags, unexpected words and invalid values. With `strict=False`
        unknown flags and unexpected words pass.
    """
    with refusals(table):
        stray = table([argv[0], *words(argv[1:])], known_only=not strict)[1:]
    if strict and stray:
        raise InputError(f'{stray[0]}: unexpected word; write flags as --name=value')


@contextlib.contextmanager
def refusals(table):
    """Reports in one line what is wrong with a flag of `table`."""
    try:
        yield
    except absl_flags.UnrecognizedFlagError as error:
        raise InputError(unknown(error.flagname, table)) from None
    except (absl_flags.Error, ValueError) as error:
        raise InputError(str(error).removeprefix('flag ').removeprefix('ERROR:: ')) from None


def words(argv):
    """The words of a command line, with the words of a --flagfile in its place.

    Raises:
      InputError: a word is not valid text, or is --undefok, which makes absl hide misspelt flags.
    """
    try:
        found = absl_flags.FlagValues().read_flags_from_files(argv)
    except UnicodeDecodeError as error:
        remedy = 'give a file with one flag per line'
        raise InputError(f'--flagfile: not a text file ({error}); {remedy}') from None
    except absl_flags.Error as error:
        raise InputError(str(error).removeprefix('ERROR:: ')) from None
    for word in found:
        check_text(word)
        if word.startswith('-') and word.lstrip('-').partition('=')[0] == 'undefok':
            raise InputError('--undefok: unknown flag; --help lists the flags')
    return found


def check_text(word):
    """Refuses a word of a command line that is not valid text."""
    try:
        word.encode()
    except UnicodeEncodeError:
        raise InputError(f'{ascii(word)}: not UTF-8; choose another name') from None


def change(table, name, value):
    """Gives a flag the value that `--name=value` would give it.

    Raises:
      InputError: as `read`.
    """
    if name not in table:
        raise InputError(unknown(name, table))
    check_text(f'--{name}={value}')
    with refusals(table):
        table[name].parse(str(value))
    table[name].using_default_value = False


def check_pairs(table, options):
    """Refuses an option that differs from its default where it would have no effect."""
    for name, option in options.items():
        for other, value in option.only_with.items():
            if table[name].value != table[name].default and table[other].value != value:
                raise InputError(
                    f'--{name}={table[name].value}: only used with --{other}={value}; '
                    'add that or leave this out'
                )


def unknown(name, table):
    """One line on an unknown flag: the models that have it, or the nearest names."""
    readers = [model for model in declarations.names() if reads(model, name)]
    if readers and 'model' in table:
        model, others = table['model'].value, ', '.join(readers)
        if model is None:
            return f'--{name}: only used by {others}; name the model with --model'
        return f'--{name}: not used by {model}, only by {others}; leave it out'
    return f'--{name}: unknown flag{nearest(name, list(table))}; --help lists the flags'


def reads(model, name):
    """Whether a model has an option of this name; a file that is not a model has none."""
    try:
        return name in declarations.read(model).options
    except InputError:
        return False


def nearest(word, known):
    """The known words that look like `word`, as a question in brackets, or nothing."""
    close = difflib.get_close_matches(word, known, cutoff=0.5)
    return f' (did you mean {" or ".join(close)}?)' if close else ''


def help_text(description, table):
    """The flags by group, each with its meaning and its default, which may depend on the model."""
    lines = [(description or '').strip()]  # python -OO leaves docstrings out
    preferred = preferences() if 'model' in table and table['model'].value is None else {}
    for group, members in table.flags_by_module_dict().items():
        lines += ['', group]
        for flag in members:
            meaning = flag.help + default_text(flag.default, preferred.get(flag.name, {}))
            lines += textwrap.wrap(meaning, 96, initial_indent=f'  --{flag.name:<16} ', **HANGING)
    return '\n'.join(lines)


def preferences():
    """{flag: {value: models that prefer it}} of the flags that all models share."""
    found = {}
    for model in declarations.names():
        for name, value in declarations.read(model).defaults.items():
            found.setdefault(name, {}).setdefault(value, []).append(model)
    return found


def default_text(default, preferred):
    """The end of a flag's help: its default, and the {value: models} that differ from it."""
    told = [] if default is None or default is False else [f'default {default}']
    others = [(value, models) for value, models in preferred.items() if value != default]
    told += [f'{value} for {", ".join(models)}' for value, models in others]
    return f' ({"; ".join(told)})' if told else ''


XLA = 'compile the steps with XLA; auto does what was measured to be faster for the model'
DISTRIBUTIONS = ('none', 'mirrored', 'multi_worker')
DISTRIBUTE = 'divide each batch among devices, without XLA: mirrored, all GPUs of this machine; '
DISTRIBUTE += 'multi_worker, those of several machines, named by TF_CONFIG or Slurm'
SYNC_BATCH_NORM = 'with --distribute, batch norm normalises by the whole batch; otherwise each '
SYNC_BATCH_NORM += 'device normalises by its part'
PRECISION = 'precision of the networks; losses, weights and the statistics of batch norm stay '
PRECISION += 'float32; float64 is for tests'
HANGING = {
    'subsequent_indent': ' ' * 21,
    'break_long_words': False,
    'break_on_hyphens': False,
}


class Settings(SimpleNamespace):
    """The value of every flag of a training run, the model's own options included."""

    @property
    def changeable(self):
        """The names of the flags that may have another value when a run is continued."""
        return changeable()


def training(argv, description):
    """The settings of a training run from its command line: a namespace of every flag.

    Prints the help and exits with status 0 if --help is given.

    Raises:
      InputError: as `read`; no model or data set is named; there is no such model.
    """
    table = tabulate(define_training, define_help)
    read(argv, table, strict=False)
    model = table.model
    declared = None if model is None else define_model(table, model)
    read(argv, table)
    if declared:
        follow_variant(table, declared)
    help_who_asks(table, description)
    return settled(table, declared)


def settings(model, **changes):
    """The settings of a training run of `model`: a namespace of every flag.

    All flags have the model's defaults, except `changes`; None leaves a flag as it is.

    Raises:
      InputError: as `training`.
    """
    table = tabulate(define_training)
    change(table, 'model', model)
    declared = define_model(table, table['model'].value)
    for name, value in changes.items():
        if value is not None:
            change(table, name, value)
    follow_variant(table, declared)
    return settled(table, declared)


def follow_variant(table, declared):
    """Gives the flags the defaults that the chosen variant of the model prefers, if any."""
    variant = table['variant'].value if 'variant' in table else None
    with readable(table['model'].value):
        prefer(table, declared.variants.get(variant, {}))


def check_devices(table):
    """Refuses flags that say nothing on one device, or nothing on several."""
    kind = table['distribute'].value
    if kind != 'none' and table['xla'].value == 'on':
        raise InputError(f'--xla=on: with --distribute={kind} XLA compiles no step; leave one out')
    if kind == 'none' and table['sync_batch_norm'].value:
        raise InputError('--sync_batch_norm: only used with --distribute; add that or leave it out')


def settled(table, declared):
    """The settings in `table`; refuses missing flags and options that would have no effect."""
    found = {name: table[name].value for name in table if name not in ('help', 'h')}
    for name in ('model', 'dataset'):
        if found[name] is None:
            example = 'python train.py --model=vae --dataset=mnist'
            raise InputError(f'--{name}: missing; for example: {example}')
    check_pairs(table, declared.options)
    check_devices(table)
    place = re.sub(r'\W+', '-', Path(found['dataset']).name).strip('-')
    found['run_name'] = found['run_name'] or f'{found["model"]}-{place}'
    return Settings(**found)
