"""The lessons: their mathematics against worked values, their flags."""

import itertools
import math
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import norm

import flags
from lessons import (
    circling,
    clipping,
    divergences,
    figure,
    manifold,
    one_dimension,
    parallel_lines,
    ring,
    saturation,
    wasserstein,
    windows,
)
from lessons import codes as codes_lesson
from losses import historical_averaging_loss, minimax_loss, non_saturating_loss
from models.shared.build import build
from models.shared.noise import uniform
from models.shared.pixels import from_uint8
from support.errors import InputError

LOG_2 = math.log(2)


# Lesson 3


def density(mean, std):
    """That of N(mean, std^2) on the lesson's grid."""
    return norm.pdf(one_dimension.GRID, mean, std)


def moment(mean, std):
    """Samples N(mean, std^2) against the lesson's data N(1, 0.5^2), and a D that knows nothing."""
    return one_dimension.Moment(mean, std, np.zeros_like(one_dimension.GRID))


def test_best_discriminator_is_p_over_p_plus_q():
    p, q = density(1.0, 0.5), density(-0.5, 1.5)
    found = tf.sigmoid(moment(-0.5, 1.5).best)
    np.testing.assert_allclose(found, p / (p + q), rtol=1e-9)


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
    last = one_dimension.play(non_saturating_loss, 3, seed=0)[one_dimension.STEPS]
    mean, std, reached, best = one_dimension.summary(last)
    assert (mean, std) == pytest.approx((1.0, 0.5), abs=0.1)
    assert best == pytest.approx(-math.log(4), abs=0.03)
    assert reached == pytest.approx(best, abs=0.03)


def test_summary_of_a_discriminator_that_knows_nothing():
    """It has log 1/2 + log 1/2; the best one of densities that do not meet has 0."""
    found = one_dimension.summary(moment(-4.0, 0.1))
    assert found == pytest.approx([-4.0, 0.1, -math.log(4), 0], abs=1e-6)


def test_the_flag_names_the_generators_loss(monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr(one_dimension, 'play', lambda *words: seen.append(words) or {})
    monkeypatch.setattr(one_dimension, 'SHOWN', ())
    monkeypatch.setattr(one_dimension, 'draw', lambda moments: figure.page(1, 1))
    out = f'--out={tmp_path}/found.png'
    one_dimension.main(['lesson', '--generator_loss=minimax', '--seed=3', out])
    assert seen == [(minimax_loss, 3, 3)]


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
    minimax, other = (saturation.wait(loss, -3.0, 0)[200] for loss in saturation.LOSSES.values())
    assert minimax < 0.05 * other


def test_the_samples_move_towards_the_data(monkeypatch):
    monkeypatch.setattr(saturation, 'STEPS', 20)
    means = saturation.play(non_saturating_loss, 5, saturation.OPTIMIZERS['sgd'](), -3.0, seed=0)
    assert means[0] == -3.0 < means[10] < means[20]


def test_adam_moves_where_plain_descent_stands_still(monkeypatch):
    """Its first move is its rate, 0.1, however small the slope; plain descent's is 0.1 slopes."""
    monkeypatch.setattr(saturation, 'STEPS', 1)
    first = -1.5
    moved = {
        name: saturation.play(minimax_loss, 20, optimizer(), first, seed=0)[1] - first
        for name, optimizer in saturation.OPTIMIZERS.items()
    }
    assert moved['adam'] == pytest.approx(0.1, rel=1e-3)
    assert 0 < moved['sgd'] < 0.02


# Circles


def played(name, rate, weight, moves):
    """The points of a game of the lesson, as numbers x + iy."""
    points = circling.play(circling.ways(rate, weight)[name], moves)
    return points[:, 0] + 1j * points[:, 1]


@pytest.mark.parametrize('rate', [0.1, 1.0, 1.9])
def test_moves_at_once_and_in_turn_have_their_closed_forms(rate):
    moves = np.arange(60)
    at_once, in_turn = (played(name, rate, 1.0, 59) for name in ('simultaneous', 'alternating'))
    np.testing.assert_allclose(at_once, (1 + 1j * rate) ** moves, rtol=1e-12)
    np.testing.assert_allclose(abs(at_once), circling.spiral(moves, rate), rtol=1e-12)
    np.testing.assert_allclose(abs(in_turn), circling.orbit(moves, rate), rtol=1e-9)
    x, y = in_turn.real, in_turn.imag
    np.testing.assert_allclose(x**2 + y**2 - rate * x * y, 1, rtol=1e-9)


def test_moves_in_turn_by_hand():
    """x = 1 - r y, then y = y + r x of the new x; from (1, 0) at r = 1 back in six moves."""
    found = played('alternating', 1.0, 1.0, 6)
    expected = [1, 1 + 1j, 1j, -1, -1 - 1j, -1j, 1]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_averaging_by_hand():
    """At r = 1/2, w = 1: (1, 1/2); then the mean is (1, 1/4), and both are pulled by their gap."""
    found = played('historical averaging', 0.5, 1.0, 2)
    np.testing.assert_allclose(found, [1, 1 + 0.5j, 0.75 + 0.75j])


@pytest.mark.parametrize(('rate', 'weight'), [(0.1, 1.0), (0.1, 0.02), (1.0, 0.7)])
def test_averaging_has_the_generating_function_that_the_lesson_says(rate, weight):
    """The coefficients of (1 - z)^-beta (1 - a z)^(beta - 1), from binomial series."""
    beta, a = 2 * weight / (2 * weight - 1j), 1 - 2 * rate * weight + 1j * rate
    one, other = [1.0], [1.0]
    for k in range(40):
        one.append(one[-1] * (beta + k) / (k + 1))
        other.append(other[-1] * a * (1 - beta + k) / (k + 1))
    expected = np.convolve(one, other)[:41]
    np.testing.assert_allclose(
        played('historical averaging', rate, weight, 40), expected, rtol=1e-9
    )


@pytest.mark.parametrize(('rate', 'weight'), [(0.1, 1.0), (0.1, 0.1), (0.1, 0.02), (1.0, 1.0)])
def test_after_many_moves_averaging_is_where_its_singularities_say(rate, weight):
    moves = np.array([1000, 1500])
    found = np.abs(played('historical averaging', rate, weight, 1500))[moves]
    np.testing.assert_allclose(found, circling.asymptote(moves, rate, weight), rtol=0.01)


def test_the_distance_by_averaging_falls_as_a_power_of_rate_times_moves():
    far = [
        circling.asymptote(np.array([n]), r, 1.0)[0] for r, n in ((0.1, 10**4), (0.1, 32 * 10**4))
    ]
    assert far[1] / far[0] == pytest.approx(0.5, rel=1e-6)
    slow = circling.asymptote(np.array([10**5]), 0.01, 1.0)[0]
    assert slow == pytest.approx(far[0], rel=1e-6)


def test_averaging_steps_down_the_loss_of_the_project():
    x, y, means = (tf.Variable(value, dtype=tf.float64) for value in (0.8, -0.3, [0.5, 0.1]))
    with tf.GradientTape(persistent=True) as tape:
        pulls = [historical_averaging_loss([p], [m]) for p, m in zip((x, y), means, strict=True)]
        x_loss, y_loss = x * y + 0.7 * pulls[0], -x * y + 0.7 * pulls[1]
    slopes = tape.gradient(x_loss, x), tape.gradient(y_loss, y)
    found = circling.averaging(0.8, -0.3, 0.5, 0.1, rate=0.2, weight=0.7)
    np.testing.assert_allclose(found, [0.8 - 0.2 * slopes[0], -0.3 - 0.2 * slopes[1]])


def test_a_game_beyond_all_numbers_is_refused(tmp_path):
    with pytest.raises(InputError, match='simultaneous goes beyond all numbers; give fewer moves'):
        circling.main(['circling', '--rate=2', '--moves=100000', f'--out={tmp_path}/found.png'])


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


@pytest.fixture(scope='module')
def asked():
    """What trained networks say at theta = 0.5, after 60 and after 500 moves."""
    game = parallel_lines.Game(penalty=10.0, blur=0.0)
    return parallel_lines.ask(0.5, game, [0], looks=(60, 500))


def test_critic_tells_the_distance_and_the_way(asked):
    assert asked[500]['distance by critic'] == pytest.approx([0.5], abs=0.1)
    assert asked[500]['critic'] == pytest.approx([1], abs=0.2)


def test_discriminator_sees_only_that_the_lines_do_not_meet(asked):
    """The longer it trains, the less it leaves to minimax and the more to the other loss."""
    assert asked[500]['distance by discriminator'] == pytest.approx([LOG_2], abs=0.01)
    (early,), (late,) = asked[60]['minimax'], asked[500]['minimax']
    assert 0 < late < 0.1 * early
    (early,), (late,) = asked[60]['non-saturating'], asked[500]['non-saturating']
    assert 0 < early < late


def test_gradients_of_a_discriminator_by_hand(monkeypatch):
    """D's logit is c - a x, so that at theta its samples have a slope of -a times the loss's."""
    slope, theta = 3.0, 0.5
    monkeypatch.setattr(parallel_lines, 'BATCH', 4)
    found = parallel_lines.verdict(
        'discriminator', lambda points: 0.2 - slope * points[:, :1], tf.constant(theta), 0.0, 0
    )
    true, fake = (1 / (1 + math.exp(-a)) for a in (0.2, 0.2 - slope * theta))
    assert found['minimax'] == pytest.approx(slope * fake, rel=1e-5)
    assert found['non-saturating'] == pytest.approx(slope * (1 - fake), rel=1e-5)
    game = math.log(true) + math.log(1 - fake)
    expected = (math.log(4) + game) / 2
    assert found['distance by discriminator'] == pytest.approx(expected, rel=1e-5)


def test_blur_widens_both_lines(monkeypatch):
    monkeypatch.setattr(parallel_lines, 'BATCH', 20000)
    theta = tf.constant(0.5)
    for points, middle in zip(parallel_lines.draws([0, 0], theta, 0.3), (0.0, 0.5), strict=True):
        assert np.mean(points[:, 0]) == pytest.approx(middle, abs=0.01)
        assert np.std(points[:, 0]) == pytest.approx(0.3, rel=0.02)
        heights = math.sqrt(1 / 12 + 0.3**2)  # of a uniform height and the noise
        assert np.std(points[:, 1]) == pytest.approx(heights, rel=0.02)
    assert np.std(parallel_lines.draws([0, 0], theta, 0.0)[1][:, 0]) == 0


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


RING = ring.Ring(radius=0.75, std=0.02)


def test_modes_of_points_by_hand():
    middles = RING.centres()
    points = np.repeat(middles[:3], [97, 2, 1], axis=0)  # of 100, so 1 % is one point
    assert RING.modes(points) == 3
    far = points + [3.1 * 0.02, 0]  # a little more than three standard deviations
    assert RING.modes(far) == 0
    assert RING.modes(np.concatenate([points, points[:50], middles[[3]]])) == 2  # 1 of 151
    beside = np.concatenate([points, far, far, far])
    assert RING.describe(beside) == '1 of 8, 25% near'  # 2 of 400 are too few


@pytest.mark.parametrize(
    ('radius', 'std', 'near'),
    [
        (0.75, 0.02, 0.988),
        (0.5, 0.05, 0.989),
        (0.75, 0.0075, 0.983),  # rounding to grey values, 0.0078 wide, widens it
    ],
)
def test_ring_lies_on_its_middles(radius, std, near):
    """Rayleigh: 1 - exp(-9 / 2 / w^2) is near, w the widening by the uniform error of rounding."""
    found = ring.Ring(radius, std)
    points = from_uint8(found.draw(8000, 0), (-1.0, 1.0)).numpy().reshape(-1, 2)
    widened = 1 + (2 / 255) ** 2 / 12 / std**2
    assert 1 - math.exp(-4.5 / widened) == pytest.approx(near, abs=2e-3)
    assert found.shares(points) == pytest.approx(np.full(8, near / 8), abs=2e-3)
    middles = points.reshape(-1, 8, 2).mean(axis=0)
    angles = np.pi / 4 * np.arange(8)
    expected = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    np.testing.assert_allclose(middles, expected, atol=0.006)


@pytest.mark.parametrize(
    ('argv', 'message'),
    [
        (['--radius=0.95'], '--radius=0.95 --std=0.02: radius . 3 std must be at most 1'),
        (['--std=0.001'], 'std=0.001: must be a finite number from 0.004'),
        (['--rows=wgan,vae'], '--rows=vae: no such row; there are gan_mlp, wgan'),
        (['--rows='], '--rows=: no such row'),
        (['--clip=0'], 'clip=0: must be a finite number above 0'),
    ],
)
def test_refusals_of_the_ring(argv, message, monkeypatch):
    monkeypatch.setattr(ring, 'play', None)
    with pytest.raises(InputError, match=message):
        ring.main(['ring', *argv])


def test_flags_of_the_ring_reach_its_models():
    words = ['--rows=wgan_gp,gan_mlp_fast', '--penalty_weight=7', '--fast_rate=0.5']
    settings = figure.parse(['ring', *words], 'ring', '', ring.define_flags)
    rows = ring.choose(settings)
    assert rows['wgan_gp'] == ('wgan_gp', {'learning_rate': 1e-3, 'penalty_weight': 7})
    assert rows['gan_mlp_fast'] == ('gan_mlp', {'learning_rate': 0.5})
    for name, own in rows.values():
        settings = ring.build(name, own, seed=0).settings
        assert {flag: getattr(settings, flag) for flag in own} == own
        assert settings.latent_dim == 2


# The Wasserstein estimate, the critic's slope, the discriminator's window


def test_rank_correlation_by_hand():
    assert wasserstein.rank_correlation([1, 2, 3], [10, 200, 3000]) == pytest.approx(1)
    assert wasserstein.rank_correlation([1, 2, 3], [9, 8, -7]) == pytest.approx(-1)
    # 1 - 6 sum d^2 / (n (n^2 - 1)) with d = 1, 1, 1, 1
    assert wasserstein.rank_correlation([1, 2, 3, 4], [2, 1, 4, 3]) == pytest.approx(0.6)
    assert wasserstein.rank_correlation([1, 1, 1], [1, 2, 3]) == 0


def test_the_correlation_of_changes_tells_two_falling_numbers_apart():
    """Both fall all the way; the steps of one are largest where those of the other are least."""
    rows = {'wasserstein': np.array([10.0, 9, 7, 4]), 'eval_fid': np.array([90.0, 60, 40, 30])}
    [line] = wasserstein.summary('WGAN', rows)
    assert line[:6] == ['WGAN', 'Wasserstein estimate', 10, 4, 90, 30]
    assert line[6:] == pytest.approx([1, -1])


@pytest.mark.parametrize(
    ('values', 'expected'), [([1.0, 11.0], True), ([1.0, 9.0], False), ([-1.0, 11.0], False)]
)
def test_a_scale_is_logarithmic_for_positive_values_over_a_decade(values, expected):
    assert wasserstein.spans_decades(np.array(values)) == expected


def critic_of(function, side, samples):
    """A model of images of `side` pixels in [0, 1], with a critic and samples made by hand."""
    return SimpleNamespace(
        discriminator=function,
        value_range=(0.0, 1.0),
        latents=lambda count, seed: None,
        sample=lambda latents: np.reshape(samples, (-1, side, side, 1)).astype(np.float32),
    )


def test_a_linear_critic_has_one_slope_and_one_direction():
    critic = keras.Sequential([keras.Input([2, 2, 1]), keras.layers.Flatten()])
    critic.add(keras.layers.Dense(1, kernel_initializer='ones'))
    model = critic_of(critic, 2, np.random.default_rng(0).uniform(size=(20, 4)))
    images = np.random.default_rng(1).integers(0, 256, (20, 2, 2, 1)).astype(np.uint8)
    slopes = clipping.Slopes(model, images)
    np.testing.assert_allclose(slopes.norms, 2.0)  # four weights of 1
    np.testing.assert_allclose(clipping.cosines(slopes.directions), 1.0, rtol=1e-6)
    assert clipping.cosines(slopes.best).mean() < 0.9
    weights = clipping.critic_weights(model)
    assert weights.tolist() == [1, 1, 1, 1, 0]
    row = clipping.summary('linear', np.array([1, -1, 0.5, 0.2, 0]), slopes)
    np.testing.assert_allclose(row[1:6], [2, 2, 2, 0.4, 1.0], rtol=1e-6)  # 2 of 5 at the bound


def test_the_slopes_of_a_quadratic_critic_by_hand():
    """The gradient of |x|^2 / 2 is x itself: on the way from 0 to a unit vector, a share of it."""

    def critic(images, training):
        return tf.reduce_sum(images**2, axis=[1, 2, 3]) / 2

    model = critic_of(critic, 3, np.zeros((9, 9)))
    slopes = clipping.Slopes(model, 255 * np.eye(9, dtype=np.uint8).reshape(9, 3, 3, 1))
    shares = uniform([9, 1, 1, 1], [0, 0], 0.0, 1.0).numpy().ravel()
    np.testing.assert_allclose(slopes.norms, shares, rtol=1e-5)
    np.testing.assert_allclose(slopes.gradients.reshape(9, 9), np.diag(shares), atol=1e-6)
    *_, alike, best, agree = clipping.summary('quadratic', np.ones(1), slopes)
    np.testing.assert_allclose([alike, best, agree], [0, 0, 1], atol=1e-6)  # the axes


def test_the_plan_leads_the_least_total_way():
    random = np.random.default_rng(0)
    images, samples = random.normal(size=(2, 5, 2, 2, 1))
    plans = itertools.permutations(range(5))
    best = min(
        np.linalg.norm((images - samples[list(p)]).reshape(5, -1), axis=1).sum() for p in plans
    )
    found = images - clipping.nearest_plan(images, samples)
    assert np.linalg.norm(found.reshape(5, -1), axis=1).sum() == pytest.approx(best)


def test_cosines_and_lengths_by_hand():
    directions = clipping.unit(np.array([[3.0, 0.0], [0.0, 4.0], [-1.0, 0.0], [0.0, 0.0]]))
    np.testing.assert_array_equal(directions, [[1, 0], [0, 1], [-1, 0], [0, 0]])
    assert clipping.cosines(directions).tolist() == [0, -1, 0, 0, 0, 0]


@pytest.mark.parametrize(('smallest', 'expected'), [(14, 4), (7, 10), (4, 22), (2, 28)])
def test_the_window_is_what_moves_a_unit_of_the_smallest_maps(smallest, expected):
    """By its gradient; one of the middle, whose window the edge does not cut short."""
    settings = flags.settings('dcgan', dataset='digits', discriminator_maps=smallest)
    *layers, _, _ = build((28, 28, 1), 10, settings).discriminator.layers
    image = tf.constant(np.random.default_rng(0).normal(size=(1, 28, 28, 1)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(image)
        maps = image
        for layer in layers:
            maps = layer(maps)
        middle = maps.shape[1] // 2
        unit = tf.reduce_sum(maps[:, middle, middle])
    rows = np.any(tape.gradient(unit, image).numpy() != 0, axis=(0, 2, 3))
    assert windows.window(28, smallest) == expected
    assert rows.sum() == expected if smallest > 4 else 18 <= rows.sum() <= expected


# Commands


@pytest.mark.parametrize(
    ('argv', 'message'),
    [
        (['--out=figure.txt'], '--out=figure.txt: must end in .webp or .png'),
        (['--sead=1'], r'--sead: unknown flag \(did you mean seed'),
        (['--seed=-1'], 'must be a whole number from 0'),
        (['--start=nan'], 'must be a finite number from -100 to 100'),
        (['--generator_optimizer=adm'], 'generator_optimizer=adm: .*should be one of <sgd|adam>'),
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


def test_ticks_are_plain_numbers():
    page = figure.page(3, 2)
    axes = page.subplots()
    axes.set(xscale='log', xlim=(0.01, 1000), ylim=(-1, 1), yticks=(-1, 0, 0.5))
    figure.plain_ticks(axes)
    figure.pixels(page)
    words = [tick.get_text() for tick in axes.get_xticklabels()]
    assert {'0.01', '1'} <= set(words) and not any('$' in word for word in words)
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ['-1', '0', '0.5']
