"""losses.py against values worked by hand, naive formulas in float64, and finite differences."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from scipy import integrate, stats

import losses
from losses import (
    GAN_loss_with_labels,
    GAN_loss_without_labels,
    VAE_loss,
    auxiliary_classifier_loss,
    feature_matching_loss,
    feature_reconstruction_error,
    gradient_penalty,
    hinge_loss,
    historical_averaging_loss,
    kl_from_standard_normal,
    least_squares_loss,
    levels_error,
    minimax_loss,
    non_saturating_loss,
    reconstruction_error,
    semi_supervised_loss,
    wasserstein_loss,
)

KINDS = ('bernoulli', 'l2', 'l1')
RNG = np.random.default_rng(7)

# Two images of 1 x 2 pixels and one channel, two-dimensional codes.
IMAGES = np.array([0.25, 1.0, 0.0, 0.5]).reshape(2, 1, 2, 1)
LOGITS = np.array([0.0, 2.0, -1.0, 0.5]).reshape(2, 1, 2, 1)
MEAN = np.array([[0.5, -1.0], [0.0, 2.0]])
STD = np.array([[1.0, 0.5], [2.0, 1.5]])
TRUE = np.array([1.0, -0.5])
FAKE = np.array([0.0, 2.0])
TRUE_CLASSES = np.array([[1.0, 0.0, -1.0], [0.5, 2.0, 0.0]])
FAKE_CLASSES = np.array([[0.0, 0.0, 0.0], [1.0, -1.0, 2.0]])
LABELS = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def naive_kl(mean, std):
    return 0.5 * (mean**2 + std**2 - np.log(std**2) - 1.0).sum(axis=1)


def naive_error(images, logits, kind):
    p = sigmoid(logits)
    pixels = {
        'bernoulli': -images * np.log(p) - (1.0 - images) * np.log(1.0 - p),
        'l2': (images - p) ** 2,
        'l1': abs(images - p),
    }[kind]
    return pixels.sum(axis=(1, 2, 3))


def naive_gan(true_logit, fake_logit):
    true, fake = sigmoid(true_logit), sigmoid(fake_logit)
    return (-np.log(true).mean() - np.log(1.0 - fake).mean(), -np.log(fake).mean())


def naive_label_gan(true_logit, fake_logit, labels):
    def cross_entropy(targets, logits):
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        return -(targets * np.log(p)).sum(axis=1).mean()

    d_loss = cross_entropy(labels, true_logit) + cross_entropy(1.0 - labels, fake_logit)
    return d_loss, cross_entropy(labels, fake_logit)


def vae_loss(kind, kl_weight=0.7, reconstruction_weight=1.3):
    def loss(images, logits, mean, std):
        return VAE_loss(images, logits, mean, std, kl_weight, reconstruction_weight, kind)

    return loss


CODES = [RNG.normal(size=(3, 4)), RNG.uniform(0.2, 2.0, (3, 4)) * RNG.choice([-1, 1], (3, 4))]
PICTURES = [RNG.uniform(size=(3, 2, 2, 3)), RNG.normal(size=(3, 2, 2, 3))]
BINARY = [RNG.normal(size=5), RNG.normal(size=5)]
CLASSES = [RNG.normal(size=(5, 4)), RNG.normal(size=(5, 4)), np.eye(4)[[0, 3, 1, 1, 2]]]
FEW = [RNG.normal(size=(5, 4)) for _ in range(3)]
LEVELS = np.reshape([0, 3, 254, 255], (2, 1, 2, 1)) / 255.0
LOSSES = {f'vae-{kind}': (vae_loss(kind), [*PICTURES, *CODES]) for kind in KINDS} | {
    'kl': (lambda *x: tf.reduce_sum(kl_from_standard_normal(*x)), CODES),
    'gan-d': (lambda *x: GAN_loss_without_labels(*x)[0], BINARY),
    'gan-g': (lambda *x: GAN_loss_without_labels(*x)[1], BINARY),
    'label-gan-d': (lambda *x: GAN_loss_with_labels(*x)[0], CLASSES),
    'label-gan-g': (lambda *x: GAN_loss_with_labels(*x)[1], CLASSES),
    'acgan-d': (lambda *x: auxiliary_classifier_loss(*x)[0], [*BINARY, *CLASSES]),
    'acgan-g': (lambda *x: auxiliary_classifier_loss(*x)[1], [*BINARY, *CLASSES]),
    'supervised': (lambda *x: semi_supervised_loss(x[0], [0, 3, 1, 1, 2], *x[1:])[0], FEW),
    'unsupervised': (lambda *x: semi_supervised_loss(x[0], [0, 3, 1, 1, 2], *x[1:])[1], FEW),
    'levels': (
        lambda *x: tf.reduce_sum(levels_error(LEVELS, *x)),
        [RNG.normal(size=(2, 1, 2, 1, 256))],
    ),
    'feature-matching': (feature_matching_loss, FEW[:2]),
    'feature-reconstruction': (
        lambda *x: tf.reduce_sum(feature_reconstruction_error(*x)),
        FEW[:2],
    ),
    'historical-averaging': (lambda *x: historical_averaging_loss(x, [0.5 * FEW[2]] * 2), FEW[1:]),
}
GAMES = {
    'minimax': minimax_loss,
    'smoothed-minimax': functools.partial(minimax_loss, real_target=0.8),
    'non-saturating': non_saturating_loss,
    'smoothed': functools.partial(non_saturating_loss, real_target=0.9),
    'least-squares': least_squares_loss,
    'hinge': hinge_loss,
    'wasserstein': wasserstein_loss,
}
for _name, _game in GAMES.items():
    LOSSES[f'{_name}-d'] = (lambda *x, game=_game: game(*x)[0], BINARY)
    LOSSES[f'{_name}-g'] = (lambda *x, game=_game: game(*x)[1], BINARY)


def gradients(loss, arguments):
    """Value and gradients by TensorFlow; zeros where the loss does not read an argument."""
    arguments = [tf.constant(argument) for argument in arguments]
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        value = loss(*arguments)
    found = tape.gradient(value, arguments, unconnected_gradients='zero')
    return value.numpy(), [gradient.numpy() for gradient in found]


def difference(loss, arguments, which, index, step=1e-5):
    """Central difference of the loss by one number of one argument."""
    values = []
    for sign in (1, -1):
        moved = [argument.copy() for argument in arguments]
        moved[which][index] += sign * step
        values.append(loss(*map(tf.constant, moved)).numpy())
    return (values[0] - values[1]) / (2 * step)


@pytest.mark.parametrize('name', LOSSES)
def test_gradients_are_those_of_finite_differences(name):
    loss, arguments = LOSSES[name]
    value, found = gradients(loss, arguments)
    assert value.dtype == np.float64 and value.shape == ()
    for which, gradient in enumerate(found):
        differences = np.zeros_like(gradient)
        for index in np.ndindex(gradient.shape):
            differences[index] = difference(loss, arguments, which, index)
        message = f'argument {which}'
        np.testing.assert_allclose(gradient, differences, 1e-6, 1e-8, err_msg=message)


def test_kl_by_hand():
    # Example 1: (1/4 + 1 - 0 - 1) / 2 = 0.125 and (1 + 1/4 + ln 4 - 1) / 2 = 0.125 + ln 2;
    # example 2: (0 + 4 - ln 4 - 1) / 2 and (4 + 9/4 - ln 9/4 - 1) / 2.
    expected = [0.125 + 0.8181471806, 0.8068528194 + 2.2195348919]
    np.testing.assert_allclose(kl_from_standard_normal(MEAN, STD), expected, rtol=1e-10)
    np.testing.assert_allclose(naive_kl(MEAN, STD), expected, rtol=1e-10)


def test_kl_is_the_integral_of_q_log_q_over_p():
    def integrand(z, q, p):
        return q.pdf(z) * (q.logpdf(z) - p.logpdf(z))

    for mean, std in [(0.0, 1.0), (0.5, 0.3), (-2.0, 1.7)]:
        q, p = stats.norm(mean, std), stats.norm()
        expected, _ = integrate.quad(integrand, mean - 12 * std, mean + 12 * std, args=(q, p))
        found = kl_from_standard_normal(np.full((2, 3), mean), np.full((2, 3), std))
        np.testing.assert_allclose(found, [3 * expected] * 2, rtol=1e-8, atol=1e-10)


def test_kl_is_the_formula_down_to_the_smallest_float32():
    mean, std = np.zeros((3, 1), np.float32), np.array([[1e-2], [1e-9], [1e-18]], np.float32)
    expected = naive_kl(mean.astype(np.float64), std.astype(np.float64))
    np.testing.assert_allclose(kl_from_standard_normal(mean, std), expected, rtol=1e-5)


def test_kl_does_not_see_the_sign_of_std():
    np.testing.assert_array_equal(
        kl_from_standard_normal(MEAN, STD), kl_from_standard_normal(MEAN, -STD)
    )


@pytest.mark.parametrize(
    'kind, expected',
    [
        ('bernoulli', [0.6931471806 + 0.1269280110, 0.3132616875 + 0.7240769842]),
        ('l2', [0.0625 + 0.0142093366, 0.0723294881 + 0.0149962878]),
        ('l1', [0.25 + 0.1192029220, 0.2689414214 + 0.1224593312]),
    ],
)
def test_reconstruction_by_hand(kind, expected):
    # sigmoid of 0, 2, -1, 1/2: 0.5, 0.8807970780, 0.2689414214, 0.6224593312
    np.testing.assert_allclose(reconstruction_error(IMAGES, LOGITS, kind), expected, rtol=1e-9)
    np.testing.assert_allclose(naive_error(IMAGES, LOGITS, kind), expected, rtol=1e-9)


@pytest.mark.parametrize(
    'kind, density, constant',
    [
        ('l2', stats.norm(scale=np.sqrt(0.5)), np.log(np.pi) / 2),
        ('l1', stats.laplace(scale=1.0), np.log(2)),
    ],
)
def test_l2_and_l1_are_log_densities_of_grey_pixels_less_a_constant(kind, density, constant):
    images, logits = PICTURES
    exact = -density.logpdf(images - 1 / (1 + np.exp(-logits))).sum(axis=(1, 2, 3))
    found = reconstruction_error(*map(tf.constant, PICTURES), kind).numpy()
    np.testing.assert_allclose(found + 12 * constant, exact)


def test_reconstruction_is_bernoulli_unless_told():
    np.testing.assert_array_equal(
        reconstruction_error(IMAGES, LOGITS), reconstruction_error(IMAGES, LOGITS, 'bernoulli')
    )


def test_the_error_of_levels_by_hand():
    """All logits equal: log 256 a pixel; one of log 3 beside 255 of 0: 3 of 258, or 1."""
    logits = np.zeros([2, 1, 2, 1, 256])
    logits[1, 0, 0, 0, 254] = logits[1, 0, 1, 0, 0] = np.log(3)
    expected = [2 * np.log(256), np.log(258 / 3) + np.log(258)]
    np.testing.assert_allclose(levels_error(LEVELS, tf.constant(logits)), expected, rtol=1e-12)


@pytest.mark.parametrize('kind', ['L2', 'gauss', None])
def test_another_reconstruction_is_refused(kind):
    with pytest.raises(ValueError, match=f"'bernoulli', 'l2' or 'l1', not {kind!r}"):
        reconstruction_error(IMAGES, LOGITS, kind)
    with pytest.raises(ValueError, match=repr(kind)):
        VAE_loss(IMAGES, LOGITS, MEAN, STD, reconstruction=kind)


def test_vae_loss_by_hand():
    # Mean over two examples of (0.9431471806, 3.0263877113) and (0.8200751916, 1.0373386717).
    found = VAE_loss(IMAGES, LOGITS, MEAN, STD)
    np.testing.assert_allclose(found, 1.9847674460 + 0.9287069317, rtol=1e-9)


@pytest.mark.parametrize('kind', KINDS)
def test_vae_loss_weighs_its_terms_sums_over_pixels_and_averages_over_examples(kind):
    arguments = [*PICTURES, *CODES]
    expected = 0.7 * naive_kl(*CODES).mean() + 1.3 * naive_error(*PICTURES, kind).mean()
    np.testing.assert_allclose(vae_loss(kind)(*arguments), expected, rtol=1e-12)
    twice = [np.concatenate([argument, argument]) for argument in arguments]
    np.testing.assert_allclose(vae_loss(kind)(*twice), expected, rtol=1e-12)
    wider = [np.concatenate([argument, argument], axis=-1) for argument in arguments]
    np.testing.assert_allclose(vae_loss(kind)(*wider), 2 * expected, rtol=1e-12)


def test_gan_loss_by_hand():
    # ln(1 + exp x) of x = -1, 1/2: 0.3132616875, 0.9740769842;
    # of 0, 2, -2: 0.6931471806, 2.1269280110, 0.1269280110.
    d_loss, g_loss = GAN_loss_without_labels(TRUE, FAKE)
    expected = (0.3132616875 + 0.9740769842) / 2 + (0.6931471806 + 2.1269280110) / 2
    np.testing.assert_allclose(d_loss, expected, rtol=1e-9)
    np.testing.assert_allclose(g_loss, (0.6931471806 + 0.1269280110) / 2, rtol=1e-9)


@pytest.mark.parametrize('shape', [(5,), (5, 1)])
def test_gan_loss_is_the_naive_formula(shape):
    arguments = [argument.reshape(shape) for argument in BINARY]
    found = GAN_loss_without_labels(*arguments)
    np.testing.assert_allclose(found, naive_gan(*BINARY), rtol=1e-12)


def test_the_post_calls_it_gan_loss_without_labels():
    assert GAN_loss_without_labels is non_saturating_loss


@pytest.mark.parametrize(
    'name, d_loss, g_loss',
    [
        # ln D of 1, -1/2, ln(1 - D) of 0, 2 as above; the generator's is their mean.
        ('minimax', 0.6436693358 + 1.4100375958, -1.4100375958),
        # -0.8 ln D - 0.2 ln(1 - D) of 1, -1/2: 0.5132616875, 0.8740769842.
        ('smoothed-minimax', 0.6936693358 + 1.4100375958, -1.4100375958),
        # -0.9 ln D - 0.1 ln(1 - D) of 1, -1/2: 0.4132616875, 0.9240769842.
        ('smoothed', 0.6686693358 + 1.4100375958, 0.4100375958),
        # (0 + 2.25) / 4 + (0 + 4) / 4; (1 + 1) / 4.
        ('least-squares', 1.5625, 0.5),
        # (0 + 1.5) / 2 + (1 + 3) / 2; -(0 + 2) / 2.
        ('hinge', 2.75, -1.0),
        # (0 + 2) / 2 - (1 - 0.5) / 2.
        ('wasserstein', 0.75, -1.0),
    ],
)
def test_the_other_games_by_hand(name, d_loss, g_loss):
    """Logits of the data: 1 and -1/2; of the samples: 0 and 2."""
    np.testing.assert_allclose(GAMES[name](TRUE, FAKE), (d_loss, g_loss), rtol=1e-9)
    columns = TRUE[:, None], FAKE[:, None]
    np.testing.assert_array_equal(GAMES[name](*columns), GAMES[name](TRUE, FAKE))


@pytest.mark.parametrize('name', [name for name in GAMES if 'smoothed' in name])
def test_smoothing_is_the_cross_entropy_with_that_target_on_the_real_side_alone(name):
    target, plain = GAMES[name].keywords['real_target'], GAMES[name].func
    p, q = sigmoid(BINARY[0]), sigmoid(BINARY[1])
    d_loss, g_loss = GAMES[name](*BINARY)
    expected = -(target * np.log(p) + (1 - target) * np.log(1 - p)).mean() - np.log(1 - q).mean()
    np.testing.assert_allclose(d_loss, expected, rtol=1e-12)
    np.testing.assert_array_equal(g_loss, plain(*BINARY)[1])
    _, (_, smooth) = gradients(lambda *x: GAMES[name](*x)[0], BINARY)
    _, (_, rough) = gradients(lambda *x: plain(*x)[0], BINARY)
    np.testing.assert_array_equal(smooth, rough)


def test_the_smoothed_loss_is_least_where_d_gives_the_target():
    logit = np.log([0.9 / 0.1])
    _, (slope, _) = gradients(lambda *x: GAMES['smoothed'](*x)[0], [logit, logit])
    np.testing.assert_allclose(slope, 0.0, atol=1e-12)


# Images (N, 2, 2, 1); the critic's weights have the norm 3, its slope everywhere.
WEIGHTS = np.array([2.0, -1.0, 0.0, 2.0]).reshape(1, 2, 2, 1)


def shares(images):
    """A number in [0, 1) for each image, always the same."""
    shape = [len(images)] + [1] * (images.ndim - 1)
    return tf.constant(np.random.default_rng(5).random(shape), images.dtype)


def linear_critic(images):
    return tf.reduce_sum(WEIGHTS.astype(images.dtype.as_numpy_dtype) * images, axis=[1, 2, 3])


@pytest.mark.parametrize('columns', [False, True])
@pytest.mark.parametrize(('target', 'expected'), [(1.0, 4.0), (0.0, 9.0), (3.0, 0.0)])
def test_the_penalty_of_a_linear_critic_on_images_in_closed_form(target, expected, columns):
    true, fake = RNG.normal(size=(2, 5, 2, 2, 1))

    def critic(images):
        return linear_critic(images)[:, None] if columns else linear_critic(images)

    found = gradient_penalty(critic, tf.constant(true), tf.constant(fake), shares(true), target)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_the_penalty_takes_a_norm_an_example_at_one_share_an_example():
    """D = |x|^2 / 2 has the gradient x': of black and white images the share itself, twice."""
    true, fake = np.ones([2000, 2, 2, 1]), np.zeros([2000, 2, 2, 1])

    def critic(images):
        seen.append(images.numpy())
        return 0.5 * losses.sum_per_example(tf.square(images))

    seen = []
    found = gradient_penalty(critic, tf.constant(true), tf.constant(fake), shares(true))
    (between,), share = seen, shares(true).numpy().ravel()
    np.testing.assert_array_equal(between, share[:, None, None, None] * true)
    np.testing.assert_allclose(found, np.mean((2 * share - 1) ** 2), rtol=1e-12)


def test_the_penalty_lies_between_true_and_fake_image_of_the_same_row():
    true, fake = RNG.normal(size=(2, 5, 3))

    def critic(points):
        seen.append(points.numpy())
        return points[:, 0]

    seen = []
    gradient_penalty(critic, tf.constant(true), tf.constant(fake), shares(true))
    share = (seen[0] - fake) / (true - fake)
    np.testing.assert_allclose(share, share[:, :1] * np.ones(3), rtol=1e-9)


def test_the_gradient_of_the_penalty_is_that_of_finite_differences():
    true, fake = RNG.normal(size=(2, 4, 3))

    def penalty(kernel):
        def critic(points):
            return tf.reduce_sum(tf.tanh(points @ kernel), axis=1)

        return gradient_penalty(critic, tf.constant(true), tf.constant(fake), shares(true))

    kernel = [RNG.normal(size=(3, 5))]
    _, (found,) = gradients(penalty, kernel)
    for index in np.ndindex(found.shape):
        expected = difference(penalty, kernel, 0, index)
        np.testing.assert_allclose(found[index], expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize('dtype', [np.float32, np.float64])
def test_the_penalty_of_a_critic_without_slope_is_finite_and_so_is_its_gradient(dtype):
    images = [RNG.normal(size=(3, 2, 2, 1)).astype(dtype) for _ in range(2)]

    def penalty(weight):
        def critic(images):
            return weight * losses.sum_per_example(images)

        return gradient_penalty(critic, *map(tf.constant, images), shares(images[0]))

    value, (slope,) = gradients(penalty, [np.array(0.0, dtype)])
    assert value.dtype == dtype and value == 1.0
    assert np.isfinite(slope)


def test_label_gan_loss_by_hand():
    # ln sum exp of the true rows: 1.4076059644, 2.3063557122; of the fake: ln 3, 2.3490122168.
    true_loss = (1.4076059644 - 1.0 + 2.3063557122 - 0.0) / 2
    fake_loss = (2 * 1.0986122887 - 0.0 + 2 * 2.3490122168 - (1.0 - 1.0)) / 2
    d_loss, g_loss = GAN_loss_with_labels(TRUE_CLASSES, FAKE_CLASSES, LABELS)
    np.testing.assert_allclose(d_loss, true_loss + fake_loss, rtol=1e-9)
    np.testing.assert_allclose(g_loss, (1.0986122887 + 2.3490122168 - 2.0) / 2, rtol=1e-9)


def test_label_gan_loss_is_the_naive_formula():
    found = GAN_loss_with_labels(*CLASSES)
    np.testing.assert_allclose(found, naive_label_gan(*CLASSES), rtol=1e-12)


EXTREME = np.array([-1000.0, 1000.0, 0.0, 1000.0])


def test_with_random_labels_both_players_of_the_label_gan_want_the_same_of_samples():
    """In the mean over all labels: what is left is a factor of K - 1, and no game."""
    logits = RNG.normal(size=(1, 4)).repeat(4, axis=0)
    sure = np.where(np.eye(4), 0.0, -1e4)  # of the data: no loss
    d_loss, g_loss = GAN_loss_with_labels(sure, logits, np.eye(4))
    np.testing.assert_allclose(d_loss, 3 * g_loss, rtol=1e-12)


def test_auxiliary_classifier_loss_by_hand():
    """The game of sources as above; to it the cross-entropies of two images with three classes."""
    d_loss, g_loss = naive_gan(TRUE, FAKE)
    p_true = np.exp(TRUE_CLASSES) / np.exp(TRUE_CLASSES).sum(axis=1, keepdims=True)
    true_error = -(np.log(p_true[0, 0]) + np.log(p_true[1, 2])) / 2
    fake_error = (np.log(3) + np.log(1 + np.exp(-1) + np.exp(-3))) / 2
    found = auxiliary_classifier_loss(TRUE, FAKE, TRUE_CLASSES, FAKE_CLASSES, LABELS)
    expected = d_loss + true_error + fake_error, g_loss + fake_error
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_semi_supervised_loss_is_that_of_k_plus_1_classes():
    """With a further logit of 0 for samples, as the paper writes it."""
    labels = np.array([0, 3, 1, 1, 2])
    more = [np.concatenate([logits, np.zeros((5, 1))], axis=1) for logits in FEW]
    p = [np.exp(x) / np.exp(x).sum(axis=1, keepdims=True) for x in more]
    supervised = -np.log(p[0][range(5), labels] / (1 - p[0][:, 4])).mean()
    unsupervised = -np.log(1 - p[1][:, 4]).mean() / 2 - np.log(p[2][:, 4]).mean() / 2
    found = semi_supervised_loss(FEW[0], labels, *FEW[1:])
    np.testing.assert_allclose(found, [supervised, unsupervised], rtol=1e-12)


def test_feature_matching_by_hand():
    """Means (1, 4) and (3, 1): squares 4 and 9, their mean."""
    true, fake = np.array([[0.0, 4.0], [2.0, 4.0]]), np.array([[3.0, 1.0]])
    assert feature_matching_loss(true, fake).numpy() == 6.5


def test_feature_reconstruction_is_the_density_of_a_unit_gaussian_less_its_constant():
    """Of one image with the features 1 and 2 in two maps, of another with 0 and 5."""
    true, fake = np.array([[[1.0], [2.0]], [[0.0], [5.0]]]), np.zeros([2, 2, 1])
    np.testing.assert_allclose(feature_reconstruction_error(true, fake), [2.5, 12.5])
    densities = stats.norm.logpdf(FEW[0], FEW[1]).sum(axis=1)
    constant = 4 * np.log(2 * np.pi) / 2
    np.testing.assert_allclose(feature_reconstruction_error(*FEW[:2]), -densities - constant)


def test_historical_averaging_by_hand():
    """1 + 4 of the first parameter, 9 of the second."""
    variables, averages = (
        [np.array([1.0, 2.0]), np.array([[5.0]])],
        [np.zeros(2), np.array([[2.0]])],
    )
    assert historical_averaging_loss(variables, averages).numpy() == 14.0


@pytest.mark.parametrize('dtype', [np.float32, np.float64])
@pytest.mark.parametrize('kind', KINDS)
def test_vae_loss_is_finite_at_the_extremes(kind, dtype):
    logits = EXTREME.reshape(1, 2, 2, 1)
    images = np.array([1.0, 0.0, 0.0, 1.0]).reshape(1, 2, 2, 1)
    mean, std = np.array([[0.0, 30.0, 0.0, -1.0]]), np.array([[0.0, -2.0, 1e-30, 1e-3]])
    arguments = [argument.astype(dtype) for argument in (images, logits, mean, std)]
    value, found = gradients(vae_loss(kind, 1.0, 1.0), arguments)
    assert value.dtype == dtype and np.isfinite(value)
    assert all(np.isfinite(gradient).all() for gradient in found)


def test_extreme_values_are_right_where_the_naive_formula_overflows():
    image = np.ones((1, 1, 1, 1))
    assert reconstruction_error(image, -1000.0 * image).numpy() == [1000.0]
    far, near = tf.constant([-1000.0]), tf.constant([1000.0])
    assert GAN_loss_without_labels(far, near)[0].numpy() == 2000.0
    assert GAN_loss_without_labels(near, far)[1].numpy() == 1000.0
    true_logit, fake_logit = tf.constant([[-1000.0, 0.0]]), tf.constant([[0.0, -1000.0]])
    assert (
        GAN_loss_with_labels(true_logit, fake_logit, tf.constant([[1.0, 0.0]]))[0].numpy() == 2000.0
    )


@pytest.mark.parametrize('dtype', [np.float32, np.float64])
def test_gan_losses_are_finite_at_the_extremes(dtype):
    binary = [EXTREME.astype(dtype), EXTREME[::-1].astype(dtype)]
    classes = [EXTREME.reshape(2, 2), EXTREME[::-1].reshape(2, 2), np.eye(2)]
    for player in (0, 1):
        for loss, arguments in (
            *((game, binary) for game in GAMES.values()),
            (GAN_loss_with_labels, [argument.astype(dtype) for argument in classes]),
        ):
            value, found = gradients(lambda *x, f=loss, p=player: f(*x)[p], arguments)
            assert value.dtype == dtype and np.isfinite(value)
            assert all(np.isfinite(gradient).all() for gradient in found)


def test_sum_per_example_keeps_the_first_axis():
    np.testing.assert_array_equal(losses.sum_per_example(np.ones((2, 3, 4, 1))), [12.0, 12.0])
    np.testing.assert_array_equal(losses.sum_per_example([3.0, 4.0]), [3.0, 4.0])
