"""The techniques of `improved_gan`: their layers, what each changes, and what it leaves alone."""

from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import flags
from losses import non_saturating_loss
from models import gan
from models.shared.base import Batch
from models.shared.build import build, computing_in
from models.shared.layers import exact
from models.shared.minibatch import MinibatchDiscrimination
from models.shared.normalisation import Referenced, VirtualBatchNorm
from runs import export
from support.errors import InputError
from training.loop import Loop

SEED = tf.constant([0, 5])
GREY, COLOURED = (28, 28, 1), (32, 32, 3)
BATCH = 8
ALL = {
    'feature_matching': True,
    'minibatch_discrimination': True,
    'historical_averaging': 0.5,
    'real_target': 0.9,
    'virtual_batch_norm': True,
}


BARE = {'batch_norm': False, 'instance_noise': 0.0}  # without the guards of `gan`


def make(shape=COLOURED, model='improved_gan', **changes):
    guards = BARE if model == 'improved_gan' else {}
    own = {'batch_size': BATCH} | guards | changes
    settings = flags.settings(model, dataset='digits', **own)
    return build(shape, 10, settings)


def small_stacks(image_shape, outputs=1):
    """Layers of the same kinds as the real ones, fewer and smaller, for images of 16x16."""
    maps = [layers.Reshape([4, 4, 4]), *gan.up(4)]
    pixels = gan.transposed(image_shape[2], activation='tanh', dtype=exact())
    judge = [*gan.down(4, 3), layers.Flatten(), *gan.dense(8), gan.linear(outputs, dtype=exact())]
    return [*gan.dense(4 * 4 * 4), *maps, pixels], judge


def make_small(**changes):
    """The model with small networks."""
    with mock.patch.object(gan, 'stacks', small_stacks):
        return make((16, 16, 1), **changes)


def pixels(count, shape=COLOURED):
    return np.random.default_rng(3).integers(0, 256, (count, *shape), np.uint8)


def loop_of(model, **options):
    images = pixels(6 * BATCH, model.image_shape)
    return Loop(model, images, np.zeros(len(images), int), BATCH, seed=0, **options)


def batch_for(model, step=0):
    """Random images in the model's range, and labels that nobody asks for."""
    low, high = model.value_range
    images = np.random.default_rng(1).uniform(low, high, (BATCH, *model.image_shape))
    return Batch(tf.constant(images, model.variable_dtype), tf.zeros([BATCH], 'int64'), step)


def evaluate(model):
    """The losses of a batch, without a change of any variable."""
    with keras.StatelessScope():
        return model.objectives(batch_for(model), SEED)[0]


def samples_of(model):
    """The samples of the batch that `evaluate` sees."""
    with keras.StatelessScope():
        return model.generator(model.noise(BATCH, SEED), training=True)


def gradients(model, player, network):
    """Of the player's loss, with respect to what trains in the network of another player."""
    variables = model.network(network).trainable_variables
    with tf.GradientTape() as tape:
        loss = evaluate(model)[player]
    return tape.gradient(loss, [v.value for v in variables])


def values_of(model, player):
    return [v.numpy().astype('float64') for v in model.network(player).trainable_variables]


def kinds(network, kind):
    return [layer for layer in network._flatten_layers() if isinstance(layer, kind)]


# Without any technique


@pytest.mark.parametrize('shape', [GREY, COLOURED])
def test_without_its_guards_it_is_the_gan_without_them(shape):
    """The same generator with the same weights; no batch norm and no noise before the judge."""
    ours, theirs = make(shape), make(shape, 'gan')
    for a, b in zip(ours.generator.variables, theirs.generator.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert kinds(theirs.discriminator, layers.BatchNormalization)
    assert not kinds(ours.discriminator, layers.BatchNormalization)
    images = batch_for(ours).images
    logits = [ours.discriminator(x) for x in (images, samples_of(ours))]
    losses = evaluate(ours)
    np.testing.assert_allclose([*losses.values()], non_saturating_loss(*logits), rtol=1e-5)
    rates = [
        {player: float(o.learning_rate) for player, o in model.optimizers().items()}
        for model in (ours, theirs)
    ]
    assert rates[0] == rates[1]


def test_without_flags_it_is_the_gan():
    settings = flags.settings('improved_gan', dataset='digits', batch_size=BATCH)
    ours, theirs = build(GREY, 10, settings), make(GREY, 'gan')
    for a, b in zip(ours.variables, theirs.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert evaluate(ours) == evaluate(theirs)


def test_all_techniques_are_off_unless_a_flag_says_otherwise():
    model = make()
    assert not kinds(model, (MinibatchDiscrimination, VirtualBatchNorm))
    assert not model.own_state()
    settings = model.settings
    assert (settings.feature_matching, settings.real_target) == (False, 1.0)


# Minibatch discrimination


def near(features, tensor, kernels):
    """The paper's o without j = i, as means, one pair of examples after the other."""
    count = len(features)
    matrices = (features @ tensor).reshape(count, kernels, -1)
    found = np.zeros((count, kernels))
    for i in range(count):
        for j in set(range(count)) - {i}:
            for b in range(kernels):
                found[i, b] += np.exp(-np.abs(matrices[i, b] - matrices[j, b]).sum()) / (count - 1)
    return found


def discriminating(features, kernels=3, size=2):
    """The layer, in float64, with a tensor of distances of about 1."""
    layer = MinibatchDiscrimination(kernels, size, dtype='float64')
    layer.build(features.shape)
    layer.tensor.assign(np.random.default_rng(0).normal(size=layer.tensor.shape))
    return layer


def test_two_examples_by_hand():
    """M is (1, 0), (0, 2) and (0, 1), (3, 0): distances 1 + 1 and 3 + 2."""
    features = np.eye(2)
    layer = discriminating(features, kernels=2)
    layer.tensor.assign([[1.0, 0.0, 0.0, 2.0], [0.0, 1.0, 3.0, 0.0]])
    both = [np.exp(-2.0), np.exp(-5.0)]
    np.testing.assert_allclose(layer(features), [[1, 0, *both], [0, 1, *both]], rtol=1e-12)


def test_minibatch_discrimination_is_that_of_the_paper():
    features = np.random.default_rng(2).normal(size=(5, 4))
    layer = discriminating(features)
    found = layer(features).numpy()
    np.testing.assert_array_equal(found[:, :4], features)
    np.testing.assert_allclose(found[:, 4:], near(features, layer.tensor.numpy(), 3), rtol=1e-12)


def test_minibatch_discrimination_is_equivariant_under_permutation():
    features = np.random.default_rng(2).normal(size=(6, 4))
    layer, order = discriminating(features), [3, 0, 5, 1, 4, 2]
    np.testing.assert_allclose(layer(features[order]), layer(features).numpy()[order], rtol=1e-12)
    assert len(np.unique(layer(features).numpy()[:, 4].round(9))) == 6


def test_examples_that_are_all_alike_are_as_near_as_can_be_and_one_alone_is_not_near():
    alike = np.tile(np.random.default_rng(2).normal(size=(1, 4)), (5, 1))
    layer = discriminating(alike)
    np.testing.assert_allclose(layer(alike)[:, 4:], 1.0, rtol=1e-12)
    np.testing.assert_array_equal(layer(alike[:1])[:, 4:], 0.0)


@pytest.mark.parametrize(('shape', 'features'), [(GREY, 512), (COLOURED, 4 * 4 * 128)])
def test_the_logit_sees_the_last_hidden_layer_and_what_is_near(shape, features):
    model = make(shape, minibatch_discrimination=True, precision='bfloat16')
    *_, layer, logit = model.discriminator.layers
    assert isinstance(layer, MinibatchDiscrimination) and layer.compute_dtype == 'float32'
    assert logit.kernel.shape == (features + 100, 1)


def test_data_are_not_compared_with_samples():
    model = make_small(minibatch_discrimination=True)
    images, samples = batch_for(model).images, samples_of(model)
    losses = evaluate(model)
    apart = non_saturating_loss(*(model.discriminator(x) for x in (images, samples)))
    together = tf.split(model.discriminator(tf.concat([images, samples], 0)), 2)
    np.testing.assert_allclose([*losses.values()], apart, rtol=1e-5)
    assert not np.allclose(apart, non_saturating_loss(*together), rtol=1e-5)


# Virtual batch norm


def normalised(values, reference):
    """Each example by the reference batch and itself, one example and feature after the other."""
    found = np.zeros_like(values)
    count = len(reference)
    for i, example in enumerate(values):
        for f in range(values.shape[-1]):
            own, fixed = example[..., f], reference[..., f]
            mean = (count * fixed.mean() + own.mean()) / (count + 1)
            square = (count * (fixed**2).mean() + (own**2).mean()) / (count + 1)
            found[i, ..., f] = (own - mean) / np.sqrt(square - mean**2 + 1e-3)
    return found


@pytest.mark.parametrize('shape', [(4,), (3, 2, 4)])
def test_virtual_batch_norm_is_that_of_the_paper(shape):
    rng = np.random.default_rng(0)
    reference, examples = (rng.normal(1.5, 2.0, (count, *shape)) for count in (5, 3))
    with computing_in('float64'):
        layer = VirtualBatchNorm(5)
        layer.build((None, *shape))
    layer.beta.assign([1.0, -2.0, 0.5, 0.0])
    found = layer(np.concatenate([reference, examples])).numpy() - layer.beta.numpy()
    np.testing.assert_allclose(found[5:], normalised(examples, reference), rtol=1e-9)
    over = tuple(range(len(shape)))
    mean, variance = reference.mean(over), reference.var(over)
    np.testing.assert_allclose(found[:5], (reference - mean) / np.sqrt(variance + 1e-3), rtol=1e-9)


def test_virtual_batch_norm_by_hand():
    """Of 0 and 2, and 5: the mean is 7/3, the mean square 29/3, the variance 38/9."""
    found = VirtualBatchNorm(2)(tf.constant([[0.0], [2.0], [5.0]])).numpy().ravel()
    expected = [-1 / np.sqrt(1.001), 1 / np.sqrt(1.001), 8 / 3 / np.sqrt(38 / 9 + 0.001)]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_reference_batch_passes_with_the_present_weights():
    """Norms of twice the sums are the same norms; an old mean would give others."""
    dense = layers.Dense(6, use_bias=False)
    network = Referenced(
        keras.Sequential([keras.Input([3]), dense, VirtualBatchNorm(40)]),
        np.random.default_rng(0).normal(0, 10, (40, 3)).astype('float32'),
    )
    noise = tf.constant(np.random.default_rng(1).normal(0, 10, (4, 3)), tf.float32)
    before = network(noise)
    dense.kernel.assign(2 * dense.kernel)
    assert before.shape == (4, 6)
    np.testing.assert_allclose(network(noise), before, atol=1e-3)


def test_virtual_batch_norm_takes_the_place_of_batch_norm_in_the_generator():
    model, plain = make(virtual_batch_norm=True), make()
    taken = kinds(plain.generator, layers.BatchNormalization)
    assert len(kinds(model.generator, VirtualBatchNorm)) == len(taken) > 0
    assert not kinds(model, layers.BatchNormalization)
    assert model.generator.reference.shape == (BATCH, model.settings.latent_dim)


@pytest.mark.parametrize('training', [False, True])
def test_a_sample_by_virtual_batch_norm_does_not_depend_on_the_others(training):
    model = make_small(virtual_batch_norm=True)
    latents = model.latents(7, 1)
    whole = model.generator(latents, training=training)
    for part in latents[3:4], tf.concat([model.latents(2, 2), latents[3:4]], 0):
        alone = model.generator(part, training=training)[-1]
        np.testing.assert_allclose(alone, whole[3], rtol=1e-5, atol=1e-6)
    assert np.ptp(whole.numpy(), axis=0).max() > 0.01


def test_the_reference_is_noise_of_the_kind_that_is_asked_for_and_of_the_run_alone():
    def reference(**changes):
        return make_small(virtual_batch_norm=True, **changes).generator.reference.numpy()

    first, second, third = (reference(seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, second)
    assert np.abs(first).max() < 1 and not np.isin(third, first).any()
    assert not np.isin(make_small().latents(BATCH, 0), first).any()
    assert np.abs(reference(latent='normal')).max() > 1


def test_the_reference_stays_and_is_restored():
    model = make_small(virtual_batch_norm=True, average=0.9)
    before, loop = model.generator.reference.numpy(), loop_of(model)
    loop._step(batch_for(model))
    restored = loop_of(make_small(virtual_batch_norm=True, average=0.9, seed=1))
    restored.restore({name: np.array(array) for name, array in loop.state().items()})
    for network in model.generator, restored.model.generator, restored.model.drawer:
        np.testing.assert_allclose(network.reference.numpy(), before, rtol=1e-6)
    latents = model.latents(3, 0)
    np.testing.assert_array_equal(restored.model.sample(latents), model.sample(latents))


def test_a_generator_with_a_reference_is_exported_with_it(tmp_path):
    model = make_small(virtual_batch_norm=True)
    assert model.export() is None
    export.save_generator(tmp_path / 'sampler', model)
    (low, high), loaded = model.value_range, tf.saved_model.load(tmp_path / 'sampler')
    drawn, expected = loaded.serve(model.latents(3, 0)), model.sample(model.latents(3, 0))
    np.testing.assert_allclose(drawn * (high - low) + low, expected, rtol=1e-5, atol=1e-5)
    with pytest.raises(InputError, match='more than Keras layers'):
        export.save_generator(tmp_path / 'sampler.keras', model)


# Historical averaging


def test_the_history_is_the_mean_of_all_values_also_across_a_resume():
    model = make_small(historical_averaging=0.5)
    loop, seen = loop_of(model), {player: [values_of(model, player)] for player in model.players}
    for step in range(4):
        if step == 2:
            state = {name: np.array(array) for name, array in loop.state().items()}
            loop = loop_of(make_small(historical_averaging=0.5, seed=1))
            loop.restore(state)
            model = loop.model
        loop._step(batch_for(model, step))
        for player, values in seen.items():
            values.append(values_of(model, player))
    for player, values in seen.items():
        assert len(model.histories[player]) == len(values[0])
        for i, mean in enumerate(model.histories[player]):
            expected = np.mean([value[i] for value in values], axis=0)
            np.testing.assert_allclose(mean.numpy(), expected, rtol=1e-5, atol=1e-7)
            assert np.any(values[0][i] != values[-1][i])


def test_each_player_pays_for_its_own_distance_from_its_history():
    model, plain = make_small(historical_averaging=0.5, learning_rate=0.01), make_small()
    loop = loop_of(model)
    for step in range(2):
        loop._step(batch_for(model, step))
    plain.set_weights(model.get_weights()[-len(plain.weights) :])
    losses, without = evaluate(model), evaluate(plain)
    for player in model.players:
        means = [mean.numpy() for mean in model.histories[player]]
        pairs = list(zip(values_of(model, player), means, strict=True))
        distance = sum(((value - mean) ** 2).sum() for value, mean in pairs)
        assert distance > 1e-4
        cost = (losses[player] - without[player]).numpy()
        assert cost == pytest.approx(0.5 * distance, rel=1e-3)
        found, others = (gradients(m, player, player) for m in (model, plain))
        for (value, mean), ours, theirs in zip(pairs, found, others, strict=True):
            np.testing.assert_allclose(ours - theirs, value - mean, rtol=0.01, atol=2e-6)


def test_the_histories_are_the_only_state_of_their_own_and_nobody_trains_them():
    model = make_small(historical_averaging=1.0)
    own = {id(v) for v in model.own_state()}
    assert own == {id(v) for means in model.histories.values() for v in means}
    trained = {id(v) for p in model.players for v in model.network(p).trainable_variables}
    assert {id(v) for v in model.trainable_variables} == trained and not own & trained
    assert len({v.path for v in model.variables}) == len(model.variables)


# Smoothing


def test_smoothing_reaches_the_discriminator_s_loss_alone():
    """-0.9 log D - 0.1 log(1 - D) is -log D and a tenth of the logit."""
    smooth, rough = evaluate(make_small(real_target=0.9)), evaluate(make_small())
    model = make_small()
    logit = tf.reduce_mean(model.discriminator(batch_for(model).images))
    difference = (smooth['discriminator'] - rough['discriminator']).numpy()
    assert difference == pytest.approx(0.1 * logit.numpy(), rel=1e-2) and difference != 0
    assert smooth['generator'] == rough['generator']


# Feature matching


@pytest.mark.parametrize(
    ('shape', 'number', 'features'),
    [
        (GREY, 1, (512,)),
        (GREY, 2, (1024,)),
        (GREY, 5, (14, 14, 32)),
        (COLOURED, 1, (4, 4, 128)),
        (COLOURED, 3, (16, 16, 32)),
    ],
)
def test_the_features_are_those_of_the_hidden_layer(shape, number, features):
    """Of what its leaky ReLU gives, that is, by the weights of all layers up to there."""
    model = make(shape, feature_matching=True, feature_layer=number)
    found, logit = model.watch(batch_for(model).images)
    assert found.shape == (BATCH, *features)
    np.testing.assert_array_equal(logit, model.discriminator(batch_for(model).images))
    expected = batch_for(model).images
    hidden = kinds(model.discriminator, layers.LeakyReLU)
    for layer in model.discriminator.layers:
        expected = layer(expected)
        if layer is hidden[-number]:
            break
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize('number', [1, 2])
def test_the_generator_matches_mean_features(number):
    model = make(feature_matching=True, feature_layer=number)
    true, fake = (
        model.watch(images)[0].numpy().astype('float64').mean(axis=0)
        for images in (batch_for(model).images, samples_of(model))
    )
    expected = ((true - fake) ** 2).mean()
    assert evaluate(model)['generator'].numpy() == pytest.approx(expected, rel=1e-3)


def test_feature_matching_does_not_reach_the_discriminator():
    """Its loss and gradient are as without; the generator's move leaves it as it was."""
    model, plain = make_small(feature_matching=True), make_small()
    losses, without = evaluate(model), evaluate(plain)
    assert losses['discriminator'] == without['discriminator']
    assert losses['generator'] != without['generator']
    found, expected = (gradients(m, 'discriminator', 'discriminator') for m in (model, plain))
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    before = values_of(model, 'discriminator')
    loop_of(model)._move(batch_for(model), SEED, ['generator'])
    for old, new in zip(before, values_of(model, 'discriminator'), strict=True):
        np.testing.assert_array_equal(old, new)


# Refusals


@pytest.mark.parametrize(
    ('changes', 'told'),
    [
        ({'feature_matching': True, 'feature_layer': 4}, 'feature_layer=4: .* 3 hidden layers'),
        ({'feature_matching': True, 'feature_layer': 0}, 'feature_layer'),
        ({'feature_layer': 2}, 'only used with --feature_matching'),
        ({'feature_matching': 'maybe'}, 'feature_matching'),
        ({'minibatch_discrimination': 'maybe'}, 'minibatch_discrimination'),
        ({'historical_averaging': -1.0}, 'historical_averaging'),
        ({'historical_averaging': 'nan'}, 'historical_averaging'),
        ({'real_target': 1.1}, 'real_target'),
        ({'virtual_batch_norm': 'maybe'}, 'virtual_batch_norm'),
    ],
)
def test_wrong_values_are_refused_in_a_line(changes, told):
    with pytest.raises(InputError, match=told) as error:
        make(**changes)
    assert '\n' not in str(error.value)


# All together


def test_all_techniques_train_together_and_continue_exactly():
    model = make_small(**ALL, average=0.9, precision='bfloat16')
    before, loop = {v.path: v.numpy() for v in model.trainable_variables}, loop_of(model)
    loop.train(2)
    state = {name: np.array(array) for name, array in loop.state().items()}
    loop.train(2)
    whole = [v.numpy() for v in loop.variables()]
    loop.restore(state)
    loop.train(2)
    for variable, expected in zip(loop.variables(), whole, strict=True):
        assert np.isfinite(expected).all()
        np.testing.assert_array_equal(variable.numpy(), expected)
    for variable in model.trainable_variables:
        moved = np.any(variable.numpy() != before[variable.path])
        assert moved or variable.path.endswith('bias')  # a norm takes some biases away again
    assert all(np.isfinite(mean) for mean in loop.means().values())
    exact = [*model.trainable_variables, *evaluate(model).values()]
    assert all(value.dtype == 'float32' for value in exact)


def loud():
    """A model whose features are large enough to matter in the losses; at first they are not."""
    model = make_small(**ALL)
    for variable in model.discriminator.trainable_variables:
        variable.assign(10.0 * variable)
    return model


def test_all_techniques_together_are_the_same_under_xla(monkeypatch):
    """For the same noise, of which XLA draws other numbers."""
    model = loud()
    noise = model.noise(BATCH, SEED)
    monkeypatch.setattr(model, 'noise', lambda count, seed: noise)
    compiled = tf.function(lambda: evaluate(model), jit_compile=True)()
    for player, loss in evaluate(model).items():
        np.testing.assert_allclose(compiled[player], loss, rtol=1e-3)


@pytest.mark.parametrize('precision', ['bfloat16', 'float64'])
def test_all_techniques_together_are_the_same_in_another_precision(precision):
    model, plain = make_small(**ALL, precision=precision), loud()
    for ours, theirs in zip(model.variables, plain.variables, strict=True):
        ours.assign(tf.cast(theirs.value, ours.dtype))
    tolerance = {'bfloat16': {'rel': 0.03, 'abs': 0.01}, 'float64': {'rel': 1e-4, 'abs': 1e-6}}
    expected = evaluate(plain)
    for player, loss in evaluate(model).items():
        assert loss.numpy() == pytest.approx(expected[player].numpy(), **tolerance[precision])
