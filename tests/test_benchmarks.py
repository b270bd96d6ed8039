"""benchmarks/: operations worked by hand, updates against the loop's, a tiny race."""

import sys

import harness
import numpy as np
import pytest

import flags
import pictures
from support import backend
from support.errors import InputError

tf, keras = backend.load_tensorflow()

from benchmarks import (
    beyond_memory,
    child,
    drawing,
    equal_time,
    evaluation,
    gpu,
    ours,
    scale,
    throughput,
    tutorial_dcgan,
)
from benchmarks.flops import flops
from benchmarks.updates import update_of
from models.shared.base import Batch
from models.shared.build import build
from models.shared.layers import Dropout
from models.shared.noise import apart, normal, uniform
from models.shared.pixels import from_uint8
from runs.directory import Run
from support.files import write_json
from training.loop import Loop

BATCH, STEPS = 8, 2  # more steps would magnify rounding


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setitem(sys.modules, 'models.tutorial_dcgan', tutorial_dcgan)


def make(network, side=28):
    """A model as the contestants make it; equal seeds give equal weights."""
    known = 'gan' if network == 'tutorial_dcgan' else network
    settings = flags.settings(known, dataset='digits')
    settings.model = network
    return build((side, side, 1), 10, settings)


def images():
    return np.random.default_rng(3).integers(0, 256, (BATCH, 28, 28, 1), np.uint8)


def test_operations_of_the_vae_by_hand():
    # The decoder is the encoder turned round, but for the second head.
    first, second, head = 14 * 14 * 9 * 16, 7 * 7 * 9 * 16 * 32, 1568 * 100
    sums = 2 * first + 2 * second + 3 * head
    assert flops(make('vae')) == 2 * (3 * sums - first) == 5_814_144


def test_bytes_that_replicas_of_the_first_gan_sum_up_by_hand():
    generator = 101 * 1200 + 1201 * 1200 + 1201 * 784
    discriminator = 785 * 1200 + 241 * 1200 + 241
    assert scale.volume('gan_mlp') == (4 * (generator + discriminator), 0)


def test_operations_of_the_dcgan_by_hand():
    dense, inner = 100 * 12544, 49 * 25 * 128 * 64
    edge = 14 * 14 * 25 * 64
    g = dense + 49 * 25 * 256 * 128 + inner + edge
    d = edge + inner + 6272
    assert flops(make('tutorial_dcgan')) == 2 * (3 * g - dense + 7 * d - 2 * edge)
    assert flops(make('tutorial_dcgan')) == pytest.approx(452e6, rel=2e-3)


def test_operations_of_the_pixelcnn_by_hand():
    """7x7 without the rows below, then 15 blocks 32 -> 16 -> 16 -> 32, 32 -> 32 and a logit."""
    first, block = 4 * 7 * 32, 32 * 16 + 2 * 3 * 16 * 16 + 16 * 32
    whole = first + 15 * block + 32 * 32 + 32
    assert flops(make('pixelcnn')) == 2 * 784 * (3 * whole - first)


def comparable(network, monkeypatch):
    """A model without what differs between the libraries, drop-outs and the place of epsilon."""
    model = make(network)
    for layer in model._flatten_layers():
        if isinstance(layer, Dropout):
            layer.rate = 0.0
    optimizers = model.optimizers()
    for optimizer in optimizers.values():
        optimizer.epsilon = 1e-12
    monkeypatch.setattr(model, 'optimizers', lambda: optimizers)
    return model


def losses_of_ours(network, monkeypatch):
    """The last player's loss in the loop's first steps, all on one batch, with the seed 0."""
    model = comparable(network, monkeypatch)
    loop = Loop(model, images(), np.zeros(BATCH), BATCH, seed=0)
    pixels = from_uint8(images(), model.value_range)
    batches = [Batch(pixels, tf.zeros([BATCH]), tf.constant(i)) for i in range(STEPS)]
    rows = [loop._step(batch).numpy() for batch in batches]
    name = 'loss' if network in ('vae', 'pixelcnn') else 'generator_loss'
    return [row[loop.names.index(name)] for row in rows]


def noises(network):
    """The noise of these steps: (BATCH, 100) each, for the GAN also that on data and samples.

    For the PixelCNN a number a pixel.
    """
    seeds = [tf.constant([0, i]) for i in range(STEPS)]
    if network == 'pixelcnn':
        return [[uniform(images().shape, apart(seed))] for seed in seeds]
    if network == 'dcgan':
        return [[uniform([BATCH, 100], seed, -1.0, 1.0)] for seed in seeds]
    if network != 'gan':
        return [[normal([BATCH, 100], seed)] for seed in seeds]
    shape, deviations = images().shape, [0.5, 0.5 / (1 + 1 / 500)]
    return [
        [uniform([BATCH, 100], seed, -1.0, 1.0)]
        + [deviation * normal(shape, apart(seed, kind)) for kind in (1, 2)]
        for seed, deviation in zip(seeds, deviations, strict=True)
    ]


@pytest.mark.parametrize('network', sorted({*throughput.NETWORKS, *gpu.NETWORKS}))
def test_the_tutorial_updates_as_the_loop_does(network, monkeypatch):
    model = comparable(network, monkeypatch)
    update, batch = update_of(model), from_uint8(images(), model.value_range)
    losses = [update.apply(batch, *drawn) for drawn in noises(network)]
    np.testing.assert_allclose(losses, losses_of_ours(network, monkeypatch), rtol=3e-3)


@pytest.mark.parametrize(('network', 'uniform'), [('dcgan', True), ('tutorial_dcgan', False)])
def test_a_dcgan_of_the_tutorial_draws_the_noise_that_the_model_does(network, uniform):
    [noise] = update_of(make(network)).draws(tf.zeros([BATCH, 28, 28, 1]))
    assert noise.shape == (BATCH, 100)
    assert (np.abs(noise).max() <= 1) == uniform


def test_a_step_of_the_tutorial_draws_its_noise_and_its_drop_outs_anew():
    update = update_of(make('tutorial_dcgan'))
    for optimizer in update.optimizers.values():
        optimizer.learning_rate = 0.0
    step, batch = tf.function(update.step), from_uint8(images(), (-1.0, 1.0))
    losses = [float(step(batch)) for _ in range(2)]
    assert np.isfinite(losses).all() and losses[0] != losses[1]


@pytest.mark.parametrize('network', throughput.NETWORKS)
def test_pytorch_updates_as_the_loop_does(network, monkeypatch):
    """Its networks are mirrored, so they take mirrored images."""
    torch = pytest.importorskip('torch')
    from benchmarks import pytorch

    model = comparable(network, monkeypatch)

    def mirrored(values):
        if len(values.shape) == 4:
            values = values.numpy()[:, ::-1, ::-1].transpose(0, 3, 1, 2).copy()
        return torch.tensor(np.asarray(values))

    batch = mirrored(from_uint8(images(), model.value_range))
    update = pytorch.update_of(model)
    steps = [map(mirrored, drawn) for drawn in noises(network)]
    losses = [update.apply(batch, *drawn).item() for drawn in steps]
    np.testing.assert_allclose(losses, losses_of_ours(network, monkeypatch), rtol=3e-3)


@pytest.mark.parametrize('network', throughput.NETWORKS)
def test_pytorch_draws_its_own_noise(network):
    torch = pytest.importorskip('torch')
    from benchmarks import pytorch

    update = pytorch.update_of(make(network))
    losses = [update.step(torch.rand([BATCH, 1, 28, 28])).item() for _ in range(2)]
    assert np.isfinite(losses).all() and losses[0] != losses[1]


def test_ours_trains_for_seconds(tmp_path):
    size = ['--dataset=digits', '--train_size=128', '--batch_size=64', '--epochs=1000000']
    given = child.prepare('vae', [*size, '--xla=off', f'--output_dir={tmp_path}'])
    trainer = ours.Trainer(*given)
    assert trainer.part(0.5) == trainer.loop.step * 64 > 0


def test_a_ratio_is_the_median_of_those_of_the_rounds():
    assert throughput.summary([10.0, 20.0, 90.0], [10.0, 10.0, 30.0]) == ['20', '10 to 90', '2.00']


def test_a_training_that_ends_before_its_time_is_told():
    with pytest.raises(InputError, match='^python -c pass: ended before its time'):
        equal_time.limited(600, '-c', 'pass')


@pytest.mark.parametrize(
    'models, refusal',
    [
        ('vae,,gan', '^--models=vae,,gan: names no model'),
        ('vae,vea', r'^--model=vea: no such model \(did you mean vae'),
        ('vae,wgan --clipp=1', '^--clipp: '),
        ('vae,wgan --clip=0', '^--clip'),
    ],
)
def test_what_cannot_be_trained_is_refused_before_any_training(models, refusal, monkeypatch):
    monkeypatch.setattr(equal_time, 'limited', None)
    with pytest.raises(InputError, match=refusal):
        equal_time.main(['equal_time', f'--models={models}'])


def test_flags_behind_a_model_reach_its_training_and_name_its_run(tmp_path, monkeypatch):
    typed = []

    def train(seconds, *line):
        typed.append([seconds, *line])
        run = Run(tmp_path / 'unfinished' / line[-2].removeprefix('--run_name='))
        run.path.mkdir(parents=True)
        write_json(run.path / 'config.json', harness.configuration({'train_size': 640}))

    monkeypatch.setattr(equal_time, 'limited', train)
    values = flags.parse(
        ['equal_time', '--minutes=2', '--train_size=640'], '', equal_time.define_flags
    )
    line = ['wgan', '--clip=0.1']
    names = [equal_time.train(tmp_path, line, seed, values).path.name for seed in (0, 3, 3)]
    assert names == ['wgan-clip-0.1', 'wgan-clip-0.1-seed-3', 'wgan-clip-0.1-seed-3']
    _, (seconds, *words) = typed  # the third was there already
    assert seconds == 120
    settings = flags.training(words, '')
    assert (settings.model, settings.clip, settings.run_name) == ('wgan', 0.1, names[1])
    assert (settings.dataset, settings.seed, settings.train_size) == ('digits', 3, 640)
    assert settings.output_dir == str(tmp_path / 'unfinished') and settings.epochs >= 10**6
    other = flags.parse(['equal_time', '--train_size=64'], '', equal_time.define_flags)
    with pytest.raises(InputError, match='was trained with --train_size=640; give that number'):
        equal_time.train(tmp_path, line, 0, other)


def scored(run, fid):
    """Gives the run a sheet of scores with this FID."""
    sheet = {'conditions': {'step': 35}, 'scores': {'fid': {'fid': fid}}}
    write_json(run.path / 'evaluation.json', sheet)


def test_the_row_of_a_run_holds_its_scores_speed_size_and_epochs(tmp_path):
    run = Run(tmp_path / 'dcgan')
    run.path.mkdir()
    run.begin({'settings': {'batch_size': 64}, 'train_images': 640})
    (run.path / 'model.txt').write_text('generator: 1,200 parameters\n  dense\nd: 34 parameters\n')
    (run.path / 'log.csv').write_text('epoch,images_per_second\n1,\n2,10\n3,30\n4,90\n')
    scored(run, 12.5)
    expected = ['dcgan', '12.50', *[''] * 7, '30', '1,234', '3.5']
    assert equal_time.row(run) == expected


def test_the_last_samples_of_each_model_stand_over_its_name_and_fid(tmp_path):
    runs = [Run(tmp_path / name) for name in ('ae', 'dcgan', 'new', 'gan', 'vae', 'wgan')]
    grids = {}
    for number, run in enumerate(runs):
        for epoch in [] if run.path.name == 'new' else [1, 2]:
            grids[run.path.name] = np.full((8, 8, 1), 40 * number + epoch, np.uint8)
            pictures.save_png(run.picture('samples', epoch), grids[run.path.name])
            scored(run, number)
    equal_time.picture(tmp_path / 'a.png', runs)
    names = ['ae', 'dcgan', 'gan', 'vae'], ['wgan', '', '', '']
    cells = [[grids.get(name) for name in line] for line in names]
    notes = [
        ['ae: FID 0.0', 'dcgan: FID 1.0', 'gan: FID 3.0', 'vae: FID 4.0'],
        ['wgan: FID 5.0', '', '', ''],
    ]
    expected = pictures.table(['', ''], [''] * 4, cells, notes)
    np.testing.assert_array_equal(pictures.load_png(tmp_path / 'a.png'), expected)


def test_rows_stand_in_the_order_of_their_fids_and_each_run_has_a_thumbnail(tmp_path, monkeypatch):
    fids = {'vae-0': 9, 'vae-1': 2, 'vae-2': 9, 'ae-0': 20}

    def train(home, line, seed, settings):
        run = Run(tmp_path / f'{line[0]}-{seed}')
        run.begin({'settings': {'batch_size': 64}, 'train_images': 64, 'image_shape': [4, 4, 1]})
        cells = np.arange(64, dtype=np.uint8).repeat(16).reshape(64, 4, 4, 1)
        pictures.save_grid(run.picture('samples', 1), cells)
        (run.path / 'model.txt').write_text('')
        (run.path / 'log.csv').write_text('epoch,images_per_second\n1,10\n')
        scored(run, fids.get(run.path.name, 5))
        return run

    monkeypatch.setattr(equal_time, 'train', train)
    monkeypatch.setattr(equal_time, 'command', lambda *line: None)
    command = ['equal_time', '--models=vae,gan,ae', f'--output_dir={tmp_path}', '--seeds=3']
    equal_time.main(command)
    home = tmp_path / 'digits-6-minutes'
    rows = [line.split(' | ')[:2] for line in (home / 'table.md').read_text().splitlines()[-3:]]
    assert rows == [
        ['| gan-0', '5.00'],
        ['| ae-0', '20.00, 5.00, 5.00'],
        ['| vae-0', '9.00, 2.00, 9.00'],
    ]
    thumbnail = pictures.load_png(home / 'thumbnails' / 'gan-0.png')
    assert thumbnail.shape == (4, 24, 1) and thumbnail[0, ::4, 0].tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize('flag', ['networks', 'parts'])
def test_an_unknown_word_is_refused(flag):
    with pytest.raises(InputError, match=f"^--{flag}: 'vea' is unknown"):
        throughput.main(['throughput.py', f'--{flag}=vea'])


@pytest.mark.slow
def test_the_tables_are_written(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    out = tmp_path / 'results.md'
    small = ['--networks=vae', '--rounds=1', '--train_size=1024', '--nats=400']
    parts = '--parts=throughput,quality,startup'
    assert throughput.main(['throughput.py', *small, parts, f'--out={out}']) == 0
    text = out.read_text()
    titles = 'vae, 64 images', 'vae, 512 images', 'Time to quality', 'Start', 'Start by stages'
    for title in (*titles, 'Imports'):
        assert f'## {title}' in text
    assert text.count('\n| ours |') == text.count('\n| tutorial |') == 3


def test_the_cost_of_scores_is_told_for_each(monkeypatch, capsys):
    monkeypatch.setattr(evaluation, 'SAMPLES', 30)
    evaluation.main()
    told = [line.split(':')[0] for line in capsys.readouterr().out.splitlines()]
    assert told == [*evaluation.SCORES, 'memory']


def test_drawing_is_timed_from_memory_and_naively(monkeypatch, capsys):
    monkeypatch.setattr(drawing, 'SHAPE', (4, 4, 1))
    line = 'pixelcnn --blocks=1 --width=0.2'
    assert drawing.main(['drawing.py', f'--models={line}', '--images=3']) == 0
    cells = capsys.readouterr().out.splitlines()[-1].split('|')
    assert cells[1].strip() == f'`{line}`' and cells[-2].strip() == '100.00%'


@pytest.mark.parametrize(
    ('command', 'flag'),
    [
        (scale, '--models=vea'),
        (beyond_memory, '--models=vea --folder=x'),
        (beyond_memory, '--parts=sped --folder=x'),
    ],
)
def test_an_unknown_word_is_refused_before_anything_is_measured(command, flag):
    with pytest.raises(InputError, match='^--(models|parts): .* is unknown .did you mean'):
        command.main(['benchmark.py', *flag.split()])
