"""generate.py end to end, on runs that the train command made."""

import itertools
import json
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import harness
import numpy as np
import pytest

import generate
import pictures
from runs import directory, restore
from runs.directory import Run
from support import backend, files
from support.errors import InputError

ROOT = Path(generate.__file__).parent
MODELS = ('vae', 'gan')


def call(*arguments):
    """Runs the command in this process."""
    assert generate.main(['generate.py', *map(str, arguments)]) == 0


def array(path):
    with np.load(path) as arrays:
        assert arrays.files == ['images']
        return arrays['images']


def draw(run, out, **given):
    """The images that the command writes as `out`."""
    call(f'--run={run}', f'--out={out}', *(f'--{name}={value}' for name, value in given.items()))
    return array(out)


def listing(directory):
    """{path: (modified, size)} of everything below."""
    found = ((path, path.stat()) for path in directory.rglob('*'))
    return {path: (stat.st_mtime_ns, stat.st_size) for path, stat in found}


def untrained(path, model, image_shape):
    """A run at `path` whose checkpoint holds the weights that the model begins with."""
    backend.load_tensorflow()
    import flags
    from models.shared.build import build

    settings = vars(flags.settings(model, dataset='digits', latent_dim=8))
    config = harness.configuration(settings, model=model, image_shape=image_shape)
    files.write_json(path / 'config.json', config)
    weights = build(image_shape, 2, SimpleNamespace(**settings)).variables
    arrays = {f'{i:04d}': v.numpy() for i, v in enumerate(weights)}
    files.write_arrays(path / 'checkpoints' / 'step_00000001.npz', arrays | {'step': np.array(1)})
    return path


@pytest.fixture(scope='module')
def colour_gan(tmp_path_factory):
    """An untrained run whose generator speaks [-1, 1]."""
    return untrained(tmp_path_factory.mktemp('colour') / 'run', 'gan', [32, 32, 3])


@pytest.mark.parametrize(('model', 'typed'), [('vae', True), ('gan', False)])
def test_the_command_writes_the_grid_beside_the_run_and_nothing_else(
    tiny_runs, tmp_path, model, typed, capfd
):
    """Once as a process of its own."""
    run = shutil.copytree(tiny_runs[model], tmp_path / 'elsewhere')
    before = listing(run)
    if typed:
        command = [sys.executable, ROOT / 'generate.py', f'--run={run}']
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, f'{run}/generated.png\n', '')
    else:
        call(f'--run={run}')
        assert capfd.readouterr() == (f'{run}/generated.png\n', '')
    assert listing(run).keys() - before.keys() == {run / 'generated.png'}
    # Latents of the run's own seed are those of its grids, so these are the weights of epoch 2.
    last = pictures.load_png(run / 'samples' / 'epoch_0002.png')
    np.testing.assert_array_equal(pictures.load_png(run / 'generated.png'), last)


@pytest.mark.parametrize('model', MODELS)
def test_images_depend_on_seed_and_index_alone(tiny_runs, tmp_path, model):
    first = draw(tiny_runs[model], tmp_path / 'a.npz', num=5, seed=1)
    more = draw(tiny_runs[model], tmp_path / 'b.npz', num=70, seed=1)
    other = draw(tiny_runs[model], tmp_path / 'c.npz', num=5, seed=2)
    assert first.shape == (5, 28, 28, 1) and more.shape == (70, 28, 28, 1)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, more[:5])
    assert (first != other).any(axis=(1, 2, 3)).all()
    assert len({image.tobytes() for image in more}) == 70


def test_png_is_the_grid_of_the_npz(tiny_runs, tmp_path):
    images = draw(tiny_runs['vae'], tmp_path / 'a.npz', num=7, seed=3)
    call(f'--run={tiny_runs["vae"]}', f'--out={tmp_path}/a.png', '--num=7', '--seed=3')
    np.testing.assert_array_equal(pictures.load_grid(tmp_path / 'a.png'), pictures.grid(images))


def test_the_default_is_64_images_of_seed_0(tiny_runs, tmp_path):
    default = draw(tiny_runs['vae'], tmp_path / 'a.npz')
    told = draw(tiny_runs['vae'], tmp_path / 'b.npz', num=64, seed=0)
    np.testing.assert_array_equal(default, told)


def test_a_damaged_newest_checkpoint_gives_way_to_the_one_before(tiny_runs, tmp_path, capsys):
    run = shutil.copytree(tiny_runs['vae'], tmp_path / 'run')
    newest, *_ = Run(run).checkpoints()
    newest.write_bytes(newest.read_bytes()[:5000])
    call(f'--run={run}')
    assert newest.name in capsys.readouterr().err
    first = pictures.load_png(run / 'samples' / 'epoch_0001.png')
    np.testing.assert_array_equal(pictures.load_png(run / 'generated.png'), first)


LOAD = """
import os, sys
os.environ |= {'KERAS_BACKEND': 'tensorflow', 'TF_CPP_MIN_LOG_LEVEL': '2'}
import numpy as np, tensorflow as tf, keras
for path in sys.argv[1:]:
    load = keras.models.load_model if path.endswith('.keras') else tf.saved_model.load
    model = load(path)
    latents = np.load(os.path.dirname(path) + '.latents.npy')
    np.save(path + '.npy', np.asarray(getattr(model, 'serve', model)(latents)))
assert not {'models', 'losses', 'loop', 'training', 'generate'} & set(sys.modules)
"""
EXPORTS = list(itertools.product([*MODELS, 'colour'], ['generator.keras', 'saved']))


@pytest.fixture(scope='module')
def exported(tiny_runs, colour_gan, tmp_path_factory):
    """{(model, name): what the exported generator draws of nine latents, what the run draws}.

    All are loaded by one process, which does not know the project.
    """
    base, expected = tmp_path_factory.mktemp('exported'), {}
    for model, run in [*tiny_runs.items(), ('colour', colour_gan)]:
        before = listing(run)
        for name in ('generator.keras', 'saved'):
            call(f'--run={run}', f'--export={base / model / name}')
        assert listing(run) == before
        assert {path.name for path in (base / model).iterdir()} == {'generator.keras', 'saved'}
        expected[model] = draw(run, base / f'{model}.npz', num=9, seed=4)
        restored = restore.restore(Run(run), Run(run).load(warn=None))
        np.save(base / f'{model}.latents.npy', restored.latents(9, 4))
    paths = [base / model / name for model, name in EXPORTS]
    command = [sys.executable, '-P', '-c', LOAD, *map(str, paths)]
    done = subprocess.run(command, cwd=base, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = [np.load(f'{path}.npy') for path in paths]
    return {key: (images, expected[key[0]]) for key, images in zip(EXPORTS, found, strict=True)}


@pytest.mark.parametrize(('model', 'name'), EXPORTS)
def test_the_exported_generator_draws_the_same_without_the_project(exported, model, name):
    images, expected = exported[model, name]
    assert images.dtype == np.float32
    assert 0.0 <= images.min() < 0.5 < images.max() <= 1.0
    np.testing.assert_allclose(images * 255.0, expected, atol=1.0)


def test_with_export_and_out_both_are_written(tiny_runs, tmp_path, capsys):
    call(f'--run={tiny_runs["vae"]}', f'--export={tmp_path}/g.keras', f'--out={tmp_path}/g.png')
    assert capsys.readouterr().out == f'{tmp_path}/g.keras\n{tmp_path}/g.png\n'
    assert sorted(path.name for path in tmp_path.iterdir()) == ['g.keras', 'g.png']


def test_a_keras_file_is_replaced(tiny_runs, tmp_path):
    kept = tmp_path / 'g.keras'
    kept.write_text('old')
    call(f'--run={tiny_runs["vae"]}', f'--export={kept}')
    assert kept.stat().st_size > 1000


@pytest.mark.parametrize('name', ['a.png', 'a.npz'])
def test_a_file_at_out_is_replaced_only_when_asked_for(tiny_runs, tmp_path, name):
    out = tmp_path / name
    out.write_text('mine')
    with pytest.raises(InputError, match=f'^--out={out}: exists; .*--overwrite'):
        call(f'--run={tiny_runs["vae"]}', f'--out={out}')
    assert out.read_text() == 'mine'
    call(f'--run={tiny_runs["vae"]}', f'--out={out}', '--num=1', '--overwrite')
    assert out.read_bytes() != b'mine'


def test_its_own_name_is_replaced_unasked(tiny_runs, tmp_path):
    run = shutil.copytree(tiny_runs['vae'], tmp_path / 'run')
    out = run / 'generated.png'
    for words in ['--num=1'], ['--num=2'], ['--num=3', f'--out={run}/../run/generated.png']:
        call(f'--run={run}', *words)
    assert len(pictures.cells(pictures.load_grid(out), 28, 28)) == 4


def test_a_run_is_found_by_its_name_in_outputs(tiny_runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = shutil.copytree(tiny_runs['vae'], tmp_path / 'outputs' / 'vae-digits')
    Path('vae-digits').mkdir()  # no run
    call('--run=vae-digits', '--num=1')
    assert (run / 'generated.png').exists()


@pytest.mark.skipif(not (ROOT / '.git').exists(), reason='no checkout')
def test_git_ignores_what_the_commands_that_we_show_write():
    shown = [ROOT / name for name in ('README.md', 'generate.py', 'evaluate.py')]
    text = ''.join(path.read_text() for path in shown)
    words = re.findall(r'--(?:out|export)=(\w+\.\w+)', text)
    assert {'samples.npz', 'generator.keras', 'table.md'} <= set(words)
    done = subprocess.run(['git', 'check-ignore', *words], cwd=ROOT, capture_output=True, text=True)
    assert set(done.stdout.split()) == set(words)


def empty_run(path):
    files.write_json(path / 'config.json', harness.configuration())


def old_run(path):
    files.write_json(
        path / 'config.json',
        harness.configuration() | {'format': directory.FORMAT - 1, 'flags': {}},
    )


def damaged_run(path):
    path.mkdir()
    (path / 'config.json').write_text('{')


@pytest.mark.parametrize(
    'make, arguments, message',
    [
        (None, [], '--run: missing'),
        (None, ['--run='], '--run: missing'),
        (None, ['--run=run'], 'run: not a run'),
        (Path.mkdir, ['--run=run'], 'run: not a run'),
        (empty_run, ['--run=run'], 'run: has no checkpoint yet'),
        (old_run, ['--run=run'], 'run: written by an incompatible version'),
        (damaged_run, ['--run=run'], 'run/config.json: damaged'),
        ('vae', ['--run=run', '--num=0'], '--num=0: must be a whole number from 1'),
        ('vae', ['--run=run', '--num=9999999'], '--num=9999999: must be .* to 1000000'),
        ('vae', ['--run=run', '--seed=-1'], '--seed=-1: must be a whole number from 0'),
        ('vae', ['--run=run', '--out=a.jpg'], '--out=a.jpg: must end in .png or .npz'),
        ('vae', ['--run=run', '--out=a'], '--out=a: must end in .png or .npz'),
        ('vae', ['--run=run', '--export=run'], '--export=run: exists'),
        ('vae', ['--run=run', '--sed=1'], r'--sed: unknown flag \(did you mean seed'),
        ('vae', ['run'], 'run: unexpected word'),
        ('vae', ['--run=run', '--label=10'], '--label=10: not a class of the data; choose .* 0, 1'),
        ('vae', ['--run=run', '--label=1', '--labels=2'], '--label=1: given together with --lab'),
        ('vae', ['--run=run', '--labels=9-3'], '--labels=9-3: counts down; write it as 3-9'),
        ('vae', ['--run=run', '--images=gone'], '--images=gone: neither a folder nor a run'),
        (
            'vae',
            ['--run=run', '--label=1', '--export=x'],
            '--label, --labels, --images, --complete, --progress_gif: --export alone draws '
            'nothing; add --out',
        ),
    ],
)
def test_bad_input_is_refused_before_tensorflow_is_loaded(
    tiny_runs, tmp_path, monkeypatch, make, arguments, message
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(backend, 'load_tensorflow', lambda: pytest.fail('TensorFlow was loaded'))
    if make in MODELS:
        shutil.copytree(tiny_runs[make], 'run')
    elif make:
        make(Path('run'))
    before = listing(tmp_path)
    with pytest.raises(InputError, match=f'^{message}') as refusal:
        call(*arguments)
    assert '\n' not in str(refusal.value)
    assert listing(tmp_path) == before


@pytest.mark.parametrize('flag', ['--out=file/a.png', '--out=file/a.npz', '--out=full.png'])
def test_what_cannot_be_written_is_told(tiny_runs, tmp_path, monkeypatch, flag):
    monkeypatch.chdir(tmp_path)
    Path('file').touch()
    Path('full.png').mkdir()
    refuse_to_write(tiny_runs['vae'], flag)


@pytest.mark.parametrize('flag', ['--export=file/a.keras', '--export=file/saved'])
def test_a_generator_that_cannot_be_written_is_told(tiny_runs, tmp_path, monkeypatch, flag):
    monkeypatch.chdir(tmp_path)
    Path('file').touch()
    refuse_to_write(tiny_runs['vae'], flag)


def test_a_full_disk_that_tensorflow_meets_is_told(tiny_runs, tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(InputError) as refusal:
            call(f'--run={tiny_runs["vae"]}', f'--export={tmp_path}/saved')
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    words = f'{tmp_path}/saved: cannot be written (File too large); make room'
    assert str(refusal.value).startswith(words)
    assert list(tmp_path.iterdir()) == []


def test_options_that_a_run_lacks_take_their_defaults_and_odd_ones_are_refused(
    tiny_runs, tmp_path, monkeypatch
):
    run = shutil.copytree(tiny_runs['vae'], tmp_path / 'run')
    whole = json.loads((run / 'config.json').read_text())
    older = {name: value for name, value in whole['settings'].items() if name != 'kl_weight'}
    (run / 'config.json').write_text(json.dumps(whole | {'settings': older}))
    restored = restore.restore(Run(run), Run(run).load(warn=None))
    assert restored.settings.kl_weight == whole['settings']['kl_weight']
    monkeypatch.setattr(backend, 'load_tensorflow', lambda: pytest.fail('TensorFlow was loaded'))
    (run / 'config.json').write_text(json.dumps(whole | {'settings': older | {'kl_weight': '9'}}))
    with pytest.raises(InputError, match="config.json: the flag kl_weight cannot be '9'; fix it"):
        call(f'--run={run}')


def refuse_to_write(run, flag):
    before = listing(Path.cwd())
    path = flag.partition('=')[2]
    with pytest.raises(InputError, match=f'^{path}: cannot be written'):
        call(f'--run={run}', flag)
    assert listing(Path.cwd()).keys() == before.keys()


@pytest.mark.parametrize('change', [lambda a: a[:-1], lambda a: None], ids=['shape', 'missing'])
def test_a_checkpoint_of_another_version_is_told(tiny_runs, tmp_path, change):
    run = shutil.copytree(tiny_runs['vae'], tmp_path / 'run')
    arrays = Run(run).load(warn=None)
    arrays['0003'] = change(arrays['0003'])
    kept = {name: value for name, value in arrays.items() if value is not None}
    Run(run).save(kept, 99)
    before = listing(run)
    with pytest.raises(InputError, match='checkpoints: do not fit this model .* --overwrite$'):
        call(f'--run={run}')
    assert listing(run) == before


def test_it_draws_while_the_run_trains(tiny_runs, tmp_path):
    run = shutil.copytree(tiny_runs['vae'], tmp_path / 'run')
    checkpoint = Run(run).load(warn=None)
    with Run(run).locked():
        call(f'--run={run}', f'--out={tmp_path}/a.npz')
        Run(run).save(checkpoint, 1000)
        (run / 'checkpoints' / f'{files.UNFINISHED}1.npz').write_bytes(b'half')
        call(f'--run={run}', f'--out={tmp_path}/b.npz')
    np.testing.assert_array_equal(array(tmp_path / 'a.npz'), array(tmp_path / 'b.npz'))


HELP = """
import sys, generate
try:
    generate.main(['generate.py', '--help'])
finally:
    assert not {'tensorflow', 'keras'} & set(sys.modules)
"""


def test_help_tells_the_rule_and_waits_for_nothing():
    done = subprocess.run([sys.executable, '-c', HELP], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, '')
    for word in ('--run ', '--num ', '--seed ', '--out ', '--export ', '--export alone no images'):
        assert word in ' '.join(done.stdout.split()) + ' '
