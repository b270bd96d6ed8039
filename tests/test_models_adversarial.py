"""What is particular to adversarial models: networks, games, paces, bounds; one that trains."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from scipy import integrate

import datasets
import flags
from evaluation import metrics
from evaluation.judges.classifier import classifier, look
from losses import non_saturating_loss
from models import gan_mlp, wgan_gp
from models.shared.base import Batch
from models.shared.build import build
from models.shared.layers import Dropout
from models.shared.noise import LATENTS_STEP, apart, normal
from runs.drawing import draw
from training.loop import Loop

SEED = tf.constant([0, 5])
SHAPE = (28, 28, 1)


def settings(name, **changes):
    return flags.settings(name, dataset='digits', **changes)


def make(name, shape=SHAPE, **changes):
    small = {} if name == 'gan' else {'width': 0.2}
    return build(shape, 10, settings(name, **small | changes))


def pixels(count, seed=3):
    return np.random.default_rng(seed).integers(0, 256, (count, *SHAPE), np.uint8)


def batch_at(step):
    """A batch of eight random images in [0, 1] for the step of that number."""
    images = tf.constant(pixels(8) / 255, tf.float32)
    return Batch(images, tf.zeros([8], tf.int64), tf.constant(step))


def pictures(model, seed):
    """A batch of eight random images in the model's range."""
    low, high = model.value_range
    return tf.constant(np.random.default_rng(seed).uniform(low, high, (8, *SHAPE)), tf.float32)


def loop_of(model, batches=12):
    return Loop(model, pixels(8 * batches), np.zeros(8 * batches, int), 8, seed=0)


def layers_of(network, kind):
    return [layer for layer in network.layers if isinstance(layer, kind)]


# Networks


@pytest.mark.parametrize('name', ['dcgan', 'gan_mlp', 'wgan_gp'])
def test_features_are_what_the_logit_is_a_sum_of(name):
    model = make(name)
    images = pictures(model, seed=1)
    kernel, *bias = model.discriminator.layers[-1].get_weights()
    features = model.features(images).numpy()
    assert features.ndim == 2
    logits = model.discriminator(images, training=False)
    np.testing.assert_allclose(features @ kernel + sum(bias), logits, rtol=1e-4, atol=1e-6)


def test_the_networks_of_2014_have_the_paper_s_parameters():
    model = build(SHAPE, 10, settings('gan_mlp'))
    assert model.generator.count_params() == 101 * 1200 + 1201 * 1200 + 1201 * 784
    assert model.discriminator.count_params() == 785 * 1200 + 241 * 1200 + 241
    assert [layer.rate for layer in layers_of(model.discriminator, Dropout)] == [
        0.2,
        0.5,
        0.5,
    ]


def test_the_players_of_2014_begin_with_unit_noise_and_a_slow_discriminator():
    model = build(SHAPE, 10, settings('gan_mlp'))
    first, *_ = model.generator.layers
    np.testing.assert_allclose(np.std(first(model.latents(1000, 0))), 1.0, rtol=0.01)
    rates = {p: float(o.learning_rate) for p, o in model.optimizers().items()}
    assert rates == pytest.approx({'discriminator': 0.05, 'generator': 0.1})


def test_a_maxout_unit_is_the_largest_of_five_affine_functions():
    stack = keras.Sequential([keras.Input([3]), *gan_mlp.maxout(4)])
    x = np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)
    kernel, _ = stack.get_weights()
    expected = (x @ kernel).reshape(2, 4, 5).max(axis=2)
    np.testing.assert_allclose(stack(x), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ('side', 'generator', 'discriminator'),
    [
        (28, [4, 7, 14, 28], [14, 7, 4]),
        (32, [4, 8, 16, 32], [16, 8, 4]),
        (40, [3, 5, 10, 20, 40], [20, 10, 5, 3]),
    ],
)
def test_maps_double_from_four_pixels_at_most_and_halve_again(side, generator, discriminator):
    model = make('dcgan', shape=(side, side, 3))
    norms = layers_of(model.generator, layers.BatchNormalization)
    maps = [norm.output.shape[1] for norm in norms]
    assert [*maps, model.generator.output_shape[1]] == generator
    convolutions = layers_of(model.discriminator, layers.Conv2D)
    assert [layer.output.shape[1] for layer in convolutions] == discriminator
    filters = [layer.filters for layer in convolutions]
    assert filters == [3, 6, 12, 24][: len(filters)]
    last = layers_of(model.generator, layers.Conv2DTranspose)
    assert [layer.filters for layer in last] == [*filters[-2::-1], 3]


def test_the_five_guidelines_of_dcgan():
    model = make('dcgan')
    kinds = (layers.Conv2D, layers.Conv2DTranspose)
    for network in model.generator, model.discriminator:
        assert {layer.strides for layer in layers_of(network, kinds)} == {(2, 2)}
        assert len(layers_of(network, layers.Dense)) == 1
    assert len(layers_of(model.generator, layers.BatchNormalization)) == 3  # not at the images
    assert len(layers_of(model.discriminator, layers.BatchNormalization)) == 2
    assert model.generator.layers[-1].activation is keras.activations.tanh
    assert not layers_of(model.generator, layers.LeakyReLU)
    assert {layer.negative_slope for layer in layers_of(model.discriminator, layers.LeakyReLU)} == {
        0.2
    }
    kernels = [w.numpy().ravel() for w in model.trainable_variables if w.path.endswith('kernel')]
    np.testing.assert_allclose(np.std(np.concatenate(kernels)), 0.02, rtol=0.02)


@pytest.mark.parametrize('name', ['dcgan', 'wgan'])
def test_the_discriminator_sees_both_ends_of_a_digit_together(name):
    """A sum of functions of small patches has no mixed difference of pixels far apart.

    In `wgan_gp` it always has one: layer norm takes the mean and the size of the whole image.
    """
    critic = make(name).discriminator
    pixels = np.zeros((4, 28, 28, 1), np.float32)
    pixels[2:, 5:8, 5:8] = pixels[1::2, 20:23, 20:23] = 100.0
    neither, one, other, both = critic(pixels)[:, 0].numpy()
    assert abs(both - one - other + neither) > 1e-2 * abs(both)


def test_a_discriminator_of_smaller_windows_adds_up_what_it_makes_of_them():
    """With windows of 10 pixels, two patches 12 apart are judged each by itself."""
    critic = make('dcgan', discriminator_maps=7).discriminator
    pixels = np.zeros((4, 28, 28, 1), np.float32)
    pixels[2:, 5:8, 5:8] = pixels[1::2, 20:23, 20:23] = 100.0
    neither, one, other, both = critic(pixels)[:, 0].numpy()
    assert abs(both - one - other + neither) < 1e-5 * abs(both)


@pytest.mark.parametrize('player', ['generator', 'discriminator'])
def test_maps_of_one_network_end_where_its_flag_says(player):
    """The other network is the usual one."""
    usual, other = make('dcgan'), make('dcgan', **{f'{player}_maps': 7})
    kinds = (layers.Conv2D, layers.Conv2DTranspose)
    for name in 'generator', 'discriminator':
        networks = [getattr(model, name) for model in (usual, other)]
        assert [len(layers_of(network, kinds)) for network in networks] == [3, 3 - (name == player)]
    assert other.generator.output_shape == (None, *SHAPE)


def test_width_multiplies_the_filters():
    one, two = (make('dcgan', width=width) for width in (0.5, 1.0))
    filters = [
        [layer.filters for layer in layers_of(model.discriminator, layers.Conv2D)]
        for model in (one, two)
    ]
    assert filters == [[8, 16, 32], [16, 32, 64]]


@pytest.mark.parametrize(('name', 'alone'), [('dcgan', False), ('wgan', True), ('wgan_gp', True)])
def test_a_critic_judges_an_image_by_itself_and_batch_norm_does_not(name, alone):
    model = make(name)
    images, others = pictures(model, 0), pictures(model, 1)
    mixed = tf.concat([images[:1], others[1:]], axis=0)
    one, two = (model.discriminator(batch, training=True)[0] for batch in (images, mixed))
    assert np.allclose(one, two, rtol=1e-5) == alone


def test_layer_norm_is_over_all_axes_of_an_image():
    norm = wgan_gp.layer_norm()[0]
    images = np.random.default_rng(0).normal(3.0, 2.0, (4, 5, 5, 6)).astype(np.float32)
    found = norm(images).numpy()
    flat = images.reshape(4, -1)
    expected = (flat - flat.mean(1, keepdims=True)) / flat.std(1, keepdims=True)
    np.testing.assert_allclose(found.reshape(4, -1), expected, atol=1e-3)
    assert sum(np.size(weight) for weight in norm.weights) == 2 * 6


# Games


@pytest.mark.parametrize(('name', 'changes'), [('gan', {'instance_noise': 0}), ('dcgan', {})])
def test_data_and_samples_pass_the_discriminator_apart(name, changes, monkeypatch):
    """The logits of the data, by the statistics of their batch, do not know the samples."""
    model, seen = make(name, **changes), []
    monkeypatch.setattr(model, 'game', lambda *logits: seen.append(logits) or (0.0, 0.0))
    true, fake, other = (pictures(model, seed) for seed in range(3))
    with keras.StatelessScope():
        model.play(Batch(true, None), fake, SEED)
        model.play(Batch(true, None), other, SEED)
        alone = model.discriminator(true, training=True)
    (first, of_fake), (second, of_other) = seen
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, alone)
    assert not np.allclose(of_fake, of_other)


def test_smoothing_reaches_the_loss_of_dcgan_on_the_real_side_alone():
    true, fake = tf.constant([[1.0], [-0.5]]), tf.constant([[0.0], [2.0]])
    smooth = make('dcgan', real_target=0.9).game(true, fake)
    np.testing.assert_array_equal(smooth, non_saturating_loss(true, fake, 0.9))
    rough = make('dcgan').game(true, fake)
    assert smooth[0] != rough[0] and smooth[1] == rough[1]


@pytest.mark.parametrize(
    ('name', 'changes', 'expected'),
    [
        ('dcgan', {'adversarial_loss': 'least_squares'}, (1.5625, 0.5)),
        ('dcgan', {'adversarial_loss': 'hinge'}, (2.75, -1.0)),
        ('wgan', {}, (0.75, -1.0)),
        ('wgan_gp', {}, (0.75, -1.0)),
        ('gan_mlp', {'generator_loss': 'minimax'}, (2.0537069316, -1.4100375958)),
        ('gan_mlp', {}, (2.0537069316, 0.4100375958)),
    ],
)
def test_the_games_that_models_play(name, changes, expected):
    """Logits and values as in test_losses.py."""
    true, fake = tf.constant([[1.0], [-0.5]]), tf.constant([[0.0], [2.0]])
    np.testing.assert_allclose(make(name, **changes).game(true, fake), expected, rtol=1e-6)


def test_the_critic_s_loss_is_the_estimate_and_the_weighted_penalty():
    model = make('wgan_gp', penalty_weight=7)
    true, fake = pictures(model, 0), pictures(model, 1)
    losses, logs = model.play(Batch(true, None), fake, SEED)
    estimate = tf.reduce_mean(model.discriminator(true)) - tf.reduce_mean(model.discriminator(fake))
    np.testing.assert_allclose(logs['wasserstein'], estimate, rtol=1e-4)
    expected = 7 * logs['penalty'] - estimate
    np.testing.assert_allclose(losses['discriminator'], expected, rtol=1e-4)
    np.testing.assert_allclose(losses['generator'], -tf.reduce_mean(model.discriminator(fake)))


class Line(gan_mlp.Model):
    """The game on numbers instead of images; the generator draws from [0, 1) and stays."""

    players = {'discriminator': 1, 'generator': 10**6}

    def networks(self):
        fixed = layers.Dense(1, kernel_initializer='ones', bias_initializer='ones')
        shape = layers.Reshape([1, 1, 1])
        generator = [keras.Input([1]), fixed, layers.Rescaling(0.5), shape]
        hidden = [layers.Dense(32, activation='tanh') for _ in range(2)]
        inputs = [keras.Input([1, 1, 1]), layers.Flatten(), layers.Rescaling(4.0, -2.0)]
        discriminator = [*inputs, *hidden, layers.Dense(1)]
        return keras.Sequential(generator), keras.Sequential(discriminator)


def test_against_a_fixed_generator_d_becomes_p_over_p_plus_q():
    """Goodfellow et al. 2014, proposition 1 and theorem 1, with p below and q = 1 on [0, 1]."""

    def density(x):
        return 1 + 0.8 * np.cos(2 * np.pi * x)

    changes = {'latent_dim': 1, 'generator_loss': 'minimax', 'learning_rate': 0.2, 'width': 0.25}
    model = Line((1, 1, 1), 1, settings('gan_mlp', **changes))
    model.built = True
    weights = density(np.arange(256) / 255)
    values = np.random.default_rng(0).choice(256, 50000, p=weights / weights.sum())
    images = values.astype(np.uint8).reshape(-1, 1, 1, 1)
    loop = Loop(model, images, np.zeros(len(images)), 500, seed=0)
    for _ in range(6):
        loop.train(100)

    x = np.linspace(0, 1, 51)
    found = tf.sigmoid(model.discriminator(x.reshape(-1, 1, 1, 1)))[:, 0]
    np.testing.assert_allclose(found, density(x) / (density(x) + 1), atol=0.05)

    def divergence(x):
        p, q = density(x), 1.0
        return (p * np.log(2 * p / (p + q)) + q * np.log(2 * q / (p + q))) / 2

    expected = 2 * integrate.quad(divergence, 0, 1)[0] - np.log(4)
    assert expected > -1.3
    assert loop.means()['discriminator_loss'] == pytest.approx(-expected, abs=0.01)


# Paces and bounds


def test_every_weight_of_the_critic_is_within_the_clip_after_every_step():
    model = make('wgan')
    loop = loop_of(model)
    bounds = []
    for _ in range(7):
        loop.train(1)
        weights = [abs(w.numpy()).max() for w in model.discriminator.trainable_variables]
        bounds.append(max(weights))
    np.testing.assert_array_equal(bounds, np.float32(0.01))
    assert max(abs(w.numpy()).max() for w in model.generator.trainable_variables) > 0.01


def test_the_generator_meets_a_critic_within_the_clip(monkeypatch):
    model = make('wgan', discriminator_steps=1)
    loop, seen, play = loop_of(model), [], model.play

    def watch(*args):
        seen.append(max(abs(w.numpy()).max() for w in model.discriminator.trainable_variables))
        return play(*args)

    monkeypatch.setattr(model, 'play', watch)
    loop._step(batch_at(0))
    assert len(seen) == 2 and seen[0] > 0.01 and seen[1] <= np.float32(0.01)


def test_critic_steps_are_counted_exactly_also_across_a_resume():
    """Of 11 steps with 3 to one the generator makes 3, also in a loop that goes on from the 7th."""
    whole, other = (loop_of(make('wgan', discriminator_steps=3, seed=seed)) for seed in (0, 1))
    whole.train(7)
    other.restore({key: np.array(array) for key, array in whole.state().items()})
    for loop in whole, other:
        loop.train(4)
        assert [int(optimizer.iterations) for optimizer in loop.optimizers.values()] == [11, 3]
    for one, two in zip(whole.variables(), other.variables(), strict=True):
        np.testing.assert_array_equal(one.numpy(), two.numpy())


@pytest.mark.parametrize('name', ['gan_mlp', 'wgan', 'wgan_gp'])
def test_every_move_sees_noise_of_its_own(name, monkeypatch):
    model = make(name, discriminator_steps=2)
    loop, seen = loop_of(model), []
    generator = model.generator
    monkeypatch.setattr(model, 'generator', Watched(generator, seen))
    for step in range(4):
        loop._step(batch_at(step))
    assert len(seen) == 6
    assert len({noise.tobytes() for noise in seen}) == 6


class Watched:
    """A network that remembers what it was given."""

    def __init__(self, network, seen):
        self.network, self.seen = network, seen

    def __call__(self, inputs, **options):
        self.seen.append(inputs.numpy())
        return self.network(inputs, **options)

    def __getattr__(self, name):
        return getattr(self.network, name)


def test_rmsprop_steps_as_far_by_a_tiny_gradient():
    """What passes a clipped critic is small; PyTorch's epsilon, 1e-8, lies outside the root."""
    optimizer = make('wgan').optimizers()['generator']
    variable = keras.Variable([1.0, 1.0])
    optimizer.build([variable])
    optimizer.apply([tf.constant([1.0, 1e-6])], [variable])
    moved = 1.0 - variable.numpy()
    np.testing.assert_allclose(moved, 5e-5 / np.sqrt(1 - 0.99), rtol=0.02)


def test_every_kind_of_numbers_has_seeds_that_no_other_has():
    seeds = [tf.constant([7, step]) for step in range(5)]
    kinds = [apart(seed, kind) for seed in seeds for kind in range(1, 6)]
    found = {tuple(seed.numpy()) for seed in [*seeds, *kinds]}
    assert len(found) == 5 + 5 * 5
    assert (7, LATENTS_STEP) not in found
    draws = [normal([4], seed).numpy().tobytes() for seed in kinds]
    assert len(set(draws)) == len(kinds)


def test_the_second_kind_is_that_of_older_runs():
    np.testing.assert_array_equal(apart(SEED), [0, -7])


# Instance noise


@pytest.mark.parametrize('shape', [SHAPE, (32, 32, 3)])
def test_the_discriminator_sees_data_and_samples_through_noise_of_their_own(shape, monkeypatch):
    model, seen = (
        build(shape, 10, settings('gan', instance_noise=0.3, decay_steps=1500)),
        [],
    )
    monkeypatch.setattr(model, 'discriminator', Watched(model.discriminator, seen))
    true = tf.fill([8, *shape], model.value_range[0])
    fake = tf.fill([8, *shape], model.value_range[1])
    low, high = model.value_range
    with keras.StatelessScope():
        model.play(Batch(true, None), fake, SEED)
        model.play(Batch(true, None), fake, SEED)
        model.play(Batch(true, None, 3000), fake, tf.constant([0, 6]))
    of_true, of_fake = seen[0] - low, seen[1] - high
    for noise in of_true, of_fake:
        assert noise.mean() == pytest.approx(0.0, abs=0.02)
        assert noise.std() == pytest.approx(0.3 * (high - low), rel=0.03)
    assert abs(np.corrcoef(of_true.ravel(), of_fake.ravel())[0, 1]) < 0.05
    np.testing.assert_array_equal(seen[0], seen[2])  # both players' moves of a step
    assert abs(np.corrcoef((seen[4] - low).ravel(), of_true.ravel())[0, 1]) < 0.05
    assert (seen[4] - low).std() == pytest.approx(0.1 * (high - low), rel=0.03)  # twice 1500 steps


def test_samples_are_drawn_without_instance_noise():
    one, other = (make('gan', instance_noise=deviation) for deviation in (0, 0.5))
    other.set_weights(one.get_weights())
    np.testing.assert_array_equal(*(model.sample(model.latents(3, 0)) for model in (one, other)))


# Verdicts


@pytest.mark.parametrize(
    ('name', 'changes', 'names'),
    [
        ('gan', {}, ['d_true', 'd_fake']),
        ('gan_mlp', {}, ['d_true', 'd_fake']),
        ('dcgan', {}, ['d_true', 'd_fake']),
        ('dcgan', {'adversarial_loss': 'hinge'}, ['critic_true', 'critic_fake']),
        ('dcgan', {'adversarial_loss': 'least_squares'}, ['critic_true', 'critic_fake']),
        ('wgan', {}, ['critic_true', 'critic_fake']),
        ('wgan_gp', {}, ['critic_true', 'critic_fake']),
    ],
)
def test_what_the_discriminator_says_is_logged_as_what_it_is(name, changes, names):
    """A probability is the mean of sigmoids, not the sigmoid of the mean; a critic's is a mean."""
    true, fake = tf.constant([[0.0], [np.log(3.0)]]), tf.constant([[-np.log(9.0)], [4.0]])
    found = make(name, **changes).verdicts(true, fake)
    assert [*found] == names
    sigmoid_4 = 1 / (1 + np.exp(-4.0))
    probable = [(0.5 + 0.75) / 2, (0.1 + sigmoid_4) / 2]
    expected = probable if 'd_true' in names else [np.log(3.0) / 2, (4 - np.log(9.0)) / 2]
    np.testing.assert_allclose([*found.values()], expected, rtol=1e-5)


def test_verdicts_reach_the_log():
    loop = loop_of(make('dcgan'))
    loop.train(2)
    assert {'d_true', 'd_fake'} <= loop.means().keys()


def test_points_in_the_plane_take_networks_of_their_own():
    """What the lessons do: other networks, on points instead of images."""

    class Points(wgan_gp.Model):
        def networks(self):
            generator = [keras.Input([2]), layers.Dense(8, activation='relu'), layers.Dense(2)]
            critic = [keras.Input([2]), layers.Dense(8, activation='relu'), layers.Dense(1)]
            return keras.Sequential(generator), keras.Sequential(critic)

    model = Points((2,), 1, settings('wgan_gp', latent_dim=2))
    points = np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)
    losses, logs = model.objectives(Batch(tf.constant(points), None), SEED)
    assert all(np.isfinite(value) for value in [*losses.values(), *logs.values()])
    assert model.sample(model.latents(5, 0)).shape == (5, 2)


# Whether the demo's draws digits

EPOCHS = 4  # of the demo's 16; after two there may be no digit yet
SAMPLES = 1000


@pytest.fixture(scope='module')
def digits():
    return datasets.load('digits')


@pytest.fixture(scope='module')
def judge(digits):
    """MNIST's classifier, which comes with the project and reads these digits, too."""
    return classifier(digits, '', 'mnist')


@pytest.mark.parametrize('seed', [0, pytest.param(1, marks=pytest.mark.slow)])
def test_the_gan_of_the_demo_draws_five_classes_at_least(seed, digits, judge):
    """One that has failed draws one lattice, in which the classifier sees one class or none."""
    settings = flags.settings('gan', dataset='digits', seed=seed)
    model = build((28, 28, 1), 10, settings)
    images, labels = digits.train_images, digits.train_labels
    loop = Loop(model, images, labels, settings.batch_size, seed, xla=True)
    present = 0
    while present < 5 and loop.epoch < EPOCHS:
        loop.train(loop.steps_per_epoch)
        samples = draw(model, model.latents(SAMPLES, seed))
        _, probabilities = look(judge, samples)
        present = metrics.mode_coverage(probabilities, digits.test_labels).present
    assert present >= 5
