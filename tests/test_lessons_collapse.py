"""The lesson on collapse, and the ring of unequal shares."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

import pictures
from evaluation.metrics import kl_of_shares
from lessons import collapse, figure, ring
from models.shared.minibatch import MinibatchDiscrimination
from models.shared.pixels import from_uint8
from support.errors import InputError

EQUAL, UNEQUAL = collapse.RINGS.values()
SHARES = [0.5, 0.2, 0.1, 0.08, 0.05, 0.04, 0.02, 0.01]


def settings_of(*words):
    return figure.parse(['collapse', *words], 'collapse', '', collapse.define_flags)


def at(counts):
    """Points on the middles of the ring, as many of each as `counts` says."""
    return np.repeat(EQUAL.centres(), counts, axis=0)


def test_the_rings_are_those_of_the_paper_in_pixels():
    """Radius 2 and deviation 0.02 times 3/8; the farthest points are pixels still."""
    for found in (EQUAL, UNEQUAL):
        assert (found.radius / 0.375, found.std / 0.375) == pytest.approx((2, 0.02))
    assert EQUAL.wanted().tolist() == [0.125] * 8
    assert UNEQUAL.wanted() == pytest.approx(SHARES)


def test_a_ring_of_unequal_shares_draws_them():
    points = from_uint8(UNEQUAL.draw(1200, 3), (-1.0, 1.0)).numpy().reshape(-1, 2)
    nearest = UNEQUAL.distances(points).argmin(axis=1)
    assert np.bincount(nearest).tolist() == [600, 240, 120, 96, 60, 48, 24, 12]
    whole = EQUAL.draw(1600, 3).reshape(-1, 8, 2).astype(float).mean(axis=0)
    np.testing.assert_allclose(whole, 127.5 + 127.5 * EQUAL.centres(), atol=1)


def test_distances_and_shares_within_some_deviations_by_hand():
    """From (0.75, 0) to the middle opposite it is 1.5, to the two beside them 0.75 sqrt 2."""
    far = EQUAL.distances(np.array([[0.75, 0.0]]))[0]
    assert far[[0, 4, 2, 6]] == pytest.approx([0, 1.5, 0.75 * math.sqrt(2), 0.75 * math.sqrt(2)])
    points = np.array([[0.75 + 9 * 0.0075, 0.0], [0.75 - 2 * 0.0075, 0.0], [0.0, 0.75], [0, 0]])
    assert EQUAL.shares(points).tolist() == [0.25, 0, 0.25, 0, 0, 0, 0, 0]
    assert EQUAL.shares(points, 10).tolist() == [0.5, 0, 0.25, 0, 0, 0, 0, 0]


def test_kl_of_shares_by_hand():
    assert kl_of_shares(np.array(SHARES), np.array(SHARES)) == 0
    one = np.eye(8)[3]
    assert kl_of_shares(one, np.full(8, 0.125)) == pytest.approx(math.log(8))
    found = kl_of_shares(np.array([0.75, 0.25]), np.array([0.5, 0.5]))
    assert found == pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(0.5))


def test_what_is_kept_by_hand():
    """A quarter of the shares 8, 5, 4, 2 and 1 % of 10,000: 200, 125, 100, 50 and 25."""
    points = at([7000, 2000, 451, 200, 124, 100, 100, 25])
    found = collapse.judge(UNEQUAL, points)
    assert (found.kept, found.around, found.near) == (7, 1, 1)  # the fifth is not
    assert found.difference == pytest.approx(0.2) and found.shares[0] == 0.7
    expected = sum(q * math.log(q / p) for q, p in zip(found.shares, SHARES, strict=True))
    assert found.kl == pytest.approx(expected)
    assert collapse.judge(EQUAL, points).kept == 3  # from 312.5 on
    beside = collapse.judge(UNEQUAL, points + [5 * 0.0075, 0])
    assert (beside.kept, beside.around, beside.near) == (7, 1, 0)
    away = collapse.judge(UNEQUAL, points + [0.3, 0])
    assert (away.kept, away.around) == (0, 0) and away.shares[0] == 0.7


def test_what_is_around_one_gaussian_is_around_no_other():
    """Half way between neighbours is 0.75 sin(pi / 8) = 0.2870 from both."""
    first, second = EQUAL.centres()[:2]
    middle = (first + second) / 2
    points = np.array([middle + 0.001 * (first - second), middle - 0.001 * (first - second)])
    assert collapse.judge(EQUAL, points).shares.tolist() == [0.5, 0.5, *[0] * 6]
    assert EQUAL.shares(points, collapse.HALF_WAY).tolist() == [0.5, 0.5, *[0] * 6]
    reach = collapse.HALF_WAY * 0.0075
    assert reach == pytest.approx(0.28701, abs=1e-5)
    assert collapse.judge(EQUAL, np.zeros((8, 2))).kept == 0


@pytest.mark.parametrize('row', collapse.ROWS)
def test_the_networks_are_those_of_the_appendix(row):
    model = collapse.model_of(row, 0, settings_of('--layers=1'))
    generator, discriminator = model.generator, model.discriminator
    sizes = [layer.units for layer in generator.layers if isinstance(layer, keras.layers.Dense)]
    assert sizes == [128, 128, 2] and generator.input_shape == (None, 256)
    seen = model.noise(4000, [0, 0])
    assert np.std(generator.layers[0](seen)) == pytest.approx(1, abs=0.01)
    scale = keras.Model(discriminator.inputs, discriminator.layers[1].output)
    point = tf.reshape(tf.constant([0.75, 0.0]), [1, 1, 2, 1])  # (2, 0) in the paper
    np.testing.assert_allclose(scale(point), [[0.5, 0]], rtol=1e-6)
    [spoken] = [x for x in generator.layers[1:] if isinstance(x, keras.layers.Rescaling)]
    assert 2 * spoken.scale == pytest.approx(0.75)
    alike = [isinstance(layer, MinibatchDiscrimination) for layer in discriminator.layers]
    assert alike == ([False] * 3 + [True, False] if row == 'minibatch' else [False] * 4)
    assert discriminator.layers[2].units == 128
    for network in (generator, discriminator):
        for layer in network.layers:
            if isinstance(layer, keras.layers.Dense):
                assert np.linalg.svd(layer.kernel)[1] == pytest.approx(0.8, rel=1e-4)


def test_flags_reach_the_models():
    _, twice = collapse.networks(2, False)
    sizes = [layer.units for layer in twice.layers if isinstance(layer, keras.layers.Dense)]
    assert sizes == [128, 128, 1]
    words = ['--rate=0.5', '--penalty_weight=7', '--generator_loss=minimax']
    asked = settings_of(*words)
    gan, minibatch, critic = (collapse.model_of(row, 4, asked).settings for row in collapse.ROWS)
    for found in (gan, minibatch):
        assert (found.model, found.learning_rate) == ('gan_mlp', 0.5)
        assert found.generator_loss == 'minimax'
    assert (critic.model, critic.learning_rate, critic.penalty_weight) == ('wgan_gp', 0.5, 7)
    for found in (gan, minibatch, critic):
        assert (found.seed, found.latent, found.latent_dim) == (4, 'normal', 256)


def test_other_rows_are_refused():
    with pytest.raises(InputError, match='^--rows=wgan: no such row; there are gan, minibatch'):
        collapse.main(['collapse', '--rows=gan,wgan'])


def test_a_game_is_watched_at_even_steps(monkeypatch):
    """A generator that does not move draws the same at every look."""
    monkeypatch.setattr(collapse, 'SAMPLES', 50)
    monkeypatch.setattr(ring, 'POINTS', 256)
    seen = collapse.play('minibatch', UNEQUAL, 1, settings_of('--steps=100', '--rate=1e-30'))
    assert list(seen) == [20, 40, 60, 80, 100]  # half as many as gan makes
    assert all(points.shape == (50, 2) for points in seen.values())
    np.testing.assert_array_equal(seen[20], seen[100])
    moved = collapse.play('gan', UNEQUAL, 1, settings_of('--steps=100', '--rate=1e-3'))
    assert list(moved) == [40, 80, 120, 160, 200]
    assert np.abs(moved[200] - moved[40]).max() > 0.01


def test_the_lesson_tells_and_draws_what_each_seed_keeps(monkeypatch, tmp_path, capsys):
    """A seed 1 has the first four Gaussians in equal shares, a seed 0 all on the first."""
    ends = {0: at([10, 0, 0, 0, 0, 0, 0, 0]), 1: at([10, 10, 10, 10, 0, 0, 0, 0])}

    def play(row, ring, seed, settings):
        return {step: at([0] * 7 + [5]) for step in (1, 2, 3, 4)} | {5: ends[seed]}

    pages = []
    save = figure.save
    monkeypatch.setattr(collapse, 'play', play)
    monkeypatch.setattr(figure, 'save', lambda path, page: pages.append(page) or save(path, page))
    out = tmp_path / 'found.png'
    assert collapse.main(['collapse', '--seeds=2', f'--out={out}']) == 0
    lines = [' '.join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[0].startswith('equal shares seed kept around near difference KL 1 2 3')
    assert lines[1] == 'data - - - - - - ' + ' '.join(['12.5'] * 8)
    first = f'gan 0 1 100.0 100.0 87.5 {math.log(8):.4g} 100.0' + ' 0.0' * 7
    assert lines[2] == first
    second = f'gan 1 4 100.0 100.0 12.5 {math.log(2):.4g} 25.0 25.0 25.0 25.0' + ' 0.0' * 4
    assert lines[3] == second
    assert lines[9] == 'gan, seed 0' + ' 1, most 8: 100%' * 4 + ' 1, most 1: 100%'
    assert 'wgan_gp, seed 1' in lines[14] and lines[14].endswith('4, most 1: 25%')
    assert lines[-1] == str(out) and pictures.load_png(out).shape[0] > 1000
    [page] = pages
    assert len(page.axes) == 6 * 6
    assert [axes.get_ylabel() for axes in page.axes[::6]][:2] == [
        'equal shares\ngan',
        'equal shares\nminibatch',
    ]
    bars = [patch.get_height() for patch in page.axes[5].patches]
    assert bars == [1, *[0] * 7, *[0.25] * 4, *[0] * 4]
    assert page.axes[4].get_title() == 'step 5: 1 kept, 100% near'
