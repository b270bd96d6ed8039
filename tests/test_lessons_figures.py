"""The figures of the lessons: what is drawn, of games and runs whose numbers are known."""

import json
import math

import harness
import numpy as np
import pytest
from harness import check_drawn, untrained_run
from PIL import Image

import pictures
from evaluation import metrics
from lessons import (
    circling,
    clipping,
    epochs,
    lengths,
    manifold,
    one_dimension,
    parallel_lines,
    ring,
    saturation,
    wasserstein,
    windows,
)
from lessons import codes as codes_lesson
from pages.columns import list_columns
from runs.directory import Run
from support.errors import InputError

LOG_2, LOG_4 = math.log(2), math.log(4)


def curves(axes):
    """{label: (x, y)} of the lines that the legend names."""
    found = {line.get_label(): line.get_data() for line in axes.lines}
    return {label: data for label, data in found.items() if not label.startswith('_')}


def titles(page):
    return [axes.get_title() for axes in page.axes]


# Games


def test_the_game_in_one_dimension_as_drawn(monkeypatch):
    """At first the samples are far from the data, then they are the data; D knows nothing."""
    monkeypatch.setattr(one_dimension, 'SHOWN', (1, 5))
    nothing = np.zeros_like(one_dimension.GRID)
    moments = {1: one_dimension.Moment(-4.0, 0.1, nothing)}
    moments[5] = one_dimension.Moment(1.0, 0.5, nothing)
    first, last, values = one_dimension.draw(moments).axes
    assert [first.get_title(), last.get_title()] == ['step 1', 'step 5']
    drawn = curves(first)
    assert drawn['data p'][0][np.argmax(drawn['data p'][1])] == pytest.approx(1.0)
    assert drawn['data p'][1].max() == pytest.approx(1 / math.sqrt(2 * math.pi) / 0.5)
    assert drawn['samples q'][0][np.argmax(drawn['samples q'][1])] == pytest.approx(-4.0)
    assert set(drawn['D'][1]) == {0.5}
    best = np.interp([-4.0, 1.0], *drawn['best D, p / (p + q)'])
    np.testing.assert_allclose(best, [0, 1], atol=1e-6)
    np.testing.assert_allclose(curves(last)['best D, p / (p + q)'][1], 0.5)
    steps, best = curves(values)['of the best D: 2 JS - log 4']
    assert list(steps) == [1, 5]
    np.testing.assert_allclose(best, [0, -LOG_4], atol=1e-6)
    np.testing.assert_allclose(curves(values)['of D'][1], -LOG_4, atol=1e-6)


def test_slopes_and_games_as_drawn():
    sizes = {'minimax': {1: 0.5, 10: 0.01}, 'non-saturating': {1: 0.5, 10: 0.9}}
    games = {(name, k): [-3.0, k / 10] for name in sizes for k in saturation.MOVES}
    left, middle, right = saturation.draw(sizes, games).axes
    for name, sign in ('minimax', 1), ('non-saturating', -1):
        logits, slopes = curves(left)[name]
        expected = -1 / (1 + np.exp(-sign * logits))
        np.testing.assert_allclose(slopes, expected, rtol=1e-6)
        moves, drawn = curves(middle)[name]
        assert dict(zip(moves, drawn, strict=True)) == sizes[name]
        for k in saturation.MOVES:
            assert list(curves(right)[f'{name}, k = {k}'][1]) == [-3.0, k / 10]


def test_circles_as_drawn():
    """The first moves of each game, and its distance by all of them."""
    path = np.array([[3.0, 4.0], [6.0, 8.0]] + 200 * [[1.0, 0.0]])
    paths = {name: path * scale for scale, name in enumerate(circling.STYLES, 1)}
    exact = {'simultaneous': ([1, 2], [10.0, 1.0]), 'historical averaging': ([2], [7.0])}
    *games, distances = circling.draw(paths, exact).axes
    assert [axes.get_title() for axes in games] == list(circling.STYLES)
    for scale, (axes, points) in enumerate(zip(games, paths.values(), strict=True), 1):
        np.testing.assert_array_equal(axes.lines[0].get_xydata(), points[:151])
        np.testing.assert_array_equal(axes.lines[1].get_xydata(), points[:1])
        reach = 8.8 * scale  # 1.1 times the largest coordinate
        assert axes.get_xlim() == axes.get_ylim() == pytest.approx((-reach, reach))
    drawn = curves(distances)
    for scale, name in enumerate(circling.STYLES, 1):
        np.testing.assert_allclose(drawn[name][1][:3], [5 * scale, 10 * scale, scale])
        assert len(drawn[name][1]) == 202
    assert [list(part) for part in drawn['closed form']] == [[1, 2], [10.0, 1.0]]
    assert [list(line.get_ydata()) for line in distances.lines[3:]] == [[10.0, 1.0], [7.0]]


def test_circles_tell_played_and_closed_form_side_by_side(capsys):
    paths = {name: np.array(12 * [[number, 0.0]]) for number, name in enumerate(circling.STYLES)}
    exact = {'simultaneous': ([1, 10], [5.0, 6.0]), 'historical averaging': ([10], [7.0])}
    circling.tell_numbers(paths, exact)
    _, *lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [
        ['1', '0', '5', '1', '-', '2', '-'],
        ['10', '0', '6', '1', '-', '2', '7'],
    ]


def said(distance, minimax, other, critic):
    """What `parallel_lines.ask` tells of two seeds; the second has twice the numbers."""
    names = ['distance by discriminator', 'distance by critic', 'minimax', 'non-saturating']
    numbers = distance, distance / 2, minimax, other, critic
    return {n: [x, 2 * x] for n, x in zip([*names, 'critic'], numbers, strict=True)}


def test_distances_of_lines_as_drawn(monkeypatch):
    monkeypatch.setattr(parallel_lines, 'THETAS', np.linspace(-1, 1, 41))
    by_theta = {-1.0: said(0.6, -0.01, -20, -1.1), 0.0: said(0.0, 5, 5, 5)}
    by_theta |= {0.5: said(0.4, 0.02, 30, 0.9)}
    by_moves = {10: said(0.1, 0.1, 1, 0.5), 100: said(0.1, 0.001, 10, 1)}
    exact = [parallel_lines.distances(theta) for theta in parallel_lines.THETAS]
    left, right, below, beside = parallel_lines.draw(exact, by_theta, by_moves).axes
    thetas, heights = curves(left)["earth mover's distance (heights)"]
    np.testing.assert_allclose(heights, np.abs(thetas), atol=1e-9)
    thetas, dots = curves(left)['trained critic, a dot a seed']
    assert list(thetas) == [-1.0, 0.0, 0.5] and list(dots) == [0.3, 0.0, 0.2]
    for name, value in ('Jensen-Shannon (nats)', LOG_2), ('total variation', 1):
        thetas, heights = curves(right)[name]
        np.testing.assert_allclose(heights, value * (thetas != 0), atol=1e-9)
    assert list(curves(right)['trained discriminator, a dot a seed'][1]) == [0.6, 0.0, 0.4]
    infinite = [-1, -0.5, 0.5, 1]  # of every tenth theta all but 0
    np.testing.assert_allclose(curves(right)['KL: infinite'][0], infinite, atol=1e-9)
    np.testing.assert_allclose(curves(right)['reverse KL: infinite'][0], infinite, atol=1e-9)
    assert [list(part) for part in curves(beside)['minimax']] == [
        [10, 100],
        pytest.approx([0.15, 0.0015]),  # the median of two seeds
    ]
    assert list(curves(beside)['non-saturating'][1]) == [1.5, 15]
    sides = [list(line.get_xdata()) for line in below.lines]
    assert sides == 3 * [[0.5], [-1.0]]  # neither curve crosses theta = 0, where it jumps
    assert below.lines[1].get_ydata() == pytest.approx([-0.015])


@pytest.fixture
def small(monkeypatch):
    """Trainings of a few steps."""
    for module in (one_dimension, parallel_lines, saturation):
        monkeypatch.setattr(module, 'STEPS', 3)
        monkeypatch.setattr(module, 'BATCH', 8)
    monkeypatch.setattr(one_dimension, 'SHOWN', (1, 2, 3))
    monkeypatch.setattr(saturation, 'WAIT', 3)
    monkeypatch.setattr(saturation, 'MOVES', (1, 2))
    monkeypatch.setattr(saturation, 'SURE', 1)
    monkeypatch.setattr(saturation, 'TOLD', (1, 3))
    monkeypatch.setattr(parallel_lines, 'TRAINED', np.array([-1.0, 0.0]))
    monkeypatch.setattr(parallel_lines, 'LOOKS', (1, 3))
    monkeypatch.setattr(parallel_lines, 'THETAS', np.linspace(-1, 1, 21))


@pytest.mark.parametrize(
    ('lesson', 'words'),
    [
        (one_dimension, []),
        (saturation, []),
        (parallel_lines, ['--seeds=1']),
        (circling, []),
    ],
    ids=['one_dimension', 'saturation', 'parallel_lines', 'circling'],
)
def test_a_lesson_writes_its_figure(lesson, words, small, saved, tmp_path, capsys):
    out = tmp_path / 'figures' / 'found.webp'
    assert lesson.main(['lesson', f'--out={out}', *words]) == 0
    *table, last = capsys.readouterr().out.splitlines()
    assert last == str(out)
    assert len(table) > 3 and all(len(row.split()) > 3 for row in table)
    check_drawn(out, saved[0])


RING = ring.Ring(radius=0.75, std=0.02)


def near(count):
    """Points that keep `count` of the eight Gaussians, each of them on a middle."""
    return np.resize(RING.centres()[:count], (ring.SAMPLES, 2))


def test_the_ring_draws_and_tells_what_each_seed_keeps(saved, tmp_path, monkeypatch, capsys):
    """A seed 1 keeps one Gaussian more than 0; at step 1 all samples lie on the first."""
    kept = {'gan_mlp': 2, 'wgan': 3, 'wgan_gp': 4}

    def play(name, own, ring, seed, steps):
        assert ring == RING
        return {1: near(1), steps: near(kept[name] + seed)}

    monkeypatch.setattr(ring, 'play', play)
    out = tmp_path / 'ring.png'
    flags = ['--steps=100', '--seeds=2', '--rows=gan_mlp,wgan,wgan_gp', f'--out={out}']
    assert ring.main(['ring', *flags]) == 0
    told = [' '.join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert told[1:4] == [
        'gan_mlp 2 of 8, 100% near 3 of 8, 100% near',
        'wgan 3 of 8, 100% near 4 of 8, 100% near',
        'wgan_gp 4 of 8, 100% near 5 of 8, 100% near',
    ]
    assert told[5:8] == ['gan_mlp 2 3', 'wgan 3 4', 'wgan_gp 4 5']  # the most on the way
    assert told[8:] == [str(out), str(out.with_suffix('.gif'))]
    check_drawn(out, saved[0])
    assert titles(saved[0])[:3] == ['2 of 8, 100% near', '3 of 8, 100% near', '3 of 8, 100% near']
    assert [axes.get_ylabel().split()[0] for axes in saved[0].axes[::2]] == list(kept)
    for axes, count in zip(saved[0].axes, (2, 3, 3, 4, 4, 5), strict=True):
        [samples] = axes.collections
        np.testing.assert_allclose(samples.get_offsets().data, near(count))
        np.testing.assert_allclose([c.center for c in axes.patches], RING.centres())
        assert [c.radius for c in axes.patches] == pytest.approx([3 * 0.02] * 8)
    with Image.open(out.with_suffix('.gif')) as gif:
        first = np.asarray(gif.convert('L')).astype(int)
        assert gif.n_frames == 2
        gif.seek(1)
        assert np.abs(np.asarray(gif.convert('L')) - first).max() > 100


# Runs made by hand

TARGET = 8 * np.random.default_rng(0).integers(0, 32, (8, 8, 1), dtype=np.uint8)


def grid_of(kind, epoch):
    """A grid of four images of 4x4: the target's at a half, a quarter, an eighth of its grey."""
    return TARGET >> min(epoch, 3) if kind == 'samples' else 255 - (TARGET >> min(epoch, 3))


def make_run(path, model, rows, kinds=('samples',), **changes):
    """A run with these rows in its log, and grids at their epochs."""
    run = Run(path)
    path.mkdir()
    settings = {'latent_dim': 2, 'kl_weight': 1.0} | changes
    shape = settings.pop('image_shape', [4, 4, 1])
    config = harness.configuration(settings, model=model, image_shape=shape)
    (path / 'config.json').write_text(json.dumps(config))
    run.rewrite_log(rows)
    pictures.save_png(path / 'target.png', TARGET)
    for kind in kinds:
        for row in rows:
            pictures.save_png(run.picture(kind, row['epoch']), grid_of(kind, row['epoch']))
    return run


def game_rows(count, **more):
    """Rows of an adversarial run whose FID falls as D's loss rises and G's falls."""
    found = range(1, count + 1)
    losses = [{'discriminator_loss': 1.0 * e, 'generator_loss': 2.0 / e} for e in found]
    rows = zip(found, losses, strict=True)
    return [{'epoch': e, **own, 'eval_fid': 100.0 / e} | more for e, own in rows]


def test_epochs_as_drawn(tmp_path, capsys):
    """Half the contrast is a quarter of the variance that sharpness is; an eighth, a 64th."""
    runs = [make_run(tmp_path / name, name, game_rows(3)) for name in ('vae', 'gan')]
    names = ','.join(str(run.path) for run in runs)
    out = tmp_path / 'figure.png'
    shown = '--epochs_shown=1,last'
    assert epochs.main(['epochs', f'--runs={names}', shown, f'--out={out}']) == 0
    first, last = grid_of('samples', 1), grid_of('samples', 3)
    captions = ['FID 100.0, sharpness 0.25'] * 2, ['3: FID 33.3, sharpness 0.02'] * 2
    expected = pictures.table(
        ['epoch 1', 'last'],
        ['target', 'VAE samples', 'GAN samples'],
        [[TARGET, first, first], [None, last, last]],
        [['', *line] for line in captions],
    )
    np.testing.assert_array_equal(pictures.load_png(out), expected)
    told = capsys.readouterr().out.splitlines()
    assert [*map(str.strip, told[2].strip().split('  '))] == ['last', *captions[1]]
    assert told[-1] == str(out)


def test_epochs_need_a_fid(tmp_path):
    run = make_run(tmp_path / 'gan', 'gan', game_rows(2, eval_fid=''))
    with pytest.raises(InputError, match='no eval_fid at epoch 1; train with --eval_every=1'):
        epochs.main(['epochs', f'--runs={run.path}', f'--out={tmp_path}/figure.png'])


def test_caption_says_fid_and_sharpness(tmp_path):
    run = make_run(tmp_path / 'gan', 'gan', game_rows(2))
    column = list_columns([('GAN', run)])[0]
    assert epochs.describe(TARGET, column, 2, 2) == 'FID 50.0, sharpness 0.06'
    assert epochs.describe(TARGET, column, 2, math.inf) == '2: FID 50.0, sharpness 0.06'


def test_caption_of_reconstructions_has_their_sharpness_alone(tmp_path):
    run = make_run(tmp_path / 'vae', 'vae', game_rows(2), ('reconstructions', 'samples'))
    column = list_columns([('VAE', run)])[0]
    cells = [pictures.cells(g, 4, 4) for g in (grid_of('reconstructions', 2), TARGET)]
    assert epochs.describe(TARGET, column, 2, 2) == f'sharpness {metrics.sharpness(*cells):.2f}'


def test_losses_beside_fid_as_drawn(saved, tmp_path, capsys):
    """FID falls from epoch to epoch, so its ranks are 4 3 2 1."""
    gan = make_run(tmp_path / 'gan', 'gan', game_rows(4))
    rows = game_rows(4)
    for row, estimate in zip(rows, (2.0, 1.0, 4.0, 3.0), strict=True):
        row['wasserstein'] = estimate
    wgan = make_run(tmp_path / 'wgan', 'wgan', rows)
    out = tmp_path / 'figure.webp'
    assert wasserstein.main(['wasserstein', f'--runs={gan.path},{wgan.path}', f'--out={out}']) == 0
    *told, place = capsys.readouterr().out.splitlines()
    # The changes of the estimate have the ranks 1.5, 3 and 1.5, those of FID 1, 2 and 3.
    assert ' '.join(told[3].split()) == 'WGAN Wasserstein estimate 2 3 100 25 -0.6 0'
    assert len(told) == 4 and place == str(out)
    check_drawn(out, saved[0])
    heads = [part.get_suptitle() for part in saved[0].subfigs]
    told = "discriminator's loss -1.00, generator's loss +1.00"
    assert heads[0] == f'GAN; rank correlation with FID: {told}'
    # 1 - 6 sum d^2 / (n (n^2 - 1)) with d = 2, 2, 2, 2
    assert heads[1] == 'WGAN; rank correlation with FID: Wasserstein estimate -0.60'
    for part, names in zip(
        saved[0].subfigs,
        (["discriminator's loss", "generator's loss"], ['Wasserstein estimate']),
        strict=True,
    ):
        losses, *grids, fid = part.axes
        np.testing.assert_allclose(fid.lines[0].get_ydata(), [100, 50, 100 / 3, 25])
        assert list(curves(losses)) == names
        assert [axes.get_title() for axes in grids] == ['epoch 1', 'epoch 2', 'epoch 4']
        for axes, epoch in zip(grids, (1, 2, 4), strict=True):
            np.testing.assert_array_equal(
                axes.images[0].get_array(), grid_of('samples', epoch)[..., 0]
            )
    assert list(curves(saved[0].subfigs[1].axes[0])['Wasserstein estimate'][1]) == [2, 1, 4, 3]


def test_wasserstein_needs_epochs_with_a_fid(tmp_path):
    run = make_run(tmp_path / 'gan', 'gan', game_rows(2))
    with pytest.raises(InputError, match='2 epochs with eval_fid, it takes 3'):
        wasserstein.main(['wasserstein', f'--runs={run.path}', f'--out={tmp_path}/figure.webp'])


def test_lengths_as_drawn(tmp_path, capsys):
    kinds = ('reconstructions', 'samples')
    rows = [{'epoch': 1, 'test_kl': 9.0, 'test_reconstruction': 150.0}]
    rows += [{'epoch': 2, 'test_kl': 5.25, 'test_reconstruction': 140.0}]
    run = make_run(tmp_path / 'vae', 'vae', rows, kinds, kl_weight=4.0, latent_dim=20)
    out = tmp_path / 'figure.png'
    assert lengths.main(['lengths', f'--runs={run.path}', f'--out={out}']) == 0
    expected = pictures.table(
        ['rebuilt', 'sampled'],
        ['KL weight 4, code of 20'],
        [[grid_of('reconstructions', 2)], [grid_of('samples', 2)]],
        [[''], ['KL 5.2, reconstruction 140.0']],
    )
    np.testing.assert_array_equal(pictures.load_png(out), expected)
    assert capsys.readouterr().out.splitlines()[1].split() == ['vae', '5.25', '140']


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


@pytest.fixture(scope='module')
def untrained(tmp_path_factory):
    """{model: (run, model)} of small networks."""
    base = tmp_path_factory.mktemp('untrained')
    plane, narrow = {'variant': 'mlp'}, {'width': 0.1}
    more = {'ae': plane, 'vae': plane, 'wgan': narrow, 'wgan_gp': narrow}
    return {name: untrained_run(base / name, name, **changes) for name, changes in more.items()}


def test_the_plane_as_drawn(untrained, saved, tmp_path):
    run, model = untrained['vae']
    out = tmp_path / 'figure.webp'
    assert manifold.main(['manifold', f'--run={run.path}', '--side=3', f'--out={out}']) == 0
    check_drawn(out, saved[0])
    (axes,) = saved[0].axes
    third = 0.967422  # below -third lies a sixth of N(0, 1)
    drawn = axes.images[0].get_array()
    for (row, column), code in ((0, 0), (-third, third)), ((2, 1), (0.0, -third)):
        image = model.sample(np.array([code], np.float32)).numpy()[0, ..., 0]
        part = drawn[28 * row : 28 * (row + 1), 28 * column : 28 * (column + 1)]
        np.testing.assert_allclose(part, 255 * image, atol=1)
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ['-0.97', '0.00', '0.97']


def test_codes_as_drawn(untrained, saved, tmp_path, capsys):
    """The title's KL is that of the points that are drawn, and so are the printed numbers."""
    names = ','.join(str(untrained[model][0].path) for model in ('ae', 'vae'))
    out = tmp_path / 'figure.webp'
    assert codes_lesson.main(['codes', f'--runs={names}', f'--out={out}']) == 0
    check_drawn(out, saved[0])
    told = dict(
        zip(('AE', 'VAE'), map(str.split, capsys.readouterr().out.splitlines()[1:]), strict=False)
    )
    for name, line in zip(('AE', 'VAE'), np.reshape(saved[0].axes, (2, 3)), strict=True):
        samples, between, plane = line
        assert samples.get_title() == f'{name}: N(0, I), below fitted Gaussian'
        assert samples.images[0].get_array().shape == (8 * 28, 8 * 28)
        assert between.images[0].get_array().shape == (5 * 28, 10 * 28)
        points = np.concatenate([part.get_offsets().data for part in plane.collections])
        assert len(plane.collections) == 10 and points.shape == (360, 2)
        cov, mean = np.cov(points, rowvar=False), points.mean(axis=0)
        kl = 0.5 * (np.trace(cov) + mean @ mean - 2 - np.log(np.linalg.det(cov)))
        title, lengths = plane.get_title(), np.sqrt(np.sum(points**2, axis=1))
        assert title.startswith(f'{name}: KL from N(0, I) ') and title.endswith(' nats')
        assert float(title.split()[-2]) == pytest.approx(kl, abs=0.006)
        inside = np.mean(lengths**2 < 5.9915)  # the 95 % quantile of chi squared, 2 degrees
        expected = [kl, lengths.max(), inside]
        np.testing.assert_allclose([*map(float, told[name][1:4])], expected, rtol=1e-3, atol=1e-6)


def test_weights_and_slopes_of_critics_as_drawn(untrained, saved, tmp_path, monkeypatch, capsys):
    """The first critic has one slope everywhere, the second another direction at each point."""
    monkeypatch.setattr(clipping, 'IMAGES', 30)
    names = ','.join(str(untrained[model][0].path) for model in ('wgan', 'wgan_gp'))
    out = tmp_path / 'figure.webp'
    random = np.random.default_rng(0).normal(size=(30, 28, 28, 1))
    random /= np.linalg.norm(random.reshape(30, -1), axis=1).reshape(30, 1, 1, 1)
    found = iter([np.full((30, 28, 28, 1), 1.04 / 28), 0.25 * random])
    critics = []
    monkeypatch.setattr(
        clipping, 'gradients_between', lambda critic, *_: critics.append(critic) or next(found)
    )
    assert clipping.main(['clipping', f'--runs={names}', f'--out={out}']) == 0
    check_drawn(out, saved[0])
    heads, *told, place = capsys.readouterr().out.splitlines()
    assert heads.split()[:2] == ['run', 'slope'] and place == str(out)
    assert [line.split()[:4] for line in told] == [
        ['WGAN', '1.04', '1.04', '1.04'],
        ['WGAN_GP', '0.25', '0.25', '0.25'],
    ]
    assert told[0].split()[5] == '1' and abs(float(told[1].split()[5])) < 0.05
    columns = np.reshape(saved[0].axes, (4, 2)).T
    for model, median, column in zip(('wgan', 'wgan_gp'), (1.04, 0.25), columns, strict=True):
        above, sizes, directions, images = column
        assert above.get_title() == model.upper()
        weights = untrained[model][1].discriminator.trainable_variables
        counted = sum(bar.get_height() for bar in above.patches)
        assert counted == sum(np.size(weight) for weight in weights)
        assert sum(bar.get_height() for bar in sizes.patches) == 30
        assert sizes.get_title() == f'median {median}' and sizes.get_ylabel() == 'of 30'
        assert list(sizes.lines[0].get_xdata()) == [1, 1] and sizes.get_xscale() == 'log'
        assert [text.get_text() for text in directions.get_legend().texts] == ['critic', 'best']
        assert images.images[0].get_array().shape == (28, 6 * 28)
    alike, other = (
        max(column[2].patches[: clipping.BINS], key=lambda bar: bar.get_height())
        for column in columns
    )
    assert alike.get_x() + alike.get_width() == pytest.approx(1) and abs(other.get_x()) < 0.1
    sizes = [untrained[model][1].discriminator.count_params() for model in ('wgan', 'wgan_gp')]
    assert [critic.count_params() for critic in critics] == sizes


def test_windows_as_drawn(saved, tmp_path, capsys):
    """Two seeds of one kind, one of another, which has gone on for an epoch more."""
    short = {'image_shape': [28, 28, 1], 'discriminator_maps': 7}
    kinds = {'a': short, 'b': {**short, 'seed': 1}, 'c': {'image_shape': [28, 28, 1]}}
    runs = [
        make_run(tmp_path / name, 'dcgan', game_rows(3 if name == 'c' else 2), **changes)
        for name, changes in kinds.items()
    ]
    names = ','.join(str(run.path) for run in runs)
    out = tmp_path / 'figure.webp'
    assert windows.main(['windows', f'--runs={names}', f'--out={out}']) == 0
    _, *told, place = capsys.readouterr().out.splitlines()
    assert [line.split() for line in told] == [
        ['a', '10', '4', '0', '2', '2', '1', '50'],
        ['b', '10', '4', '1', '2', '2', '1', '50'],
        ['c', '22', '4', '0', '2', '2', '1', '50'],
    ]
    assert place == str(out)
    check_drawn(out, saved[0])
    lines, *shown = saved[0].axes
    assert [list(line.get_xdata()) for line in lines.lines] == [[1, 2], [1, 2], [1, 2, 3]]
    assert [*curves(lines)] == ['D sees 10, G from 4', 'D sees 22, G from 4']
    assert [axes.get_title() for axes in shown] == [
        'D sees 10, G from 4\nFID at epoch 2: 50.0, 50.0',
        'D sees 22, G from 4\nFID at epoch 2: 50.0',
    ]
    for axes in shown:
        np.testing.assert_array_equal(axes.images[0].get_array(), grid_of('samples', 2)[..., 0])


def test_windows_refuse_what_they_cannot_compare(tmp_path):
    other = make_run(tmp_path / 'other', 'wgan', game_rows(1))
    blind = make_run(tmp_path / 'blind', 'dcgan', game_rows(1, eval_fid=''))
    early, late = (make_run(tmp_path / name, 'dcgan', game_rows(2)) for name in ('early', 'late'))
    late.rewrite_log(game_rows(2)[1:])
    early.rewrite_log(game_rows(1))
    for runs, message in (
        ([other], 'no run of dcgan'),
        ([blind], 'no eval_fid'),
        ([early, late], 'no epoch at which all have a FID'),
    ):
        with pytest.raises(InputError, match=message):
            windows.main(['windows', f'--runs={",".join(str(run.path) for run in runs)}'])


def test_lessons_refuse_other_models(untrained, tmp_path):
    out = f'--out={tmp_path}/figure.webp'
    with pytest.raises(InputError, match='no critic; name runs of wgan and wgan_gp'):
        clipping.main(['clipping', f'--runs={untrained["ae"][0].path}', out])
    with pytest.raises(InputError, match='100 numbers; train with --latent_dim=2'):
        codes_lesson.main(['codes', f'--runs={untrained["wgan"][0].path}', out])
