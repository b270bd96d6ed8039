import math
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from scipy import linalg, ndimage, stats
from sklearn.neighbors import KernelDensity, NearestNeighbors

from evaluation import metrics


@pytest.fixture
def random():
    return np.random.default_rng(0)


def one_hot(classes, count):
    return np.eye(count)[classes]


def exact_gaussian(count, mean, root):
    """Points whose mean and unbiased covariance, root @ root.T, are met to rounding."""
    points = np.random.default_rng(1).standard_normal((count, len(mean)))
    points -= points.mean(axis=0)
    white = (
        points @ np.linalg.inv(np.linalg.cholesky(np.atleast_2d(np.cov(points, rowvar=False)))).T
    )
    return white @ np.transpose(root) + mean


def test_metrics_need_no_tensorflow():
    look = 'import sys; from evaluation import metrics; '
    look += "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert (
        subprocess.run([sys.executable, '-c', look], cwd=metrics.__path__[0] + '/../..').returncode
        == 0
    )


# Classes


def test_coverage_of_two_classes_in_three_by_hand():
    scores = metrics.mode_coverage(one_hot([0, 0, 1], 3), np.array([0, 1, 2]))
    assert scores.histogram == [2, 1, 0]
    assert scores.present == 2
    assert scores.kl == pytest.approx(2 / 3 * math.log(2))
    assert scores.sure == 1.0


def test_samples_that_follow_the_data_have_no_divergence():
    labels = np.array([0, 0, 0, 1, 2, 2])
    assert metrics.mode_coverage(one_hot(labels, 3), labels).kl == pytest.approx(0.0)
    uneven = metrics.mode_coverage(one_hot([0, 1, 2], 3), labels)
    assert uneven.kl == pytest.approx(math.log(4 / 3) / 3)


def test_a_single_class_diverges_by_the_log_of_their_number():
    scores = metrics.mode_coverage(one_hot([3] * 50, 10), np.arange(10))
    assert (scores.present, scores.kl) == (1, pytest.approx(math.log(10)))


def test_sure_counts_from_the_confidence_on():
    probabilities = np.array([[0.9, 0.1], [0.89, 0.11], [0.2, 0.8], [0.05, 0.95]])
    assert metrics.mode_coverage(probabilities, np.array([0, 1])).sure == 0.5
    assert metrics.mode_coverage(probabilities, np.array([0, 1]), confidence=0.85).sure == 0.75


def test_a_class_is_present_from_its_share_on():
    classes = [0] * 990 + [1] * 10
    assert metrics.mode_coverage(one_hot(classes, 2), np.array([0, 1])).present == 2
    assert metrics.mode_coverage(one_hot([*classes, 0], 2), np.array([0, 1])).present == 1


def test_what_the_classifier_is_not_sure_of_draws_no_class():
    probabilities = np.array([[0.89, 0.11], [0.11, 0.89]] * 50 + [[0.9, 0.1]])
    scores = metrics.mode_coverage(probabilities, np.array([0, 1]))
    assert (scores.present, scores.histogram) == (0, [51, 50])
    assert metrics.mode_coverage(probabilities[50:], np.array([0, 1])).present == 1


def test_spread_by_hand():
    """Two pixels with deviations 3 and 1 against one image's 0 and others' 2 and 6."""
    images = np.array([[0, 10], [6, 12]], np.uint8).reshape(2, 1, 2, 1)
    wide = np.array([[0, 0], [4, 12]], np.uint8).reshape(2, 1, 2, 1)
    assert metrics.spread(images, wide) == pytest.approx(2 / 4)
    assert metrics.spread(np.repeat(images[:1], 5, axis=0), wide) == 0.0
    assert np.isnan(metrics.spread(images, images[:1]))


def test_the_inception_score_of_constant_predictions_is_one():
    constant = np.tile([0.2, 0.3, 0.5], (50, 1))
    assert metrics.inception_score(constant) == (pytest.approx(1.0), pytest.approx(0.0))
    same_digit = one_hot([4] * 50, 10)
    assert metrics.inception_score(same_digit) == (1.0, 0.0)


def test_the_inception_score_of_balanced_one_hots_is_their_number():
    digits = one_hot(np.tile(np.arange(10), 1000), 10)
    assert metrics.inception_score(digits, splits=1) == (pytest.approx(10.0), 0.0)


def test_the_inception_score_by_hand():
    mean, std = metrics.inception_score(np.array([[0.9, 0.1], [0.1, 0.9]]), splits=1)
    assert (mean, std) == (pytest.approx(2 * 0.9**0.9 * 0.1**0.1), 0.0)


def test_ten_images_repeated_reach_nearly_the_best_inception_score():
    sorted_by_class = one_hot(np.repeat(np.arange(10), 1000), 10)
    mean, std = metrics.inception_score(sorted_by_class)
    assert 9.9 < mean <= 10.0
    assert std < 0.1


def test_splits_without_a_prediction_are_refused():
    with pytest.raises(ValueError, match='10 splits'):
        metrics.inception_score(np.eye(9))


# Features


def test_fid_of_two_gaussians_in_closed_form(random):
    roots = random.standard_normal((2, 6, 6))
    means = random.standard_normal((2, 6))
    sets = [exact_gaussian(400, m, root) for m, root in zip(means, roots, strict=True)]
    covariances = [root @ root.T for root in roots]
    cross = linalg.sqrtm(covariances[0] @ covariances[1]).real
    expected = np.sum((means[0] - means[1]) ** 2) + np.trace(sum(covariances) - 2 * cross)
    assert metrics.fid(*sets) == pytest.approx(expected, rel=1e-9)


def test_fid_in_one_dimension_is_that_of_means_and_deviations():
    sets = exact_gaussian(50, [1.0], [[2.0]]), exact_gaussian(80, [-2.0], [[0.5]])
    assert metrics.fid(*sets) == pytest.approx(3.0**2 + 1.5**2)


@pytest.mark.parametrize('count', [2, 30, 500])
def test_fid_of_a_set_from_itself_is_zero(count, random):
    features = 100 * random.standard_normal((count, 64)) + 1000
    assert metrics.fid(features, features) == pytest.approx(0.0, abs=1e-6)
    assert metrics.fid(features, features[::-1]) == pytest.approx(0.0, abs=1e-6)


def test_fid_with_fewer_samples_than_features_and_with_constants(random):
    left, right = np.zeros((2, 5, 40))
    left[:, :3], right[:, 3:6] = random.standard_normal((2, 5, 3))
    apart = np.sum((left.mean(axis=0) - right.mean(axis=0)) ** 2)
    spread = np.trace(np.cov(left, rowvar=False)) + np.trace(np.cov(right, rowvar=False))
    assert metrics.fid(left, right) == pytest.approx(apart + spread)
    assert metrics.fid(np.ones((5, 4)), np.zeros((9, 4))) == pytest.approx(4.0)


def cubic(x, y):
    return (np.dot(x, y) / len(x) + 1) ** 3


def test_kid_is_the_unbiased_estimate_by_hand(random):
    x, y = random.standard_normal((2, 6, 3))
    others = [(i, j) for i in range(6) for j in range(6) if i != j]
    within = sum(np.mean([cubic(s[i], s[j]) for i, j in others]) for s in (x, y))
    across = np.mean([[cubic(a, b) for a in x] for b in y])
    mean, std = metrics.kid(x, y, subsets=3)
    assert (mean, std) == (pytest.approx(within - 2 * across), pytest.approx(0.0, abs=1e-12))


def test_kid_is_unbiased(random):
    draws = random.standard_normal((3000, 2, 4, 2))
    values = [metrics.kid(x, y, subsets=1)[0] for x, y in draws]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(len(values))
    diagonals = np.mean([cubic(point, point) for point in draws[:, 0, 0]])
    assert diagonals / 4 > 10 * np.std(values) / np.sqrt(len(values))  # a biased one would be seen


def test_kid_follows_its_seed(random):
    x, y = random.standard_normal((2, 300, 3))
    assert metrics.kid(x, y, 5, 50, seed=1) == metrics.kid(x, y, 5, 50, seed=1)
    assert metrics.kid(x, y, 5, 50, seed=1) != metrics.kid(x, y, 5, 50, seed=2)


def collapsed_and_broad():
    random = np.random.default_rng(1)
    real = random.standard_normal((1000, 2))
    return real, 0.05 * random.standard_normal((1000, 2)), 8 * random.standard_normal((1000, 2))


def test_a_collapsed_generator_has_precision_and_a_broad_one_recall():
    real, collapsed, broad = collapsed_and_broad()
    precision, recall = metrics.precision_recall(real, collapsed)
    assert precision > 0.95
    assert recall < 0.05
    precision, recall = metrics.precision_recall(real, broad)
    assert precision < 0.2
    assert recall > 0.9


def test_density_and_coverage_tell_them_apart_too(random):
    real, collapsed, broad = collapsed_and_broad()
    assert metrics.density_coverage(real, collapsed).coverage < 0.1
    assert metrics.density_coverage(real, collapsed).density > 0.4
    assert metrics.density_coverage(real, broad).density < 0.2
    same = metrics.density_coverage(real, random.standard_normal((1000, 2)))
    assert same.density == pytest.approx(1.0, abs=0.1)
    assert same.coverage > 0.9


def manifolds(real, fake, k):
    """Which samples lie in which balls around real points, by scikit-learn and explicit loops."""
    radii = NearestNeighbors(n_neighbors=k).fit(real).kneighbors()[0][:, -1]
    return np.linalg.norm(fake[:, None] - real, axis=2) <= radii


def test_precision_recall_density_coverage_against_scikit_learn(random):
    real, fake = random.standard_normal((60, 5)), random.standard_normal((50, 5)) + 0.5
    inside, back = manifolds(real, fake, 3), manifolds(fake, real, 3)
    expected = inside.any(axis=1).mean(), back.any(axis=1).mean()
    assert metrics.precision_recall(real, fake, k=3) == expected
    inside = manifolds(real, fake, 5)
    expected = inside.sum() / (5 * 50), inside.any(axis=0).mean()
    assert metrics.density_coverage(real, fake, k=5) == pytest.approx(expected)


@pytest.mark.parametrize('offset', [0.0, 1e4])
def test_identical_and_constant_sets_lie_on_their_own_manifold(offset, random):
    points = random.standard_normal((200, 20)) + offset
    assert metrics.precision_recall(points, points.copy()) == (1.0, 1.0)
    assert metrics.density_coverage(points, points.copy()).coverage == 1.0
    constant = np.full((50, 20), 0.1 + offset)
    assert metrics.precision_recall(constant, constant) == (1.0, 1.0)
    assert metrics.precision_recall(constant, constant + 1) == (0.0, 0.0)


def test_a_manifold_needs_more_points_than_neighbours():
    with pytest.raises(ValueError, match='at least 4'):
        metrics.precision_recall(np.eye(3), np.eye(3))


# Pixels


def test_the_nearest_are_those_of_scikit_learn(random):
    points, others = random.random((20, 3, 3, 1)), random.random((50, 3, 3, 1))
    search = NearestNeighbors(n_neighbors=4).fit(others.reshape(50, 9))
    distances, indices = search.kneighbors(points.reshape(20, 9))
    found = metrics.nearest(points, others, 4)
    np.testing.assert_allclose(found[0], distances)
    np.testing.assert_array_equal(found[1], indices)
    np.testing.assert_array_equal(metrics.nearest(points, others)[1], indices[:, :1])


def test_equal_points_are_at_no_distance(random):
    points = random.random((100, 50)) + 100
    assert not metrics.nearest(points, points.copy())[0].any()


def test_parzen_is_the_kernel_density_of_scikit_learn(random):
    samples, images = random.random((40, 4, 4, 1)), random.random((30, 4, 4, 1))
    windows = KernelDensity(bandwidth=0.2).fit(samples.reshape(40, 16))
    expected = windows.score_samples(images.reshape(30, 16))
    found = metrics.parzen_log_densities(samples, images, 0.2)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    mean = metrics.parzen_log_likelihood(samples, images, 0.2)
    assert mean == pytest.approx(expected.mean())


def test_parzen_survives_images_far_from_all_samples():
    far = metrics.parzen_log_likelihood(np.zeros((5, 784)), np.ones((2, 784)), 0.01)
    expected = -784 / 2 * (1 / 0.01**2 + math.log(2 * math.pi * 0.01**2))
    assert far == pytest.approx(expected)


def test_the_chosen_sigma_has_the_highest_likelihood(random):
    samples, images = random.random((100, 6)), random.random((60, 6))
    sigmas = [0.02, 0.1, 0.2, 0.4, 2.0]
    windows = [KernelDensity(bandwidth=sigma).fit(samples).score(images) for sigma in sigmas]
    assert metrics.choose_sigma(samples, images, sigmas) == sigmas[np.argmax(windows)]


def test_the_nearest_pair_by_hand():
    distance, pair = metrics.nearest_pair(np.array([[9.0], [0.0], [3.0], [5.0]]))
    assert (distance, sorted(pair)) == (2.0, [2, 3])
    distance, pair = metrics.nearest_pair(np.array([[9.0], [4.0], [3.0], [4.0], [4.0]]))
    assert distance == 0.0
    assert len(set(pair)) == 2 and set(pair) <= {1, 3, 4}


def test_memorisation_by_hand():
    """The shares of sample and test image are (2, 0, 0) / 3 and (0, 1, 1) / 3.

    Their variances are 12 / 81 and 3 / 81, the third of the sum is 5 / 81.
    """
    assert metrics.memorisation([0.0, 0.0], [1.0, 3.0]) == (0.0, 1.0, 0.0)
    assert metrics.memorisation([1.0, 3.0], [1.0, 3.0])[:2] == (1.0, 0.5)
    assert metrics.memorisation([2.0, 8.0, 9.0], [1.0, 3.0, 4.0]) == (
        pytest.approx(8 / 3),
        pytest.approx(2 / 9),
        pytest.approx(math.sqrt(5) / 9),
    )


def test_the_share_of_nearer_samples_is_that_of_mann_and_whitney(random):
    samples, tests = random.integers(9, size=400), random.integers(2, 9, size=300)
    pairs = stats.mannwhitneyu(tests, samples).statistic
    assert metrics.memorisation(samples, tests).nearer == pytest.approx(pairs / (400 * 300))


def test_the_error_of_the_share_is_its_deviation_over_draws(random):
    """Of equal distributions the variance is (N + M + 1) / (12 N M) (Mann & Whitney 1947)."""
    even = metrics.memorisation(random.random(2000), random.random(1000))
    assert even.error == pytest.approx(math.sqrt(3001 / (12 * 2000 * 1000)), rel=0.03)
    draws = [metrics.memorisation(random.random(80), 0.4 + random.random(50)) for _ in range(2000)]
    spread = np.std([draw.nearer for draw in draws])
    assert np.mean([draw.error for draw in draws]) == pytest.approx(spread, rel=0.05)


def test_sharpness_by_scipy_and_its_order(random):
    images = random.random((10, 12, 12, 1))
    inside = [ndimage.laplace(image[..., 0])[1:-1, 1:-1].var() for image in images]
    dot = np.zeros((1, 5, 5, 1))
    dot[0, 2, 2] = 1  # its Laplacian inside: -4, four ones, four zeros
    assert metrics.sharpness(images, dot) == pytest.approx(np.mean(inside) / (20 / 9))
    blurred = ndimage.gaussian_filter(images, (0, 1, 1, 0))
    assert metrics.sharpness(blurred, images) < 0.1
    assert metrics.sharpness(images, images) == 1.0
    assert metrics.sharpness(np.full((3, 8, 8, 3), 7, np.uint8), images) == 0.0


# Likelihoods and codes


def linear_gaussian(k):
    """Log-weights (1000, k) of x = z + e with standard normal z and e, codes from the prior."""
    random = np.random.default_rng(1)
    x, z = random.standard_normal((1000, 1)) * math.sqrt(2), random.standard_normal((1000, k))
    return x[:, 0], stats.norm.logpdf(x, z)


def test_the_bound_is_the_exact_likelihood_under_the_exact_posterior(random):
    x, z = random.standard_normal((20, 1)), random.standard_normal((20, 7))
    posterior = x / 2, math.sqrt(0.5)
    joint = stats.norm.logpdf(z) + stats.norm.logpdf(x, z)
    bound = metrics.importance_weighted_bound(joint - stats.norm.logpdf(z, *posterior))
    np.testing.assert_allclose(bound, stats.norm.logpdf(x[:, 0], scale=math.sqrt(2)))


def test_the_bound_rises_with_k_to_the_likelihood():
    bounds = []
    for k in (1, 5, 50, 2000):
        x, log_weights = linear_gaussian(k)
        exact = stats.norm.logpdf(x, scale=math.sqrt(2))
        bounds.append(np.mean(metrics.importance_weighted_bound(log_weights) - exact))
    assert bounds == sorted(bounds)
    assert bounds[0] < -0.3
    assert bounds[-1] == pytest.approx(0.0, abs=0.01)


def test_the_bound_of_far_and_of_no_weights():
    assert metrics.importance_weighted_bound([-1e5, -1e5]) == -1e5
    assert metrics.importance_weighted_bound([0.0, -np.inf]) == pytest.approx(-math.log(2))
    assert metrics.importance_weighted_bound([-np.inf, -np.inf]) == -np.inf


def test_bits_per_dimension_of_fair_coins():
    assert metrics.bits_per_dimension(784 * math.log(2), (28, 28, 1)) == pytest.approx(1.0)


def test_the_gaussian_of_codes_diverges_in_closed_form():
    codes = exact_gaussian(100, [3.0, 0.0], [[0.5, 0.0], [0.0, 4.0]])
    by_hand = 0.5 * (0.25 + 9 - 1 - math.log(0.25)) + 0.5 * (16 - 1 - math.log(16))
    assert metrics.gaussian_kl(codes) == pytest.approx(by_hand)
    assert metrics.gaussian_kl(exact_gaussian(100, np.zeros(3), np.eye(3))) == pytest.approx(0)
    assert metrics.gaussian_kl(np.eye(4)) == math.inf


def test_mmd_against_explicit_loops_and_of_the_prior(random):
    x, y = random.standard_normal((2, 7, 3))

    def kernel(a, b):
        return 6 / (6 + np.sum((a - b) ** 2))

    others = [(i, j) for i in range(7) for j in range(7) if i != j]
    within = sum(np.mean([kernel(s[i], s[j]) for i, j in others]) for s in (x, y))
    across = np.mean([[kernel(a, b) for a in x] for b in y])
    assert metrics.mmd(x, y) == pytest.approx(within - 2 * across)
    prior, same = random.standard_normal((2, 2000, 3))
    assert metrics.mmd(same, prior) == pytest.approx(0, abs=2e-3)
    assert metrics.mmd(same + 1, prior) > 0.05


def test_codes_of_equal_posteriors_tell_nothing_of_the_image(random):
    mean, std = np.full((2000, 2), 0.5), np.full((2000, 2), 0.8)
    codes = mean + std * random.standard_normal((2000, 2))
    split = metrics.index_code(mean, std, codes)
    assert split.information == pytest.approx(0.0, abs=1e-9)
    kl = 2 * 0.5 * (0.5**2 + 0.8**2 - 1 - 2 * math.log(0.8))
    assert split.marginal_kl == pytest.approx(kl, abs=0.05)


def test_codes_far_apart_tell_all_and_the_parts_sum_to_the_kl(random):
    mean, std = 3 * random.standard_normal((500, 4)), np.full((500, 4), 0.01)
    codes = mean + std * random.standard_normal((500, 4))
    split = metrics.index_code(mean, std, codes)
    assert split.information == pytest.approx(math.log(500), abs=0.01)
    assert split.ceiling == math.log(500)
    kl = 0.5 * np.mean(np.sum(mean**2 + std**2 - 2 * np.log(std) - 1, axis=1))
    assert split.information + split.marginal_kl == pytest.approx(kl, rel=0.01)


def test_active_units_vary_by_more_than_a_hundredth():
    mean = np.array([[-1.0, 0.09, 5.0], [1.0, -0.09, 5.0]])
    assert metrics.active_units(mean) == 1
    assert metrics.active_units(mean, threshold=0.005) == 2


X, Y = np.random.default_rng(2).standard_normal((2, 53, 4)).astype(np.float32)
X[10:20] = X[0]
Y[5:9] = X[3:7]


def flat(scores):
    return np.concatenate([np.ravel(score) for score in np.atleast_1d(scores)])


@pytest.mark.parametrize(
    'score',
    [
        lambda x, y, rows: metrics.nearest(x, y, 2, rows)[0],
        metrics.precision_recall,
        metrics.density_coverage,
        metrics.mmd,
        lambda x, y, rows: metrics.nearest_pair(y, rows)[0],
        lambda x, y, rows: metrics.parzen_log_densities(x, y, 0.3, rows),
        lambda x, y, rows: metrics.index_code(x, np.exp(y), x + y, rows),
    ],
)
def test_the_size_of_a_block_changes_no_score(score):
    whole = score(X, Y, rows=None)
    for rows in (1, 7, 53):
        np.testing.assert_allclose(flat(score(X, Y, rows=rows)), flat(whole), rtol=1e-12)


@pytest.mark.parametrize(
    'score', [metrics.precision_recall, lambda x, y, rows: metrics.nearest(x, y, 2, rows)]
)
def test_of_all_distances_only_a_block_is_in_memory(score):
    points = np.random.default_rng(0).standard_normal((2, 1500, 2))
    tracemalloc.start()
    score(*points, rows=50)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 8 * 1500**2 / 3
