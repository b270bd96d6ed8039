"""train.py end to end on digits: what a run leaves, what goes on, what is refused."""

import io
import json
import os
import re
import shutil
import sys
from functools import partial
from pathlib import Path

import harness
import numpy as np
import pytest
from harness import at_step, command, contents, limit_files, newest, poison, rows
from PIL import Image, ImageSequence

import datasets
import pictures
import train
from pictures import tables
from runs.directory import Run
from support import backend
from support.errors import InputError


@pytest.fixture(autouse=True)
def cache(monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', harness.environment()['XDG_CACHE_HOME'])


pytestmark = pytest.mark.usefixtures('clean')


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A VAE of three epochs, trained as a user would, and what the command printed."""
    base = tmp_path_factory.mktemp('trained') / 'a'
    return base, harness.run_for_real(base, '--xla=on')


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """The same without XLA, in a fork; not to be changed."""
    base = tmp_path_factory.mktemp('whole') / 'a'
    assert harness.run(base).status == 0
    return base


@pytest.fixture
def copy(whole, tmp_path):
    """A copy of that run, to be changed."""
    return shutil.copytree(whole, tmp_path / 'a')


@pytest.fixture(scope='module')
def digits():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('XDG_CACHE_HOME', harness.environment()['XDG_CACHE_HOME'])
        return datasets.load('digits')


def test_what_a_model_refuses_leaves_an_older_run_as_it_was(copy, capsys):
    """It is found when the model meets the data, which is after all flags were checked."""
    before = contents(copy)
    words = ['--model=semi_gan', '--dataset=digits', '--labelled_per_class=9999', '--overwrite']
    with pytest.raises(InputError, match='^--labelled_per_class=9999: class 8 has 973'):
        train.main(['train.py', *words, f'--output_dir={copy}', '--run_name=run'])
    assert contents(copy) == before
    with pytest.raises(InputError, match='--labelled_per_class'):
        train.main(['train.py', *words, f'--output_dir={copy}/new'])
    assert not [*(copy / 'new').iterdir()]


@pytest.fixture
def without_tensorflow(monkeypatch):
    """Any import of TensorFlow fails, and so does what stands on it."""
    for name in ('tensorflow', 'keras', 'training.trainer', 'training.loop'):
        monkeypatch.setitem(sys.modules, name, None)


def files(directory):
    """{path: bytes} of all files below, and the directories."""
    found = sorted(Path(directory).rglob('*'))
    return {path: path.read_bytes() if path.is_file() else None for path in found}


def refusal(directory, *flags, **options):
    """The line that refuses a command, which touches nothing."""
    before = files(directory)
    with pytest.raises(InputError) as caught:
        train.main(command(directory, *flags, **options))
    assert files(directory) == before
    assert '\n' not in str(caught.value)
    return str(caught.value)


def one_line(done):
    """The only line on stderr of a command that failed."""
    assert done.status == 1
    assert done.err.count('\n') == 1
    return done.err


# What a run leaves


def test_a_run_leaves_these_files(trained):
    base, done = trained
    assert (done.status, done.err) == (0, '')
    epochs = [f'epoch_{epoch:04d}.png' for epoch in (1, 2, 3)]
    checkpoints = [f'step_{step:08d}.npz' for step in (2, 4, 6)]
    assert set(contents(base)) == {
        *('.lock', 'config.json', 'model.txt', 'log.csv', 'target.png', 'samples.gif'),
        *(f'{kind}/{name}' for kind in ('samples', 'reconstructions') for name in epochs),
        *(f'checkpoints/{name}' for name in [*checkpoints, 'final.weights.h5']),
        'tensorboard',
    }


def test_a_pipe_gets_a_line_an_epoch(trained):
    base, done = trained
    first, *epochs, last, then = done.out.splitlines()
    assert first.startswith(
        f'vae on digits: 128 images, 2 steps per epoch, 3 epochs, saved in {base}/run;'
    )
    assert [line.partition(':')[0] for line in epochs] == ['epoch 1/3', 'epoch 2/3', 'epoch 3/3']
    assert re.search(r'loss [\d.]+, .*test_negative_elbo [\d.]+, .*00:00 left$', epochs[-1])
    assert last == f'{base}/run: finished epoch 3; samples over time: {base}/run/samples.gif'
    assert then == f'next: python evaluate.py --runs={base}/run'


def test_the_configuration_tells_flags_data_and_versions(trained, digits):
    config = Run(trained[0] / 'run').config
    assert config['settings']['learning_rate'] == 1e-3
    assert config['settings']['kl_weight'] == 1.0
    assert (config['train_images'], config['test_images']) == (128, 360)
    assert config['image_shape'] == [28, 28, 1]
    assert config['class_names'] == list('0123456789')
    assert config['data_hash'] == datasets.fingerprint(digits)
    assert config['versions'].keys() >= {'python', 'tensorflow', 'keras', 'numpy'}
    assert {'git_commit', 'xla'} <= config.keys()


def test_the_model_is_described_in_words(trained):
    words = [line.split() for line in (trained[0] / 'run' / 'model.txt').read_text().splitlines()]
    assert ['encoder:', '318,600', 'parameters'] in words
    assert ['conv2d', 'Conv2D', '(None,', '14,', '14,', '16)', '160'] in words
    assert ['dense', 'Dense', '(None,', '1568)', f'{100 * 1568 + 1568:,}'] in words


def test_networks_that_are_subclasses_are_described_and_trained(tmp_path):
    hooks = [harness.networks_of_ones_own]
    done = harness.run(tmp_path / 'a', '--latent_dim=3', hooks=hooks, epochs=2)
    assert (done.status, done.err) == (0, '')
    lines = (tmp_path / 'a' / 'run' / 'model.txt').read_text().splitlines()
    assert f'watcher: {2 * (784 * 3 + 3):,} parameters' in lines
    assert f'painter: {3 * 784 + 784:,} parameters' in lines
    assert [line.split()[1:2] for line in lines].count(['Dense']) == 2  # the encoder's heads
    before, after = (float(row['loss']) for row in rows(tmp_path / 'a'))
    assert after < before


def test_the_log_has_a_row_an_epoch(trained):
    log = Run(trained[0] / 'run').rows()
    losses = ['loss', 'kl', 'reconstruction']
    tests = ['test_negative_elbo', 'test_kl', 'test_reconstruction']
    assert list(log[0]) == ['epoch', *losses, 'spread', *tests, 'images_per_second', 'seconds']
    assert [row['epoch'] for row in log] == ['1', '2', '3']
    assert all(float(value) > 0 for row in log for value in row.values())
    assert float(log[2]['loss']) < float(log[0]['loss'])


def test_the_terms_add_up(trained):
    for row in rows(trained[0]):
        for whole, part in ('test_negative_elbo', 'test_'), ('loss', ''):
            parts = float(row[f'{part}kl']) + float(row[f'{part}reconstruction'])
            assert float(row[whole]) == pytest.approx(parts, rel=1e-6)


def test_tensorboard_shows_the_log(trained):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    events = EventAccumulator(str(trained[0] / 'run' / 'tensorboard'))
    events.Reload()
    for name in ('loss', 'test_negative_elbo', 'seconds'):
        shown = {e.step: float(make_ndarray(e.tensor_proto)) for e in events.Tensors(name)}
        assert shown == {
            int(row['epoch']): pytest.approx(float(row[name]))
            for row in Run(trained[0] / 'run').rows()
        }


def test_tensorboard_shows_the_samples(trained):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    run = Run(trained[0] / 'run')
    events = EventAccumulator(str(run.path / 'tensorboard'))
    events.Reload()
    for event in events.Tensors('samples'):
        width, height, png = make_ndarray(event.tensor_proto)
        with Image.open(io.BytesIO(png)) as shown:
            found = np.asarray(shown)[..., None]
        np.testing.assert_array_equal(found, pictures.load_png(run.picture('samples', event.step)))
    assert [event.step for event in events.Tensors('samples')] == [1, 2, 3]


def cells(path, side=28):
    """The pictures of an 8x8 grid, rows first."""
    grid = pictures.load_grid(path)
    assert grid.shape == (8 * side, 8 * side, 1)
    return pictures.cells(grid, side, side)


def test_the_target_shows_test_images_in_order(trained, digits):
    chosen, _ = datasets.subset(digits.test_images, digits.test_labels, 64)
    shown = cells(trained[0] / 'run' / 'target.png')
    assert all((cell == image).all() for cell, image in zip(shown, chosen, strict=True))


def test_the_gif_shows_the_samples_in_order(trained):
    path = trained[0] / 'run'
    with Image.open(path / 'samples.gif') as gif:
        frames = [np.asarray(f.convert('L'))[tables.LINE :] for f in ImageSequence.Iterator(gif)]
    samples = [pictures.load_png(path / 'samples' / f'epoch_000{e}.png')[..., 0] for e in (1, 2, 3)]
    for frame, sample in zip(frames, samples, strict=True):
        assert np.abs(frame.astype(int) - sample).max() <= 8


def test_a_data_set_of_tfds_is_decoded_and_trained_on_in_one_go(prepared, tmp_path):
    """By TensorFlow, before the run says with how many threads it computes."""
    flags = ['--dataset=tiny_grey', f'--data_dir={prepared}', '--train_size=40', '--batch_size=20']
    done = harness.run_for_real(tmp_path, *flags, epochs=1)
    assert (done.status, done.err) == (0, '')
    assert len(rows(tmp_path)) == 1


# What the numbers are


@pytest.fixture(scope='module')
def rebuilt(whole):
    """The model with the final weights, as Keras alone would load them."""
    backend.load_tensorflow()
    from types import SimpleNamespace

    from models.shared.build import build

    model = build((28, 28, 1), 10, SimpleNamespace(**Run(whole / 'run').config['settings']))
    model.load_weights(Run(whole / 'run').final())
    return model


def test_the_final_weights_are_those_of_the_last_checkpoint(rebuilt, whole):
    arrays = newest(whole)
    for index, variable in enumerate(rebuilt.variables):
        assert (variable.numpy() == arrays[f'{index:04d}']).all()


def test_the_test_loss_is_the_negative_elbo(rebuilt, whole, digits):
    """By numpy from the networks' outputs, with draws of its own: equal but for their noise."""
    from models.shared.base import Batch

    pixels = np.float32(digits.test_images) / 255
    mean, std = (np.float64(part) for part in rebuilt.encode(Batch(pixels, None)))
    kl = 0.5 * (mean**2 + std**2 - 1 - 2 * np.log(std)).sum(1)
    draws = [elbo_error(rebuilt, pixels, mean, std, seed) for seed in range(8)]
    row = rows(whole)[-1]
    assert float(row['test_kl']) == pytest.approx(kl.mean(), rel=1e-5)
    noise = 5 * np.std(draws) + 1e-3
    assert float(row['test_reconstruction']) == pytest.approx(np.mean(draws), abs=noise)
    assert float(row['test_negative_elbo']) == pytest.approx(kl.mean() + np.mean(draws), abs=noise)


def elbo_error(model, pixels, mean, std, seed):
    """The mean of -log p(x given z), in nats, with z drawn from q(z given x)."""
    codes = mean + std * np.random.default_rng(seed).standard_normal(mean.shape)
    logits = np.float64(model.decode(np.float32(codes)))
    log_likelihood = pixels * logits - np.logaddexp(0, logits)
    return -log_likelihood.sum((1, 2, 3)).mean()


LOSSES = {'vae': ['test_negative_elbo'], 'gan': ['discriminator_loss', 'generator_loss']}


@pytest.mark.parametrize('model', ['vae', pytest.param('gan', marks=pytest.mark.slow)])
def test_bfloat16_trains_to_the_same_loss_within_noise(model, tmp_path):
    """Closer to float32 of the same seed than another seed is."""

    def losses(name, *flags):
        flags = ['--train_size=1280', *flags]
        hooks = [harness.small_networks]
        assert harness.run(tmp_path / name, *flags, model=model, hooks=hooks).status == 0
        return np.array([float(rows(tmp_path / name)[-1][column]) for column in LOSSES[model]])

    exact = [losses(f's{seed}', f'--seed={seed}') for seed in range(2)]
    half = losses('half', '--precision=bfloat16')
    assert (half != exact[0]).all()
    assert (np.abs(half - exact[0]) <= np.ptp(exact, axis=0)).all()


def test_an_epoch_is_one_permutation_of_the_images():
    backend.load_tensorflow()
    loop, seen = loop_that_tells_labels(examples=23, batch_size=5, seed=7)
    for epoch in range(3):
        seen.clear()
        for steps in (1, 3):
            loop.train(steps)
        order = np.random.default_rng([7, epoch]).permutation(23)[:20]
        assert seen == order.tolist()
        assert len(set(seen)) == 20


def loop_that_tells_labels(examples, batch_size, seed):
    """A loop whose model learns nothing, and the list of all labels that it was given."""
    import tensorflow as tf

    from models.shared.base import GenerativeModel
    from training.loop import Loop

    seen = []

    class Model(GenerativeModel):
        players = {'player': 1}

        def objectives(self, batch, seed):
            tell = tf.numpy_function(
                lambda labels: seen.extend(labels.tolist()), [batch.labels], []
            )
            with tf.control_dependencies([tell]):
                return {'player': tf.reduce_sum(self.weight**2)}, {}

        def optimizers(self):
            return {'player': self.optimizer_of}

    import keras

    model = Model((1, 1, 1), 1, None)
    model.weight = model.add_weight(shape=[1])
    model.optimizer_of = keras.optimizers.SGD(0.1)
    model.built = True
    images, labels = np.zeros((examples, 1, 1, 1), np.uint8), np.arange(examples)
    return Loop(model, images, labels, batch_size, seed), seen


# Typed again


def test_typed_again_it_says_that_all_is_done(whole, without_tensorflow, capsys):
    before = files(whole)
    assert train.main(command(whole)) == 0
    assert capsys.readouterr().out.startswith(f'{whole}/run: epoch 3 of 3 is done')
    assert train.main(command(whole, epochs=2)) == 0
    has = f'{whole}/run: has 3 epochs, more than --epochs=2; a larger --epochs continues training\n'
    assert capsys.readouterr().out == has
    assert files(whole) == before


def test_where_nothing_can_be_written_a_finished_run_is_done_and_another_says_why(copy):
    hooks = [partial(harness.read_only, str(copy))]
    done = harness.run(copy, hooks=hooks)
    assert (done.status, done.err) == (0, '')
    assert 'epoch 3 of 3 is done' in done.out
    line = one_line(harness.run(copy, epochs=4, hooks=hooks))
    assert line.strip().endswith(
        '(Read-only file system); make room there or choose another directory'
    )


def test_more_epochs_train_on(copy):
    done = harness.run(copy, epochs=4)
    first, epoch, *_ = done.out.splitlines()
    assert f'2 steps per epoch, continues after 3 of 4 epochs in {copy}/run;' in first
    assert epoch.startswith('epoch 4/4: ')
    assert Run(copy / 'run').epochs('samples') == [1, 2, 3, 4]


def test_overwrite_begins_anew(copy, whole):
    (copy / 'run' / 'samples' / 'epoch_0009.png').touch()
    assert harness.run(copy, '--overwrite', '--seed=1').status == 0
    assert contents(copy).keys() == contents(whole).keys()
    assert rows(copy)[0] != rows(whole)[0]


@pytest.mark.parametrize('flags', [[], ['--overwrite']])
@pytest.mark.parametrize('file', ['thesis.txt', 'config.json'])
def test_a_directory_of_somebody_else_is_refused(tmp_path, without_tensorflow, flags, file):
    path = tmp_path / 'a' / 'run' / file
    path.parent.mkdir(parents=True)
    path.write_text('{"years": 4}')
    assert 'holds files that are not a run' in refusal(tmp_path / 'a', *flags)


CHANGES = {
    'learning_rate': (0.5, 0.001),
    'seed': (3, 0),
    'batch_size': (32, 64),
    'latent_dim': (7, 100),
    'train_size': (64, 128),
    'image_size': (32, None),
    'kl_weight': (2.0, 1.0),
    'reconstruction': ('l1', 'bernoulli'),
    'xla': ('on', 'off'),
    'precision': ('bfloat16', 'float32'),
}


@pytest.mark.parametrize('flag', CHANGES)
def test_what_shapes_the_result_may_not_change(whole, without_tensorflow, flag):
    new, old = CHANGES[flag]
    words = refusal(whole, f'--{flag}={new}', epochs=9)
    assert words.startswith(f'--{flag}={new}: ')
    assert f'started with {old};' in words


def test_where_and_how_often_may_change(copy, tmp_path, without_tensorflow):
    moved = (copy / 'run').rename(tmp_path / 'moved').parent
    flags = ['--run_name=moved', '--save_every=5', '--sample_every=7', '--data_dir=elsewhere']
    flags += ['--save_every_minutes=3', '--stop_on_nan=false']
    assert train.main(command(moved, *flags, epochs=2)) == 0


# Refused


@pytest.mark.parametrize(
    ('flags', 'words'),
    [
        (['--batch_size=129'], '--batch_size=129: more than the 128 training images'),
        (['--learning_rate=nan'], 'learning_rate'),
        (['--modle=vae'], 'did you mean model'),
        (['--image_size=33'], '--image_size=33'),
    ],
)
def test_mistakes_leave_no_directory(tmp_path, without_tensorflow, flags, words):
    assert words in refusal(tmp_path / 'a', *flags)
    assert not (tmp_path / 'a').exists()


def test_a_batch_larger_than_the_whole_data_set(tmp_path, without_tensorflow):
    flags = ['--train_size=99999', '--batch_size=20000']
    assert 'more than the 10059 training images' in refusal(tmp_path / 'a', *flags)


def test_a_file_in_place_of_the_directory(tmp_path, without_tensorflow):
    (tmp_path / 'a').write_text('mine')
    assert f'{tmp_path}/a/run: cannot be written' in refusal(tmp_path / 'a')
    assert (tmp_path / 'a').read_text() == 'mine'


def test_a_refusal_is_one_line_and_a_status_without_tensorflow(whole):
    done = harness.run_for_real(whole, '--seed=5', python=['-X', 'importtime'])
    lines = done.err.splitlines()
    imported = {line.split()[-1] for line in lines if line.startswith('import time:')}
    (line,) = [line for line in lines if not line.startswith('import time:')]
    assert done.status == 1
    assert line.startswith('train.py: --seed=5: ')
    assert 'numpy' in imported
    assert 'tensorflow' not in imported


def test_other_data_of_the_same_name(copy, without_tensorflow, monkeypatch):
    load = datasets.load

    def negatives(*args):
        data = load(*args)
        return data._replace(train_images=255 - data.train_images)

    monkeypatch.setattr(datasets, 'load', negatives)
    assert '--dataset=digits: not the data' in refusal(copy, epochs=4)


def test_a_damaged_configuration(copy, without_tensorflow):
    (copy / 'run' / 'config.json').write_text('{"format": 1, "fla')
    assert 'run/config.json: damaged' in refusal(copy)


def test_a_configuration_of_another_version(copy, without_tensorflow):
    config = Run(copy / 'run').config | {'format': 99}
    (copy / 'run' / 'config.json').write_text(json.dumps(config))
    assert 'format 99' in refusal(copy)


def test_no_whole_checkpoint(copy, without_tensorflow):
    for path in Run(copy / 'run').checkpoints():
        path.write_bytes(path.read_bytes()[:-1])
    assert 'checkpoints: all are damaged' in refusal(copy)


# Trouble on the way


@pytest.fixture(scope='module')
def part(tmp_path_factory):
    """The first two epochs of that run; not to be changed."""
    base = tmp_path_factory.mktemp('part') / 'a'
    assert harness.run(base, epochs=2).status == 0
    return base


@pytest.mark.parametrize('size', [1_000_000, 20_000])
def test_a_full_disk_costs_nothing_that_was_saved(whole, part, tmp_path, size):
    """The smaller size has no room for a grid of samples, the larger for no checkpoint."""
    shutil.copytree(part, tmp_path / 'a')
    saved = files(tmp_path / 'a' / 'run' / 'checkpoints')
    line = one_line(harness.run(tmp_path / 'a', hooks=[partial(limit_files, size)]))
    assert line.startswith(f'train.py: {tmp_path}/a/run/')
    assert 'cannot be written (File too large)' in line
    kept = files(tmp_path / 'a' / 'run' / 'checkpoints')
    assert {path: saved[path] for path in kept} == kept
    assert [path.name for path in Run(tmp_path / 'a' / 'run').checkpoints()][0][-5] == '4'
    assert harness.run(tmp_path / 'a').status == 0
    assert contents(tmp_path / 'a') == contents(whole)


@pytest.mark.parametrize('model', ['vae', 'gan'])
def test_a_rate_that_diverges_says_so(tmp_path, model):
    noise = partial(os.write, 2, b'what TensorFlow has to say\n')
    calls = partial(harness.steps_a_call, 2), partial(at_step, 1, noise)
    hooks = [harness.small_networks, *calls]
    flags = '--learning_rate=1e30', '--train_size=640'  # ten steps, so that the epoch goes on
    done = harness.run(tmp_path / 'a', *flags, model=model, hooks=hooks)
    line = one_line(done)
    assert re.search(r'--learning_rate=1e\+30: diverged at step [12] \(.*nan', line)
    assert 'try a smaller --learning_rate' in line


def test_a_loss_that_breaks_keeps_the_last_good_checkpoint(tmp_path):
    line = one_line(harness.run(tmp_path / 'a', hooks=[partial(poison, 5)]))
    assert 'diverged at step 6' in line
    assert f'the last good checkpoint is {tmp_path}/a/run/checkpoints/step_00000004.npz' in line


@pytest.mark.slow
@pytest.mark.skipif(not Path('/proc/self/statm').exists(), reason='memory is read from /proc')
def test_memory_does_not_grow_with_the_epochs(tmp_path):
    hooks = [partial(harness.record_memory, tmp_path / 'pages')]
    assert harness.run(tmp_path / 'a', '--train_size=64', epochs=500, hooks=hooks).status == 0
    pages = [int(line) for line in (tmp_path / 'pages').read_text().split()]
    assert len(pages) == 500
    assert pages[-1] < 1.05 * pages[49]


def test_two_processes_do_not_train_one_run(whole, tmp_path):
    second = partial(harness.type_again, tmp_path / 'a', tmp_path / 'second')
    assert harness.run(tmp_path / 'a', hooks=[partial(at_step, 3, second)]).status == 0
    line = one_line(harness.Done(*json.loads((tmp_path / 'second').read_text())))
    assert 'another process is training here' in line
    assert contents(tmp_path / 'a') == contents(whole)
