"""The lessons: their mathematics against worked values, their commands on runs made by hand."""

import itertools
import json
import math
from pathlib import Path
from types import SimpleNamespace

import harness
import keras
import numpy as np
import pytest
import tensorflow as tf

import flags
import pictures
from lessons import (
    clipping,
    divergences,
    epochs,
    figure,
    lengths,
    manifold,
    one_dimension,
    parallel_lines,
    ring,
    saturation,
    wasserstein,
)
from lessons import codes as codes_lesson
from losses import minimax_loss, non_saturating_loss
from models.shared.build import build
from models.shared.noise import uniform
from models.shared.pixels import from_uint8
from pages.columns import list_columns
from runs.directory import Run
from support.errors import InputError
from training import setup

LOG_2 = math.log(2)


@pytest.fixture
def small(monkeypatch):
    """Trainings of a few steps."""
    for module in (one_dimension, parallel_lines, saturation):
        monkeypatch.setattr(module, 'STEPS', 3)
        monkeypatch.setattr(module, 'BATCH', 8)
    monkeypatch.setattr(one_dimension, 'SHOWN', (1, 2, 3))
    monkeypatch.setattr(saturation, 'WAIT', 3)
    monkeypatch.setattr(saturation, 'MOVES', (1, 2))
    monkeypatch.setattr(parallel_lines, 'TRAINED', np.array([-1.0, 0.0]))


# Lesson 3


def test_best_discriminator_is_p_over_p_plus_q():
    p, q = np.array([0.2, 0.3, 0.1]), np.array([0.2, 0.1, 0.3])
    moment = one_dimension.Moment(np.log(p), np.log(q), np.zeros(3))
    np.testing.assert_allclose(tf.sigmoid(moment.best), [0.5, 0.75, 0.25], rtol=1e-12)


def moment(mean, std):
    """The data N(MEAN, STD^2) against samples N(mean, std^2), with a D that knows nothing."""
    densities = one_dimension.log_density(one_dimension.MEAN, one_dimension.STD)
    return one_dimension.Moment(densities, one_dimension.log_density(mean, std), 0 * densities)


def test_value_of_equal_densities_is_minus_log_4():
    found = moment(one_dimension.MEAN, one_dimension.STD)
    assert one_dimension.value(found, found.best) == pytest.approx(-math.log(4), abs=1e-6)


def test_value_of_densities_that_do_not_meet_is_0():
    found = moment(-4.0, 0.1)
    assert one_dimension.value(found, found.best) == pytest.approx(0, abs=1e-6)


def test_no_discriminator_beats_the_best():
    found = moment(0.5, 1.0)
    best = one_dimension.value(found, found.best)
    for change in (-0.1, 0.1, np.sin(one_dimension.GRID)):
        assert one_dimension.value(found, found.best + change) < best


def test_game_ends_at_the_data():
    last = one_dimension.play(discriminator_steps=3, seed=0)[one_dimension.STEPS]
    best = one_dimension.value(last, last.best)
    assert best == pytest.approx(-math.log(4), abs=0.03)
    assert one_dimension.value(last, last.logits) == pytest.approx(best, abs=0.03)


# Lesson 4


@pytest.mark.parametrize(
    ('loss', 'gradient'),
    [
        (minimax_loss, lambda a: -1 / (1 + math.exp(-a))),  # of log(1 - sigmoid(a))
        (non_saturating_loss, lambda a: 1 / (1 + math.exp(-a)) - 1),  # of -log sigmoid(a)
    ],
)
def test_gradient_by_logit_in_closed_form(loss, gradient):
    logits = np.array([-8.0, -1.0, 0.0, 3.0])
    found = saturation.gradient_by_logit(loss, logits)
    np.testing.assert_allclose(found, [gradient(a) for a in logits], rtol=1e-9)


def test_a_sure_discriminator_leaves_minimax_no_slope(monkeypatch):
    monkeypatch.setattr(saturation, 'WAIT', 200)
    minimax, other = (saturation.wait(loss, 0)[200] for loss in saturation.LOSSES.values())
    assert minimax < 0.05 * other


def test_the_samples_move_towards_the_data(monkeypatch):
    monkeypatch.setattr(saturation, 'STEPS', 20)
    means = saturation.play(non_saturating_loss, moves=5, seed=0)
    assert means[0] == saturation.START < means[10] < means[20]


# Lesson 5


@pytest.mark.parametrize('theta', [-0.7, 0.25, 1.0])
def test_distances_of_parallel_lines(theta):
    found = parallel_lines.distances(theta)
    assert found['earth_mover'] == pytest.approx(abs(theta), rel=1e-9)
    assert found['jensen_shannon'] == pytest.approx(LOG_2, rel=1e-9)
    assert found['total_variation'] == pytest.approx(1)
    assert found['kl'] == found['reverse_kl'] == math.inf


def test_distances_of_the_same_line_are_0():
    assert set(parallel_lines.distances(0.0).values()) == {0.0}


def test_divergences_by_hand():
    p, q = np.array([0.5, 0.5, 0.0]), np.array([0.25, 0.5, 0.25])
    assert divergences.kl(p, q) == pytest.approx(0.5 * LOG_2)
    assert divergences.kl(q, p) == math.inf
    middle = 0.5 * math.log(0.5 / 0.375) + 0.25 * math.log(0.25 / 0.375) + 0.25 * LOG_2
    assert divergences.jensen_shannon(p, q) == pytest.approx(middle / 2)
    assert divergences.total_variation(p, q) == pytest.approx(0.25)


def test_earth_mover_is_the_best_of_all_plans():
    random = np.random.default_rng(0)
    points, others = random.normal(size=(2, 5, 2))
    plans = itertools.permutations(range(5))
    best = min(np.linalg.norm(points - others[list(plan)], axis=1).mean() for plan in plans)
    assert divergences.earth_mover(points, others) == pytest.approx(best)


def test_masses_tell_shared_places():
    p, q = parallel_lines.masses(np.array([[0, 0], [0, 1]]), np.array([[0, 1], [2, 2]]))
    assert p.tolist() == [0.5, 0.5, 0] and q.tolist() == [0, 0.5, 0.5]


def test_critic_tells_the_distance_and_the_way():
    found = parallel_lines.critic(0.5)
    assert found.distance == pytest.approx(0.5, abs=0.1)
    assert found.gradient == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize(
    'lesson', [one_dimension, saturation, parallel_lines], ids=lambda module: module.__name__
)
def test_a_lesson_writes_its_figure(lesson, small, tmp_path, capsys):
    out = tmp_path / 'figures' / 'found.webp'
    assert lesson.main(['lesson', f'--out={out}']) == 0
    assert pictures.load_png(out).shape[2] == 3
    assert capsys.readouterr().out == f'{out}\n'


# Lesson 1


def test_fitted_codes_have_the_moments_of_the_codes():
    codes = np.array([[0.0, 1.0], [2.0, 5.0], [4.0, 3.0]])
    noise = np.random.default_rng(0).normal(size=(100_000, 2))
    found = codes_lesson.fitted(codes, noise)
    np.testing.assert_allclose(found.mean(axis=0), [2, 3], atol=0.03)
    np.testing.assert_allclose(np.cov(found, rowvar=False), [[4, 2], [2, 4]], atol=0.1)


def test_interpolation_goes_from_start_to_end_in_equal_steps():
    path = codes_lesson.interpolate(np.array([[0.0, 1.0]]), np.array([[9.0, -8.0]]))
    assert path.shape == (1, 10, 2)
    np.testing.assert_allclose(path[0, :, 0], np.arange(10), atol=1e-6)
    np.testing.assert_allclose(path[0, :, 1], 1 - np.arange(10), atol=1e-6)


def test_pairs_are_the_first_of_neighbouring_classes():
    labels, codes = np.array([3, 0, 1, 2, 0]), np.arange(5)[:, None]
    starts, ends = codes_lesson.pairs(codes, labels)
    assert starts.ravel().tolist() == [1, 3] and ends.ravel().tolist() == [2, 0]


# Lesson 2


def test_plane_holds_quantiles_of_the_prior():
    codes = manifold.plane(4)
    quartiles = [-1.150349, -0.318639, 0.318639, 1.150349]  # of 1/8, 3/8, 5/8, 7/8
    np.testing.assert_allclose(codes[:4, 0], quartiles, atol=1e-6)
    np.testing.assert_allclose(codes[::4, 1], quartiles[::-1], atol=1e-6)


# Lesson 6


def test_modes_of_points_by_hand():
    middles = ring.centres()
    points = np.repeat(middles[:3], [97, 2, 1], axis=0)  # of 100, so 1 % is one point
    assert ring.modes(points) == 3
    far = points + [3.1 * ring.STD, 0]  # a little more than three standard deviations
    assert ring.modes(far) == 0
    assert ring.modes(np.concatenate([points, points[:50], middles[[3]]])) == 2  # 1 of 151
    beside = np.concatenate([points, far, far, far])
    assert ring.describe(beside) == '1 of 8, 25% near'  # 2 of 400 are too few


def test_ring_lies_on_its_middles():
    points = from_uint8(ring.ring(8000, 0), (-1.0, 1.0)).numpy().reshape(-1, 2)
    assert ring.shares(points) == pytest.approx(np.full(8, 0.989 / 8), abs=2e-3)  # Rayleigh
    middles = points.reshape(-1, 8, 2).mean(axis=0)
    np.testing.assert_allclose(middles, ring.centres(), atol=0.004)


# Lesson 7


def test_rank_correlation_by_hand():
    assert wasserstein.rank_correlation([1, 2, 3], [10, 200, 3000]) == pytest.approx(1)
    assert wasserstein.rank_correlation([1, 2, 3], [9, 8, -7]) == pytest.approx(-1)
    # 1 - 6 sum d^2 / (n (n^2 - 1)) with d = 1, 1, 1, 1
    assert wasserstein.rank_correlation([1, 2, 3, 4], [2, 1, 4, 3]) == pytest.approx(0.6)
    assert wasserstein.rank_correlation([1, 1, 1], [1, 2, 3]) == 0


# Runs made by hand


def make_run(path, model, rows, kinds=('samples',), **changes):
    """A run with these rows in its log, and grids of four images of 4x4 at their epochs."""
    run = Run(path)
    path.mkdir()
    settings = {'latent_dim': 2, 'kl_weight': 1.0} | changes
    config = harness.configuration(settings, model=model, image_shape=[4, 4, 1])
    (path / 'config.json').write_text(json.dumps(config))
    run.rewrite_log(rows)
    noise = np.random.default_rng(0).integers(0, 256, (8, 8, 1), dtype=np.uint8)
    for place in ('target.png', *(f'{k}/epoch_{r["epoch"]:04d}.png' for k in kinds for r in rows)):
        pictures.save_png(path / place, noise)
    return run


def game_rows(count, **more):
    """Rows of an adversarial run whose FID falls."""
    losses = {'discriminator_loss': 1.0, 'generator_loss': 2.0}
    return [{'epoch': e, **losses, 'eval_fid': 100.0 / e} | more for e in range(1, count + 1)]


def test_epochs_command(tmp_path, capsys):
    runs = [make_run(tmp_path / name, name, game_rows(3)) for name in ('vae', 'gan')]
    names = ','.join(str(run.path) for run in runs)
    out = tmp_path / 'figure.png'
    assert epochs.main(['epochs', f'--runs={names}', f'--out={out}']) == 0
    assert out.exists()


def test_epochs_need_a_fid(tmp_path):
    run = make_run(tmp_path / 'gan', 'gan', game_rows(2, eval_fid=''))
    with pytest.raises(InputError, match='no eval_fid at epoch 1; train with --eval_every=1'):
        epochs.main(['epochs', f'--runs={run.path}', f'--out={tmp_path}/figure.png'])


def test_caption_says_fid_and_sharpness(tmp_path):
    run = make_run(tmp_path / 'gan', 'gan', game_rows(2))
    column = list_columns([('GAN', run)])[0]
    target = pictures.load_png(run.path / 'target.png')
    assert epochs.describe(target, column, 2, 2) == 'FID 50.0, sharpness 1.00'
    assert epochs.describe(target, column, 2, math.inf) == '2: FID 50.0, sharpness 1.00'


def test_wasserstein_command(tmp_path):
    runs = [make_run(tmp_path / name, name, game_rows(4)) for name in ('gan', 'wgan')]
    names = ','.join(str(run.path) for run in runs)
    out = tmp_path / 'figure.webp'
    assert wasserstein.main(['wasserstein', f'--runs={names}', f'--out={out}']) == 0
    assert out.exists()


def test_wasserstein_needs_epochs_with_a_fid(tmp_path):
    run = make_run(tmp_path / 'gan', 'gan', game_rows(2))
    with pytest.raises(InputError, match='2 epochs with eval_fid, it takes 3'):
        wasserstein.main(['wasserstein', f'--runs={run.path}', f'--out={tmp_path}/figure.webp'])


def test_a_critic_is_watched_by_its_estimate_alone():
    rows = {'discriminator_loss': np.array([-3.0]), 'generator_loss': np.zeros(1)}
    assert list(wasserstein.signals(rows)) == ["discriminator's loss", "generator's loss"]
    rows['wasserstein'] = np.array([2.5])
    assert wasserstein.signals(rows) == {'Wasserstein estimate': rows['wasserstein']}


def test_lengths_command(tmp_path):
    kinds = ('reconstructions', 'samples')
    rows = [{'epoch': 1, 'test_kl': 5.25, 'test_reconstruction': 140.0}]
    run = make_run(tmp_path / 'vae', 'vae', rows, kinds, kl_weight=4.0, latent_dim=20)
    title, pictures, caption = lengths.column(run)
    assert (title, caption) == ('KL weight 4, code of 20', 'KL 5.2, reconstruction 140.0')
    assert len(pictures) == 2
    out = tmp_path / 'figure.webp'
    assert lengths.main(['lengths', f'--runs={run.path}', f'--out={out}']) == 0
    assert out.exists()


@pytest.mark.parametrize('kinds', [('samples',), ('reconstructions', 'samples')])
def test_lengths_refuse_another_model(kinds, tmp_path):
    run = make_run(tmp_path / 'other', 'other', game_rows(1), kinds)
    with pytest.raises(InputError, match='no epoch of a VAE'):
        lengths.main(['lengths', f'--runs={run.path}'])


def test_manifold_refuses_longer_codes(tmp_path):
    run = make_run(tmp_path / 'vae', 'vae', [], latent_dim=100)
    with pytest.raises(InputError, match='100 numbers; train with --latent_dim=2'):
        manifold.main(['manifold', f'--run={run.path}'])


# Runs of untrained networks


def untrained_run(path, model, **changes):
    """A run on digits that was saved before its first step."""
    settings = flags.settings(model, dataset='digits', **changes)
    data, data_hash = setup.load(settings)
    path.mkdir()
    run = Run(path)
    run.begin(setup.configuration(settings, data, data_hash))
    found = build(data.train_images.shape[1:], len(data.class_names), settings)
    weights = {f'{i:04d}': v.numpy() for i, v in enumerate(found.variables)}
    run.save(weights | {'step': np.array(0)}, 0)
    return run


@pytest.fixture(scope='module')
def untrained(tmp_path_factory):
    """{model: run} of small networks."""
    base = tmp_path_factory.mktemp('untrained')
    plane, narrow = {'variant': 'mlp'}, {'width': 0.1}
    more = {'ae': plane, 'vae': plane, 'wgan': narrow, 'wgan_gp': narrow}
    return {name: untrained_run(base / name, name, **changes) for name, changes in more.items()}


def test_manifold_command(untrained, tmp_path):
    out = tmp_path / 'figure.webp'
    command = ['manifold', f'--run={untrained["vae"].path}', '--side=3', f'--out={out}']
    assert manifold.main(command) == 0
    assert out.exists()


@pytest.mark.parametrize(
    ('lesson', 'models'), [(codes_lesson, ('ae', 'vae')), (clipping, ('wgan', 'wgan_gp'))]
)
def test_lessons_that_restore_models(lesson, models, untrained, tmp_path):
    names = ','.join(str(untrained[model].path) for model in models)
    out = tmp_path / 'figure.webp'
    assert lesson.main(['lesson', f'--runs={names}', f'--out={out}']) == 0
    assert out.exists()


def test_lessons_refuse_other_models(untrained, tmp_path):
    out = f'--out={tmp_path}/figure.webp'
    with pytest.raises(InputError, match='no critic; name runs of wgan and wgan_gp'):
        clipping.main(['clipping', f'--runs={untrained["ae"].path}', out])
    with pytest.raises(InputError, match='100 numbers; train with --latent_dim=2'):
        codes_lesson.main(['codes', f'--runs={untrained["wgan"].path}', out])


def test_gradient_norm_of_a_linear_critic_is_that_of_its_weights():
    critic = keras.Sequential([keras.Input([2, 2, 1]), keras.layers.Flatten()])
    critic.add(keras.layers.Dense(1, kernel_initializer='ones'))
    stand_in = SimpleNamespace(
        discriminator=critic,
        value_range=(-1.0, 1.0),
        latents=lambda count, seed: None,
        sample=lambda latents: tf.zeros([3, 2, 2, 1]),
    )
    norms = clipping.gradient_norms(stand_in, np.zeros((3, 2, 2, 1), np.uint8))
    np.testing.assert_allclose(norms, 2.0)  # four weights of 1
    assert clipping.critic_weights(stand_in).tolist() == [1, 1, 1, 1, 0]


def test_gradient_norms_are_taken_between_data_and_samples():
    """The gradient of |x|^2 / 2 is x itself: 2 s - 1 at a share s from -1 to 1, in four pixels."""
    stand_in = SimpleNamespace(
        discriminator=lambda images, training: tf.reduce_sum(images**2, axis=[1, 2, 3]) / 2,
        value_range=(-1.0, 1.0),
        latents=lambda count, seed: None,
        sample=lambda latents: -tf.ones([50, 2, 2, 1]),
    )
    norms = clipping.gradient_norms(stand_in, np.full((50, 2, 2, 1), 255, np.uint8))
    shares = uniform([50, 1, 1, 1], [0, 0], 0.0, 1.0).numpy().ravel()
    np.testing.assert_allclose(norms, 2 * np.abs(2 * shares - 1), rtol=1e-4, atol=1e-5)


# Commands


@pytest.mark.parametrize(
    ('argv', 'message'),
    [
        (['--out=figure.txt'], '--out=figure.txt: must end in .webp or .png'),
        (['--sead=1'], '--sead: unknown flag, did you mean seed'),
        (['--seed=-1'], 'must be a whole number from 0'),
    ],
)
def test_refusals(argv, message):
    with pytest.raises(InputError, match=message):
        saturation.main(['saturation.py', *argv])


def test_a_figure_at_out_is_replaced_only_when_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in 'outputs/lessons/saturation.webp', 'mine.webp':
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    assert figure.parse(['lesson'], 'saturation', '').out == 'outputs/lessons/saturation.webp'
    with pytest.raises(InputError, match='^--out=mine.webp: exists; .*--overwrite'):
        figure.parse(['lesson', '--out=mine.webp'], 'saturation', '')
    assert figure.parse(['lesson', '--out=mine.webp', '--overwrite'], 'saturation', '').overwrite


def test_help_tells_the_lesson_and_its_flags(capsys):
    with pytest.raises(SystemExit) as end:
        saturation.main(['saturation.py', '--help'])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert 'Lesson 4' in text and 'outputs/lessons/saturation.webp' in text


def test_pixels_are_opaque_white_around_the_axes():
    picture = figure.pixels(figure.page(1, 0.5))
    assert picture.shape == (64, 128, 3) and (picture == 255).all()
