"""flags.py: what is refused, what the help shows, whose defaults win."""

import math
import subprocess
import sys

import pytest

import flags
from models.shared import declarations
from runs import directory
from support import terminal
from support.errors import InputError

TRAIN = ['train.py', '--model=vae', '--dataset=digits']

MODEL = """
import a_module_that_does_not_exist

defaults = {'epochs': 7, 'learning_rate': 0.25}
options = {
    'depth': {'default': 3, 'help': 'how deep', 'least': 2},
    'leak': {'default': 0.5, 'help': 'how leaky'},
    'kind': {'default': 'soft', 'help': 'which kind', 'choices': ('soft', 'hard')},
    'noisy': {'default': True, 'help': 'whether it is'},
}
"""


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A models/ directory with `toy`, shared files and another model."""
    monkeypatch.setattr(declarations, 'MODELS', tmp_path)
    (tmp_path / 'toy.py').write_text(MODEL)
    (tmp_path / 'other.py').write_text("options = {'width': {'default': 1, 'help': 'how wide'}}")
    (tmp_path / 'shared').mkdir()
    for name in ('shared/base', '__init__', '_draft'):
        (tmp_path / f'{name}.py').touch()
    return ['train.py', '--model=toy', '--dataset=digits']


def settings(*arguments, command=TRAIN):
    return flags.training([*command, *arguments], 'About.')


def refusal(*arguments, command=TRAIN):
    with pytest.raises(InputError) as error:
        settings(*arguments, command=command)
    assert '\n' not in str(error.value)
    return str(error.value)


def shown(capsys, *arguments, command=TRAIN):
    """What --help prints, its lines joined."""
    with pytest.raises(SystemExit) as end:
        settings(*arguments, command=command)
    assert end.value.code == 0
    return ' '.join(capsys.readouterr().out.split())


HELP = """
import sys, train
from support import terminal
try:
    train.main(['train.py', '--help', *sys.argv[1:]])
finally:
    assert not {'tensorflow', 'keras', 'losses', 'models.shared.base'} & set(sys.modules)
"""


@pytest.mark.parametrize('more', [[], ['--model=vae']])
def test_help_needs_no_tensorflow(more):
    command = [sys.executable, '-c', HELP, *more]
    done = subprocess.run(command, cwd=declarations.MODELS.parent, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, '')
    assert ('Options of vae' in done.stdout) == bool(more)


@pytest.mark.parametrize('word', ['--help', '-h'])
def test_help_shows_groups_meanings_and_defaults(capsys, word):
    text = shown(capsys, word, command=['train.py'])
    assert text.startswith('About. What to train --model model to train: acgan, ae, ')
    groups = ['What to train', 'How to train', 'Where and when to save', 'Help']
    assert sorted(groups, key=text.index) == groups
    assert '--latent_dim length of the code (default 100' in text
    assert '--seed seed of all random numbers; the same seed gives the same run (default 0)' in text
    assert '--xla <auto|on|off>: compile the steps with XLA; auto does what was measured' in text
    assert '--image_size resize images to this many pixels per side; by default they' in text
    assert 'None' not in text and 'False' not in text and 'Options of' not in text


def test_help_shows_what_the_named_model_reads(capsys, toy):
    text = shown(capsys, '--help', command=toy)
    assert '--epochs passes over the training images (default 7)' in text
    assert '--depth how deep (default 3)' in text
    assert '--leak how leaky (default 0.5)' in text
    assert '--kind <soft|hard>: which kind (default soft)' in text
    assert '--noisy whether it is (default True)' in text
    assert '--width' not in text


def test_help_shows_what_a_default_is_by_model(capsys, toy):
    text = shown(capsys, '--help', command=['train.py'])
    assert '--epochs passes over the training images (default 100; 7 for toy)' in text
    assert '--batch_size images per step (default 64)' in text


def test_defaults_by_model_are_told_where_they_differ():
    told = flags.default_text(100, {7: ['a', 'b'], 100: ['c'], 5: ['d']})
    assert told == ' (default 100; 7 for a, b; 5 for d)'
    assert flags.default_text(100, {100: ['c']}) == ' (default 100)'
    assert flags.default_text(None, {}) == ''


def test_help_lines_fit(capsys):
    with pytest.raises(SystemExit):
        settings('--help')
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 100


def test_shared_files_are_no_models(toy):
    assert declarations.names() == ['other', 'toy']
    for name in ('shared', 'shared/base', '_draft', '__init__', '', '../models/toy'):
        assert refusal(f'--model={name}').startswith(f'--model={name}: no such model')


def test_defaults_of_the_model_apply_and_the_users_flags_win(toy):
    ours = settings(command=toy)
    assert (ours.epochs, ours.learning_rate, ours.batch_size) == (7, 0.25, 64)
    assert (ours.depth, ours.leak, ours.kind, ours.noisy) == (3, 0.5, 'soft', True)
    theirs = ['--epochs=2', '--depth', '5', '--leak=-1e3', '--kind=hard', '--nonoisy']
    ours = settings(*theirs, command=toy)
    assert (ours.epochs, ours.learning_rate) == (2, 0.25)
    assert (ours.depth, ours.leak, ours.kind, ours.noisy) == (5, -1000.0, 'hard', False)
    assert type(ours.depth) is int


def test_settings_hold_every_flag_and_nothing_else():
    found = vars(settings())
    assert (found['model'], found['dataset'], found['overwrite']) == ('vae', 'digits', False)
    assert {'kl_weight', 'seed', 'xla', 'run_name'} <= set(found)
    assert not {'help', 'h'} & set(found)


@pytest.mark.parametrize(
    'dataset, run_name',
    [
        ('mnist', 'vae-mnist'),
        ('some/where/my pictures/', 'vae-my-pictures'),
        ('cifar10:3.0.2', 'vae-cifar10-3-0-2'),
    ],
)
def test_a_run_is_named_after_model_and_data(dataset, run_name):
    assert settings(f'--dataset={dataset}').run_name == run_name
    assert settings(f'--dataset={dataset}', '--run_name=mine').run_name == 'mine'


def test_the_last_of_a_repeated_flag_counts():
    assert settings('--epochs=3', '--epochs=4').epochs == 4


def test_each_command_line_starts_afresh():
    assert settings('--seed=3').seed == 3
    assert settings().seed == 0


WHOLE = 'a whole number from 1 to 2147483647'


@pytest.mark.parametrize(
    'flag, wanted',
    [
        ('epochs', WHOLE),
        ('batch_size', WHOLE),
        ('image_size', WHOLE),
        ('train_size', WHOLE),
        ('latent_dim', 'a whole number from 1 to 10000'),
        ('save_every', WHOLE),
        ('sample_every', WHOLE),
        ('learning_rate', 'a finite number above 0 and up to 1e+38'),
        ('save_every_minutes', 'a finite number above 0 and up to 1e+38'),
    ],
)
@pytest.mark.parametrize('value', ['0', '-1', 'nan', 'inf', '-inf', 'many', '', '1e999', '1' * 39])
def test_numbers_that_cannot_be_meant_are_refused(flag, wanted, value):
    assert refusal(f'--{flag}={value}') == f'--{flag}={value}: must be {wanted}'


def test_every_number_of_every_model_has_a_limit():
    """A network of 10^10 units, or a game without an end, cannot be meant."""
    for model in declarations.names():
        for name, option in declarations.read(model).options.items():
            if type(option.default) in (int, float):
                command = ['train.py', f'--model={model}', '--dataset=digits']
                assert f'--{name}=' in refusal(f'--{name}={10**39}', command=command)


@pytest.mark.parametrize(
    ('model', 'flag'),
    [('wgan', 'discriminator_steps'), ('gan_mlp', 'width'), ('dcgan', 'width')],
)
def test_what_makes_networks_and_games_large_is_limited_early(model, flag):
    command = ['train.py', f'--model={model}', '--dataset=digits']
    assert f'--{flag}=10000: must be' in refusal(f'--{flag}=10000', command=command)


@pytest.mark.parametrize('value', ['1.5', '1e3', '0x10', 'True'])
def test_a_whole_number_is_no_fraction(value):
    assert refusal(f'--epochs={value}').endswith(f'must be {WHOLE}')


@pytest.mark.parametrize('value', ['1' + '0' * 400, '1' * 5000], ids=['400 digits', '5000 digits'])
def test_a_number_too_large_for_a_computer_is_refused(value):
    assert refusal(f'--epochs={value}').endswith(f'must be {WHOLE}')


@pytest.mark.parametrize('value', ['-1', str(2**31), 'nan'])
def test_seeds_fit_31_bits(value):
    assert settings(f'--seed={2**31 - 1}').seed == 2**31 - 1
    wanted = 'a whole number from 0 to 2147483647'
    assert refusal(f'--seed={value}') == f'--seed={value}: must be {wanted}'


def test_limits_of_a_models_own_options(toy):
    wanted = 'a whole number from 2 to 2147483647'
    assert refusal('--depth=1', command=toy) == f'--depth=1: must be {wanted}'
    assert (
        refusal('--leak=nan', command=toy)
        == '--leak=nan: must be a finite number from -1e+38 to 1e+38'
    )
    assert 'soft|hard' in refusal('--kind=firm', command=toy)


@pytest.mark.parametrize(
    'value', ['..', '.', '../x', 'a/b', '/tmp/x', '', '.hidden', '-x', 'a b', 'a\nb', '~']
)
def test_a_run_stays_inside_the_output_directory(value):
    with pytest.raises(InputError, match='(?s)^--run_name=.*: must be a plain name'):
        settings(f'--run_name={value}')


@pytest.mark.parametrize('value', ['vae-mnist', 'a.b_c+d=e', 'x', '7', 'größe'])
def test_plain_names_pass(value):
    assert settings(f'--run_name={value}').run_name == value


@pytest.mark.parametrize(
    'command, message',
    [
        (
            ['--model=vaee', '--dataset=digits'],
            '--model=vaee: no such model (did you mean vae or cvae or ae?); choose from acgan, ',
        ),
        (['--model=qqqq', '--dataset=digits'], '--model=qqqq: no such model; choose from '),
        (['--dataset=digits'], '--model: missing'),
        (['--model=vae'], '--dataset: missing'),
        ([], '--model: missing'),
        (
            ['--model=vae', '--lerning_rate=1'],
            '--lerning_rate: unknown flag (did you mean learning',
        ),
        (['--model=vae', '--zzzzzz=1'], '--zzzzzz: unknown flag; --help lists the flags'),
        (['--dataset=digits', '--zzzzzz=1'], '--zzzzzz: unknown flag; --help lists the flags'),
        (
            ['--model=gan', '--kl_weight=2'],
            '--kl_weight: not used by gan, only by cvae, vae; leave it out',
        ),
        (['--kl_weight=2'], '--kl_weight: only used by cvae, vae; name the model with --model'),
        (['--model=vae', 'mnist'], 'mnist: unexpected word; write flags as --name=value'),
        (['mnist', '--model=vae'], 'mnist: unexpected word; write flags as --name=value'),
        (['--model=vae', '--', '--epochs=3'], '--epochs=3: unexpected word'),
        (['--model=vae', '--xla=perhaps'], '--xla=perhaps: value should be one of <auto|on|off>'),
        (['--model=vae', '--overwrite=perhaps'], '--overwrite=perhaps: '),
        (['--model=vae', '--dataset'], 'Missing value for flag --dataset'),
        (['--helpful'], '--helpful: unknown flag'),
        (['--model=vae', '--nooverwrite=3'], '--nooverwrite=3 does not take an argument'),
        (['--undefok=lerning_rate', '--lerning_rate=1'], '--undefok: unknown flag'),
        (['-undefok', 'lerning_rate', '--lerning_rate=1'], '--undefok: unknown flag'),
        (['--flagfile=no/such/file'], 'Unable to open flagfile'),
        (['--output_dir=\udcff'], "'--output_dir=\\udcff': not UTF-8"),
    ],
)
def test_what_cannot_be_meant_is_refused(command, message):
    assert refusal(command=['train.py', *command]).startswith(message)


def test_flags_may_stand_in_a_file(tmp_path):
    (tmp_path / 'flags').write_text('--epochs=7\n# a remark\n--seed=3\n')
    assert settings(f'--flagfile={tmp_path}/flags').epochs == 7
    (tmp_path / 'flags').write_text('--undefok=sead\n--sead=3\n')
    assert refusal(f'--flagfile={tmp_path}/flags').startswith('--undefok: unknown flag')
    (tmp_path / 'flags').write_bytes(bytes(range(256)))
    assert refusal(f'--flagfile={tmp_path}/flags').startswith('--flagfile: not a text file')


@pytest.mark.parametrize('name', ['output_dir', 'data_dir', 'out', 'run', 'runs', 'export'])
def test_paths_may_begin_at_home(name, monkeypatch):
    def define(table):
        flags.define(table, 'Mine', name, None, 'where')

    monkeypatch.setenv('HOME', '/home/me')
    assert flags.parse(['x.py', f'--{name}=~/a'], '', define)[name].value == '/home/me/a'
    monkeypatch.setenv('HOME', '')
    with pytest.raises(InputError, match=f'^--{name}=~/a: no home directory is known'):
        flags.parse(['x.py', f'--{name}=~/a'], '', define)


def test_each_of_several_paths_may_begin_at_home(monkeypatch):
    monkeypatch.setenv('HOME', '/home/me')
    assert flags.Places().parse('a,~/b,~') == 'a,/home/me/b,/home/me'
    assert flags.Place().parse('a,~/b') == 'a,~/b'


def test_files_that_editors_and_systems_leave_are_no_models(toy, tmp_path):
    (tmp_path / '._toy.py').write_bytes(bytes(range(256)))
    (tmp_path / '.#toy.py').symlink_to('me@host.1234')
    (tmp_path / 'gone.py').symlink_to('nowhere')
    (tmp_path / 'folder.py').mkdir()
    assert declarations.names() == ['other', 'toy']


BROKEN = [
    (b'x = 1\ndef :\n', ', line 2: invalid syntax'),
    (b'x = 1\n\noptions = {"a": f(1)}\n', ', line 3: options must be a dictionary of literals'),
    (b'x = 1\n\x00\n', ', line '),
    (b'"\xff"\n', ', line 1: '),
    (b'options = [1]', ', line 1: options must be a dictionary of literals'),
    (b'options = {"a": 3}', ': its defaults, options, variants or drawing cannot be read'),
    (
        b'options = {"a": {"default": [], "help": "b"}}',
        ': its defaults, options, variants or drawing cannot be read',
    ),
    (b'options = {"a": ("b", "c")}', ': its defaults, options, variants or drawing cannot be read'),
    (
        b'options = {"a": {"default": 1}}',
        ': its defaults, options, variants or drawing cannot be read',
    ),
    (b'options = {"a": {"default": "b", "help": "c", "choices": ["d"]}}', ': its defaults'),
    (b'options = {"a": {"default": 1, "help": "c", "least": 2}}', ': its defaults, options'),
    (b'options = {"a": {"default": 1, "help": "c", "most": "9"}}', ': its defaults, options'),
    (b'options = {"a": {"default": 1, "help": "c", "only_with": {"b": 1}}}', ': its defaults'),
    (b'options = {"a": {"default": 1, "help": "c"}}\ndefaults = {"a": "x"}', ': its defaults'),
    (
        b'options = {"seed": {"default": 1, "help": "again"}}',
        ': its defaults, options, variants or drawing cannot be read',
    ),
    (b'defaults = {"epoch": 1}', ': its defaults, options, variants or drawing cannot be read'),
    (b'defaults = {"epochs": 0}', ': its defaults, options, variants or drawing cannot be read'),
    (b'variants = 3', ', line 1: variants must be a dictionary of literals'),
]


@pytest.mark.parametrize(('text', 'told'), BROKEN)
def test_a_model_file_that_cannot_be_read_is_named_and_breaks_no_other(toy, tmp_path, text, told):
    (tmp_path / 'broken.py').write_bytes(text)
    broken = ['train.py', '--model=broken', '--dataset=digits']
    assert refusal(command=broken).startswith(f'{tmp_path}/broken.py{told}')
    assert settings(command=toy).depth == 3
    assert 'only used by toy' in refusal('--depth=3', command=['train.py'])


def test_the_readers_of_a_flag_are_named(toy):
    message = refusal('--width=3', command=toy)
    assert message == '--width: not used by toy, only by other; leave it out'


def test_a_variant_has_preferences_of_its_own_and_the_user_wins(toy, tmp_path):
    file = tmp_path / 'toy.py'
    more = "variants = {'thin': {'batch_size': 5, 'epochs': 9}}\n"
    kinds = "    'variant': {'default': 'thick', 'help': 'which', 'choices': ('thick', 'thin')},\n"
    kinds += "    'depth'"
    file.write_text(MODEL.replace("    'depth'", kinds) + more)
    plain, thin = settings(command=toy), settings('--variant=thin', command=toy)
    assert (plain.epochs, plain.batch_size) == (7, 64)
    assert (thin.epochs, thin.batch_size, thin.learning_rate) == (9, 5, 0.25)
    assert settings('--variant=thin', '--epochs=2', command=toy).epochs == 2
    assert 'variant' in refusal('--variant=fat', command=toy)


def test_an_option_that_another_makes_meaningless_is_refused(toy, tmp_path):
    path = tmp_path / 'toy.py'
    games = "    'game': {'default': 'chess', 'help': 'which', 'choices': ('chess', 'go')},\n"
    games += "    'depth'"
    text = MODEL.replace("    'depth'", games)
    path.write_text(text.replace("'least': 2", "'least': 2, 'only_with': {'game': 'chess'}"))
    assert settings('--depth=5', '--game=chess', command=toy).depth == 5
    assert settings('--game=go', command=toy).game == 'go'
    told = '--depth=5: only used with --game=chess; add that or leave this out'
    assert refusal('--depth=5', '--game=go', command=toy) == told
    assert refused('toy', dataset='digits', depth=5, game='go') == told


def test_other_commands_define_their_own(capsys):
    def define(table):
        flags.define(table, 'Mine', 'share', None, 'a share', flags.Number(float, 0, 1))

    assert flags.parse(['x.py', '--share=1'], '', define).share == 1.0
    for value in ('1.5', '-0.5'):
        with pytest.raises(
            InputError, match=f'^--share={value}: must be a finite number from 0 to 1'
        ):
            flags.parse(['x.py', f'--share={value}'], '', define)
    with pytest.raises(InputError, match=r'^--kl_weight: unknown flag; --help'):
        flags.parse(['x.py', '--kl_weight=1'], '', define)


def test_a_limit_may_be_left_out():
    assert flags.Number(float).parse('-2.5') == -2.5
    assert flags.Number(float, above=True, least=0).parse('1e-300') == 1e-300
    assert math.copysign(1, flags.Number(float).parse('-0')) == -1


def test_a_mistake_is_one_line_and_status_1(monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['some/where/train.py', '--model=vae', '--epochs=0'])
    with pytest.raises(SystemExit) as end:
        terminal.start(lambda argv: flags.training(argv, ''))
    assert end.value.code == f'train.py: --epochs=0: must be {WHOLE}'


def test_bytes_that_are_no_utf_8_are_refused():
    assert refusal('--output_dir=/tmp/a\udcff').startswith(
        r"'--output_dir=/tmp/a\udcff': not UTF-8"
    )


# Settings without a command line


def refused(*names, **changes):
    with pytest.raises(InputError) as error:
        flags.settings(*names, **changes)
    return str(error.value)


SAME = [
    ('vae', {}),
    ('vae', {'variant': 'burda', 'epochs': 7, 'output_dir': '~/a', 'overwrite': True}),
    ('gan', {'learning_rate': 3e-5, 'instance_noise': 0, 'dataset': 'some/where/my pictures/'}),
    ('wgan', {'width': 0.1, 'clip': 1 / 3, 'stop_on_nan': False, 'run_name': 'mine'}),
    ('wgan_gp', {'seed': 2**31 - 1, 'xla': 'off', 'precision': 'float64'}),
]


@pytest.mark.parametrize(('model', 'changes'), SAME)
def test_settings_are_those_of_the_command_line(model, changes):
    changes = {'dataset': 'digits'} | changes
    words = [f'--{name}={value}' for name, value in changes.items()]
    typed = settings(*words, command=['train.py', f'--model={model}'])
    assert flags.settings(model, **changes) == typed
    kinds = [
        {name: type(value) for name, value in vars(found).items()}
        for found in (typed, flags.settings(model, **changes))
    ]
    assert kinds[0] == kinds[1]


def test_none_leaves_a_flag_as_it_is():
    given = flags.settings('vae', dataset='digits', image_size=None, epochs=None)
    assert given == flags.settings('vae', dataset='digits')


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('epochs', 0),
        ('epochs', 1.5),
        ('epochs', True),
        ('learning_rate', float('nan')),
        ('kl_weight', -1),
        ('reconstruction', 'l3'),
        ('overwrite', 'perhaps'),
        ('run_name', '../x'),
        ('output_dir', '\udcff'),
        ('lerning_rate', 1),
        ('zzzzzz', 1),
        ('clip', 1),
        ('model', 'vaee'),
    ],
)
def test_settings_refuse_what_the_command_line_refuses(name, value):
    typed = refusal(f'--{name}={value}')
    changes = {'dataset': 'digits', name: value}
    assert refused(changes.pop('model', 'vae'), **changes) == typed


def test_settings_need_data():
    assert refused('vae').startswith('--dataset: missing')


# Changes to a run


def test_what_a_run_may_be_continued_with():
    free = {'data_dir', 'output_dir', 'run_name', 'overwrite', 'epochs', 'stop_on_nan'}
    free |= {'save_every', 'save_every_minutes', 'sample_every'}
    assert flags.changeable() == free | {'distribute', 'sync_batch_norm'}


# How models draw

DRAWING = """
options = {'depth': {'default': 1, 'help': 'how deep'}}
drawing = {'heat': {'default': HEAT, 'help': 'how hot', 'least': 0.0, 'most': 2.0}}
"""


class Runs:
    """As many runs as models are named, of which only the settings are looked at."""

    def __init__(self, *models):
        settings = {'seed': 0, 'latent_dim': 2, 'precision': 'float32'}
        self.runs = []
        for model in models:
            run = directory.Run(model)
            run.config = {'settings': settings | {'model': model}}
            self.runs.append(run)

    def parse(self, *words):
        """The drawing flags of each of them."""

        def define(table):
            flags.define(table, 'Mine', 'seed', 0, 'a seed', flags.Number(int))

        command = ['x.py', *words]
        return flags.parse_with_drawing(command, '', define, lambda _: self.runs)[1]


@pytest.fixture
def hot(toy, tmp_path):
    """Two models more that draw by --heat."""
    (tmp_path / 'hot.py').write_text(DRAWING.replace('HEAT', '1.0'))
    (tmp_path / 'cold.py').write_text(DRAWING.replace('HEAT', '0.5').replace('2.0', '1.0'))


def test_models_draw_by_flags_of_their_own(hot):
    assert Runs('hot', 'toy', 'cold').parse() == [{'heat': 1.0}, {}, {'heat': 0.5}]
    assert Runs('hot', 'toy', 'cold').parse('--heat=0.25') == [{'heat': 0.25}, {}, {'heat': 0.25}]
    for words, models, told in (
        ('--heat=3', ['hot'], '--heat=3: must be a finite number from 0 to 2.0'),
        ('--heat=1.5', ['hot', 'cold'], '--heat=1.5: not accepted by cold; draw its run sep'),
        ('--heat=1', ['toy'], '--heat: unknown flag'),
        ('--depth=2', ['hot'], '--depth: unknown flag'),
    ):
        with pytest.raises(InputError, match=f'^{told}'):
            Runs(*models).parse(words)


def test_a_misspelt_flag_is_told_before_a_missing_run(hot, capsys):
    def missing(_):
        raise InputError('--run: missing')

    for word, told in (('--sead=1', '--sead: unknown flag'), ('--seed=1', '--run: missing')):
        with pytest.raises(InputError, match=told):
            flags.parse_with_drawing(['x.py', word], '', flags.define_course, missing)
    with pytest.raises(SystemExit):
        flags.parse_with_drawing(['x.py', '--help'], 'About.', flags.define_course, missing)
    assert capsys.readouterr().out.startswith('About.')
