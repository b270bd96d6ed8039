"""compare.py on fake runs; the noise of a picture tells its run, kind and epoch."""

import subprocess
import sys
import zlib
from pathlib import Path

import harness
import numpy as np
import pytest
from PIL import Image

import compare
import pictures
from runs.directory import Run
from support import files
from support.errors import InputError

ROOT = Path(compare.__file__).parent


def images(run, kind, epoch):
    seed = zlib.crc32(f'{run} {kind} {epoch}'.encode())
    return np.random.default_rng(seed).integers(0, 256, (4, 8, 8, 1), np.uint8)


def picture(run, kind, epoch):
    return pictures.grid(images(run, kind, epoch))


def make_run(name, samples, reconstructions=(), model=None, dataset='digits', data_hash='a1'):
    """A run directory below the current one, with pictures of these epochs."""
    config = harness.configuration(model=model or name, dataset=dataset, data_hash=data_hash)
    path = Path('outputs') / name
    files.write_json(path / 'config.json', config)
    pictures.save_grid(path / 'target.png', images(name, 'target', 0))
    for kind, epochs in ('samples', samples), ('reconstructions', reconstructions):
        for epoch in epochs:
            pictures.save_grid(Run(path).picture(kind, epoch), images(name, kind, epoch))
    return str(path)


def expected(target, titles, rows):
    """The table of `rows`: a label, then (run, kind, epoch) a cell, or None for a blank one."""
    labels = [label for label, *_ in rows]
    lines = [[None, *(picture(*cell) if cell else None for cell in row[1:])] for row in rows]
    lines[0][0] = picture(target, 'target', 0)
    told = [[cell and f'epoch {cell[2]}' for cell in row[1:]] for row in rows]
    captions = [
        ['', *('' if word in (None, label) else word for word in line)]
        for label, line in zip(labels, told, strict=True)
    ]
    return pictures.table(labels, ['target', *titles], lines, captions)


def figure(*arguments):
    """The figure that the command draws in `out`."""
    assert compare.main(['compare.py', '--out=out', *arguments]) == 0
    return pictures.load_png('out/figure.png')


def frames(path):
    with Image.open(path) as gif:
        for index in range(gif.n_frames):
            gif.seek(index)
            yield np.asarray(gif.convert('L'))[..., None]


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def both():
    vae = make_run('vae', range(1, 126), range(1, 126))
    return f'--runs={vae},{make_run("gan", range(1, 369))}'


def vae_and_gan(label, ours, theirs):
    return [
        label,
        ('vae', 'reconstructions', ours),
        ('vae', 'samples', ours),
        ('gan', 'samples', theirs),
    ]


TITLES = ['VAE reconstructions', 'VAE samples', 'GAN samples']


def test_figure_of_the_post(both):
    rows = [vae_and_gan(f'epoch {epoch}', epoch, epoch) for epoch in (1, 2, 3, 4, 100)]
    rows.append(vae_and_gan('last', 125, 368))
    np.testing.assert_array_equal(figure(both), expected('vae', TITLES, rows))


def test_a_run_that_has_ended_is_left_blank(both):
    rows = [['epoch 200', None, None, ('gan', 'samples', 200)], vae_and_gan('epoch 7', 7, 7)]
    page = figure(both, '--epochs_shown=200,7,400')
    np.testing.assert_array_equal(page, expected('vae', TITLES, rows))


def test_a_run_without_the_epoch_shows_the_nearest_before():
    make_run('gan', [1, 2, 3]), make_run('wgan', [1, 3])
    rows = [['epoch 2', ('gan', 'samples', 2), ('wgan', 'samples', 1)]]
    page = figure('--runs=outputs/gan,outputs/wgan', '--epochs_shown=2')
    np.testing.assert_array_equal(page, expected('gan', ['GAN samples', 'WGAN samples'], rows))


def test_order_of_runs_is_order_of_columns():
    names = make_run('gan', [1, 5]), make_run('vae', [1, 2], [1, 2])
    rows = [['last', ('gan', 'samples', 5), ('vae', 'reconstructions', 2), ('vae', 'samples', 2)]]
    titles = ['GAN samples', 'VAE reconstructions', 'VAE samples']
    page = figure(f'--runs={",".join(names)}', '--epochs_shown=last')
    np.testing.assert_array_equal(page, expected('gan', titles, rows))


def test_rows_that_show_the_same_appear_once():
    make_run('gan', [1, 2, 3, 4])
    rows = [[f'epoch {epoch}', ('gan', 'samples', epoch)] for epoch in (1, 2, 3, 4)]
    page = figure('--runs=outputs/gan')
    np.testing.assert_array_equal(page, expected('gan', ['GAN samples'], rows))


def test_run_that_begins_later_leaves_its_cell_empty():
    make_run('gan', [1]), make_run('vae', [5])
    rows = [
        ['epoch 1', ('gan', 'samples', 1), None],
        ['last', ('gan', 'samples', 1), ('vae', 'samples', 5)],
    ]
    page = figure('--runs=outputs/gan,outputs/vae')
    np.testing.assert_array_equal(page, expected('gan', ['GAN samples', 'VAE samples'], rows))


def test_runs_of_one_model_are_called_by_their_directories():
    make_run('one', [1], model='vae'), make_run('two', [1], model='vae'), make_run('gan', [1])
    rows = [['epoch 1', ('one', 'samples', 1), ('two', 'samples', 1), ('gan', 'samples', 1)]]
    page = figure('--runs=outputs/one,outputs/two/,outputs/gan')
    titles = ['one samples', 'two samples', 'GAN samples']
    np.testing.assert_array_equal(page, expected('one', titles, rows))


def test_gif_holds_the_shorter_run(both):
    figure(both)
    found = list(frames('out/comparison.gif'))
    epochs = pictures.spaced(range(1, 369), 60)
    assert epochs[-1] == 368 and len(found) == len(epochs) <= 60
    for epoch, frame in zip(epochs, found, strict=True):
        row = vae_and_gan(f'epoch {epoch}', min(epoch, 125), epoch)
        np.testing.assert_allclose(frame, expected('vae', TITLES, [row]), atol=8)


def test_the_gif_has_no_more_frames_than_asked_for():
    run = make_run('gan', range(1, 30))
    figure(f'--runs={run}', '--frames=5')
    found = list(frames('out/comparison.gif'))
    assert len(found) == 5


def run_command(*arguments, folder='.'):
    command = [sys.executable, ROOT / 'compare.py', *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_command_prints_where_it_wrote():
    make_run('gan', [1, 2])
    done = run_command('--runs=outputs/gan')
    written = ['outputs/comparison-digits/figure.png', 'outputs/comparison-digits/comparison.gif']
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, written, '')
    assert all(Path(path).is_file() for path in written)


def test_runs_are_found_by_their_names_in_outputs():
    make_run('gan', [1]), make_run('vae', [1])
    figure('--runs=gan,vae')
    with pytest.raises(InputError, match='^dcgan: not a run'):
        compare.main(['compare.py', '--runs=gan,dcgan'])


@pytest.mark.parametrize('name', compare.FILES)
def test_files_at_out_are_replaced_only_when_asked_for(name):
    run = f'--runs={make_run("gan", [1])}'
    Path('out').mkdir()
    Path('out', name).write_text('mine')
    with pytest.raises(InputError, match=f'^--out=out: out/{name} exists; .*--overwrite'):
        compare.main(['compare.py', run, '--out=out', '--html'])
    assert [path.name for path in Path('out').iterdir()] == [name]
    assert compare.main(['compare.py', run, '--out=out', '--html', '--overwrite']) == 0
    assert len(list(Path('out').iterdir())) == 3


def test_its_own_directory_is_written_over_unasked():
    run = f'--runs={make_run("gan", [1])}'
    for words in [], [], ['--out=outputs/comparison-digits']:
        assert compare.main(['compare.py', run, *words]) == 0


def test_import_needs_no_tensorflow():
    code = 'import compare, sys; sys.exit(bool({"tensorflow", "keras"} & set(sys.modules)))'
    assert subprocess.run([sys.executable, '-c', code], cwd=ROOT).returncode == 0


def test_default_directory_lies_beside_the_run_even_from_within():
    make_run('gan', [1], dataset='/some/where/photos')
    done = run_command('--runs=.', folder='outputs/gan')
    assert done.stdout.split()[0] == '../comparison-photos/figure.png'
    assert Path('outputs/comparison-photos/figure.png').is_file()


def test_help_shows_only_its_own_flags():
    done = run_command('--help')
    assert done.returncode == 0
    named = {word for word in done.stdout.split() if word.startswith('--') and '=' not in word}
    assert named == {
        '--runs',
        '--epochs_shown',
        '--frames',
        '--html',
        '--out',
        '--overwrite',
        '--help',
    }


def test_mistake_is_one_line_and_status_one():
    done = run_command('--runs=nowhere')
    assert (done.returncode, done.stdout) == (1, '')
    assert done.stderr.startswith('compare.py: nowhere: ') and done.stderr.count('\n') == 1


@pytest.mark.parametrize(
    'arguments, message',
    [
        ([], '--runs: missing'),
        (['--runs='], '--runs: missing'),
        (['--runs=outputs/gan,nowhere'], 'nowhere: '),
        (['--runs=outputs'], 'outputs: '),
        (['--runs=outputs/gan,outputs/new'], 'outputs/new: has no samples yet; train it first: '
         'python train.py --model=new --dataset=digits'),
        (['--runs=outputs/gan,outputs/mnist'], '--runs: outputs/gan was trained on digits .*, '
         'outputs/mnist on mnist .*; choose'),
        (['--runs=outputs/gan,outputs/other'], r'--runs: outputs/gan was trained on digits '
         r'\(data_hash a1\), outputs/other on digits \(data_hash b2\); choose'),
        (['--runs=outputs/gan', '--epochs_shown=0'], "--epochs_shown: '0' is not an epoch"),
        (['--runs=outputs/gan', '--epochs_shown=1,-2'], "--epochs_shown: '-2' is not an epoch"),
        (['--runs=outputs/gan', '--epochs_shown=1.5'], "--epochs_shown: '1.5' is not an epoch"),
        (['--runs=outputs/gan', '--epochs_shown=first'], "--epochs_shown: 'first' is not an epoch"),
        (['--runs=outputs/gan', '--epochs_shown='], "--epochs_shown: '' is not an epoch"),
        (['--runs=outputs/gan', f'--epochs_shown={"1" * 5000}'], "--epochs_.*: '1{20}...' is"),
        (['--runs=outputs/gan', '--epochs_shown=3'], '--epochs_shown: .* latest is 1; add last'),
        (['--runs=outputs/gan', '--out=file'], 'file/figure.png: cannot be written'),
        (['--runs=outputs/gan', 'stray'], 'stray: '),
        (['--runs=outputs/gan', '--epochs=3'], '--epochs: unknown flag'),
        (['--runs=outputs/torn'], 'outputs/torn/samples/epoch_0001.png: damaged'),
        (['--runs=outputs/bare'], 'outputs/bare/target.png: no such picture'),
    ],
)  # fmt: skip
def test_bad_input_is_told_in_a_line_and_nothing_written(arguments, message):
    make_run('gan', [1]), make_run('new', []), make_run('mnist', [1], dataset='mnist')
    make_run('other', [1], data_hash='b2'), make_run('torn', [1]), make_run('bare', [1])
    Path('outputs/torn/samples/epoch_0001.png').write_bytes(b'\x89PNG')
    Path('outputs/bare/target.png').unlink()
    Path('file').touch()
    before = sorted(Path().rglob('*'))
    with pytest.raises(InputError, match=f'^{message}') as caught:
        compare.main(['compare.py', *arguments])
    assert '\n' not in str(caught.value)
    assert sorted(Path().rglob('*')) == before
