"""The lesson on what the ELBO leaves out."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from harness import check_drawn, untrained_run
from scipy.stats import bernoulli, multivariate_normal

from lessons import bounds
from support.errors import InputError

SQUARES = bounds.cut([[-6, 6], [-6, 6]], 200)
PLANE = {'variant': 'mlp'}


def test_squares_by_hand():
    found = bounds.cut([[0, 2], [10, 14]], 2)
    np.testing.assert_allclose(found.codes, [[0.5, 11], [1.5, 11], [0.5, 13], [1.5, 13]])
    assert found.area == 2 and found.limits.tolist() == [[0, 2], [10, 14]]


def decoder_of(logits):
    """A model whose logits are a function of the codes (G, 2), of two pixels."""
    return SimpleNamespace(decode=lambda codes: tf.reshape(logits(codes.numpy()), [-1, 2, 1, 1]))


def test_the_joint_density_is_that_of_each_pixel_and_of_the_code(monkeypatch):
    monkeypatch.setattr(bounds, 'PART', 3)
    codes, random = np.random.default_rng(0).normal(size=(7, 2)), np.random.default_rng(1)
    weights = random.normal(size=(2, 2))
    images = np.reshape([0, 0, 0, 255, 255, 255], (3, 2, 1, 1)).astype(np.uint8)
    found = bounds.log_joint(decoder_of(lambda z: z @ weights), images, codes)
    white = 1 / (1 + np.exp(-codes @ weights))
    prior = multivariate_normal([0, 0]).logpdf(codes)
    for image, row in zip(images.reshape(3, 2) // 255, found, strict=True):
        expected = bernoulli.logpmf(image, white).sum(axis=1) + prior
        np.testing.assert_allclose(row, expected, rtol=1e-6)


def test_sums_over_the_grid_are_the_integrals_of_a_linear_gaussian_model():
    """x = W z + b + s n, so that p(x), posterior and the KL between Gaussians are known."""
    random = np.random.default_rng(2)
    weights, offset, noise = random.normal(size=(3, 2)), random.normal(size=3), 0.7
    x, mean, std = random.normal(size=3), np.array([0.3, -0.2]), np.array([0.5, 0.9])
    p = multivariate_normal(offset, weights @ weights.T + noise**2 * np.eye(3))
    inverse = np.eye(2) + weights.T @ weights / noise**2
    covariance = np.linalg.inv(inverse)
    centre = covariance @ weights.T @ (x - offset) / noise**2
    kl = np.trace(inverse * std**2) + (centre - mean) @ inverse @ (centre - mean) - 2
    kl = 0.5 * (kl + np.log(np.linalg.det(covariance) / np.prod(std**2)))
    rest = SQUARES.codes @ weights.T + offset - x
    joint = multivariate_normal([0] * 3, noise**2 * np.eye(3)).logpdf(rest)
    joint += multivariate_normal([0, 0]).logpdf(SQUARES.codes)
    found = bounds.sum_up(joint, mean, std, SQUARES)
    np.testing.assert_allclose(found, [p.logpdf(x), p.logpdf(x) - kl, kl], rtol=1e-6)


def test_a_decoder_that_looks_at_a_sign_is_a_mixture_of_two():
    """p(x) is half of what the codes on the left give, and half of that on the right."""
    model = decoder_of(lambda z: np.where(z[:, :1] < 0, [1.0, -2.0], [3.0, 0.5]))
    image = np.reshape([255, 0], (1, 2, 1, 1)).astype(np.uint8)
    [joint] = bounds.log_joint(model, image, SQUARES.codes)
    log_p, *_ = bounds.sum_up(joint, np.zeros(2), np.ones(2), SQUARES)
    sides = [bernoulli.pmf([1, 0], 1 / (1 + np.exp(-np.array(a)))) for a in ([1, -2], [3, 0.5])]
    assert log_p == pytest.approx(np.log(np.prod(sides, axis=1).mean()), abs=1e-7)


@pytest.mark.parametrize(('mean', 'std'), [((0.0, 0.0), (0.01, 1.0)), ((0.0, 7.0), (1.0, 1.0))])
def test_a_grid_that_does_not_hold_q_is_refused(mean, std):
    with pytest.raises(InputError, match='^--side: q.* adds up to .* give more points'):
        bounds.sum_up(np.zeros(len(SQUARES.codes)), np.array(mean), np.array(std), SQUARES)


def test_bounds_by_k_are_means_over_groups_of_k():
    weights = np.log([1.0, 3.0, 4.0, 12.0])
    assert bounds.bound_by(weights, 1) == pytest.approx(weights.mean())
    assert bounds.bound_by(weights, 2) == pytest.approx((np.log(2) + np.log(8)) / 2)
    assert bounds.bound_by(weights, 4) == pytest.approx(np.log(5))


def test_the_shown_go_from_the_smallest_to_the_largest():
    values = np.array([5.0, 0.0, 9.0, 3.0, 1.0, 7.0, 4.0])
    assert values[bounds.spread(values)].tolist() == [0, 3, 5, 9]


def without_codes(model):
    """Makes the decoder deaf to its codes, with grey pixels, and q = N((0.5, 0), I)."""
    *_, last = [layer for layer in model.decoder.layers if layer.weights]
    mean, std = (model.encoder.get_layer(name) for name in ('mean', 'std'))
    for layer in last, mean, std:
        layer.kernel.assign(tf.zeros_like(layer.kernel))
    last.bias.assign(np.linspace(-2, 2, 784))
    mean.bias.assign([0.5, 0.0])


def test_bounds_as_told_and_drawn(saved, tmp_path, capsys, monkeypatch):
    """Where the code says nothing the posterior is the prior, and KL(q || posterior) is 1/8."""
    run, _ = untrained_run(tmp_path / 'vae', 'vae', without_codes, **PLANE)
    monkeypatch.setattr(bounds, 'COUNTS', (1, 500))
    monkeypatch.setattr(bounds, 'DRAWS', 500)
    monkeypatch.setattr(bounds, 'HEADS', bounds.HEADS[:7])
    out = tmp_path / 'figure.webp'
    words = [f'--run={run.path}', '--count=6', '--side=60', f'--out={out}']
    assert bounds.main(['bounds', *words]) == 0
    check_drawn(out, saved[0])
    *told, place = capsys.readouterr().out.splitlines()
    assert place == str(out) and len(told) == 1 + 4 + 1 + 1 + 2
    images = [axes.images[0].get_array() for axes in saved[0].axes[:4]]
    logits = np.linspace(-2, 2, 784).reshape(28, 28)
    for image, line in zip(images, told[1:5], strict=True):
        log_p = bernoulli.logpmf(image // 255, 1 / (1 + np.exp(-logits))).sum()
        _, *exact, one, many = map(float, line.split())
        expected = [log_p, log_p - 0.125, 0.125, log_p]
        np.testing.assert_allclose(exact, expected, atol=1e-3)
        assert one == pytest.approx(log_p - 0.125, abs=0.1)
        assert one < many == pytest.approx(log_p, abs=0.1)
    ellipses = saved[0].axes[4].patches
    assert [(patch.width, patch.height) for patch in ellipses] == [(2, 2), (4, 4)]
    assert [tuple(patch.center) for patch in ellipses] == [(0.5, 0)] * 2
    curve = saved[0].axes[8].lines[0].get_ydata()
    assert [float(f'{value:.3f}') for value in curve] == [*map(float, told[5].split()[-2:])]


def test_only_a_likelihood_of_black_and_white_by_codes_in_a_plane_is_bounded(tmp_path):
    grey = {'reconstruction': 'l2', **PLANE}
    for name, model, changes in ('ae', 'ae', PLANE), ('l2', 'vae', grey), ('cvae', 'cvae', PLANE):
        run, _ = untrained_run(tmp_path / name, model, **changes)
        with pytest.raises(InputError, match='bounds no likelihood of black and white pixels'):
            bounds.main(['bounds', f'--run={run.path}'])
    run, _ = untrained_run(tmp_path / 'long', 'vae')
    with pytest.raises(InputError, match='train with --latent_dim=2'):
        bounds.main(['bounds', f'--run={run.path}'])
