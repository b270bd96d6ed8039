"""What every file in models/ must pass, on grey and on colour images."""

import ast
import functools
import importlib
import itertools
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import datasets
import flags
from models.shared import declarations
from models.shared.adversarial import AdversarialModel
from models.shared.base import Batch
from models.shared.build import build
from models.shared.layers import Dropout
from models.shared.noise import layers_draw_from
from models.shared.pixels import from_uint8
from runs import drawing, export
from support.errors import InputError
from training.loop import Loop

SHAPES = [(28, 28, 1), (32, 32, 3)]
TINY_SHAPES = [(6, 6, 3)]  # of models that draw pixel by pixel, which takes a while
CLASSES, BATCH = 10, 4
SEED = tf.constant([0, 5])
SMALL = {'width': 0.1, 'labelled_per_class': 1, 'blocks': 1, 'layers': 1}  # where there are such


def make(name, shape, seed=0, precision='float32', **changes):
    """The model, or `model-variant`, with the options that its flags have by default, but small."""
    name, _, variant = name.partition('-')
    small = {flag: SMALL[flag] for flag in declarations.read(name).options.keys() & SMALL.keys()}
    shared = {'dataset': 'digits', 'seed': seed, 'precision': precision} | small
    own = {'variant': variant} if variant else {}
    return build(shape, CLASSES, flags.settings(name, **shared, **own, **changes))


@functools.cache
def built(name, shape):
    """A model that nobody changes."""
    return make(name, shape)


def data(shape):
    """Images and labels of three batches, in which every class is found."""
    rng = np.random.default_rng(3)
    images = rng.integers(0, 256, (3 * BATCH, *shape), np.uint8)
    return images, rng.permutation(np.arange(3 * BATCH) % CLASSES)


def streams_of(model):
    """The model's further streams, of data like these; another data set is these too."""
    images, labels = data(model.image_shape)
    dataset = datasets.Dataset(images, labels, images, labels, tuple('abcdefghij'))
    return model.streams(dataset, lambda name: dataset)


def batch_for(model, step=0):
    def batch(images, labels):
        pixels = from_uint8(images[:BATCH], model.value_range, model.variable_dtype)
        return Batch(pixels, tf.constant(labels[:BATCH]), tf.constant(step))

    more = {name: batch(s.images, s.labels) for name, s in streams_of(model).items()}
    return batch(*data(model.image_shape))._replace(more=more)


def loop_of(model, seed=0):
    return Loop(model, *data(model.image_shape), BATCH, seed, streams=streams_of(model))


def latents_of(model, count, seed):
    """Latents as they are made for scores: of test images, if the model is given some."""
    return drawing.latents_of(model, count, seed, data(model.image_shape)[0])


def evaluate(model, seed=SEED):
    """The objectives on the batch, without a change of any variable."""
    with keras.StatelessScope(), layers_draw_from(seed):
        return model.objectives(batch_for(model), seed)


def keep_all(*models):
    """Switches drop-out off."""
    for layer in itertools.chain.from_iterable(model._flatten_layers() for model in models):
        if isinstance(layer, Dropout):
            layer.rate = 0.0


def snapshot(variables):
    return {v.path: v.numpy() for v in variables}


def changed(before, variables):
    """Paths of the variables that differ from the snapshot."""
    return {v.path for v in variables if not np.array_equal(before[v.path], v.numpy())}


def names():
    """All models, and their variants."""
    for name in declarations.names():
        yield from [name, *(f'{name}-{variant}' for variant in declarations.read(name).variants)]


def cases():
    """Models and shapes; one that inherits another's networks is tried on grey images alone."""
    for name in names():
        others = {kind.__module__ for kind in class_of(name).__mro__[1:]}
        inherits = others & {f'models.{other}' for other in declarations.names()}
        yield from ((name, shape) for shape in shapes_of(name)[: 1 if inherits else 2])


def class_of(name):
    """The class of a model or variant."""
    return importlib.import_module(f'models.{name.partition("-")[0]}').Model


def shapes_of(name):
    """The shapes of images that a model or variant is tried on."""
    return TINY_SHAPES if class_of(name).sequential else SHAPES


@pytest.fixture(params=cases(), ids=lambda p: f'{p[0]}-{p[1][0]}')
def case(request):
    return request.param


@pytest.fixture(params=names())
def name(request):
    """For what is slow and does not depend on the shape of images."""
    return request.param


@pytest.fixture
def model(case):
    """Shared by the tests; one that changes it makes its own."""
    return built(*case)


@pytest.fixture
def usual(name):
    """The model for one shape of images, for what is slow; shared like `model`."""
    return built(name, shapes_of(name)[0])


@pytest.mark.parametrize('name', declarations.names())
def test_docstring_cites_the_paper(name):
    tree = ast.parse((declarations.MODELS / f'{name}.py').read_text())
    assert re.search(r'\(arXiv:\d{4}\.\d{4,5}\)', ast.get_docstring(tree))


def test_variables_have_names_of_their_own(model):
    assert model.players
    assert len(snapshot(model.variables)) == len(model.variables) > 0
    owned = [v.path for p in model.players for v in model.network(p).trainable_variables]
    assert sorted(owned) == sorted(v.path for v in model.trainable_variables)


def test_samples_fill_the_value_range(model):
    images = model.sample(latents_of(model, 16, 1))
    low, high = model.value_range
    assert images.shape == (16, *model.image_shape) and images.dtype == tf.float32
    assert low <= images.numpy().min() < (low + high) / 2 < images.numpy().max() <= high


def test_sampling_is_deterministic_and_changes_nothing(model):
    before, latents = snapshot(model.variables), latents_of(model, 16, 1)
    np.testing.assert_array_equal(model.sample(latents), model.sample(latents))
    assert not changed(before, model.variables)


def test_compiled_drawing_is_the_sample_to_a_level(usual):
    latents, (low, high) = latents_of(usual, 5, 1), usual.value_range
    expected = (usual.sample(latents).numpy() - low) * (255 / (high - low))
    assert np.abs(drawing.draw(usual, latents) - expected).max() < 1


def test_a_sample_depends_on_its_own_latent_alone(model):
    latents = latents_of(model, 16, 1)
    others = tf.concat([latents[:1], latents_of(model, 15, 2)], axis=0)
    first, again = model.sample(latents)[0], model.sample(others)[0]
    np.testing.assert_allclose(first, again, rtol=1e-5, atol=1e-6)


def test_latents_depend_on_seed_and_row_alone(model):
    if model.given == 'images':
        pytest.skip('its latents are the images')
    few, many = latents_of(model, 3, 1).numpy(), latents_of(model, 71, 1).numpy()
    np.testing.assert_array_equal(few, many[:3])
    assert len({row.tobytes() for row in many}) == 71
    assert not np.equal(many, latents_of(model, 71, 2)).all(axis=tuple(range(1, many.ndim))).any()


def test_objectives_are_finite_and_a_function_of_the_seed(model, monkeypatch):
    """Other seeds give other losses where the model draws numbers at all."""
    drawn = []
    for name in 'stateless_normal', 'stateless_uniform':
        call = getattr(tf.random, name)
        watched = functools.partial(lambda call, *a, **k: drawn.append(1) or call(*a, **k), call)
        monkeypatch.setattr(tf.random, name, watched)
    seeds = SEED, SEED, tf.constant([0, 6])
    (losses, logs), (again, _), (other, _) = (evaluate(model, seed) for seed in seeds)
    assert set(losses) == set(model.players)
    for value in [*losses.values(), *logs.values()]:
        assert value.shape == () and np.isfinite(value)
    for player, loss in losses.items():
        assert loss == again[player]
    random = any(loss != other[player] for player, loss in losses.items())
    assert random == bool(drawn)


def test_a_move_changes_what_the_player_owns_once(case):
    model = make(*case)
    loop, batch = loop_of(model), batch_for(model)
    for player in model.players:
        network, before = model.network(player), snapshot(model.variables)
        with keras.StatelessScope() as scope, layers_draw_from(SEED):
            model.objectives(batch, SEED)
        fixed = network.non_trainable_variables
        known = [(v, scope.get_current_value(v)) for v in fixed]
        expected = {v.path: before[v.path] if new is None else new for v, new in known}
        loop._move(batch, SEED, [player])
        moved = changed(before, model.variables)
        assert {v.path for v in network.trainable_variables} - before_batch_norm(model) <= moved
        assert moved <= {v.path for v in [*network.variables, *model.own_state()]}
        for variable in network.non_trainable_variables:
            np.testing.assert_allclose(variable.numpy(), expected[variable.path], rtol=1e-5)


def test_a_step_is_a_move_of_every_player_whose_turn_it_is(name):
    """With noise of its own a player has the seed of its turn, else that of the step."""
    one, two = (make(name, shapes_of(name)[0]) for _ in range(2))
    keep_all(one, two)  # where it stands in its stream is the loop's
    loops, players = (loop_of(one), loop_of(two)), list(two.players)
    every = max(two.players.values())
    for step in {5 * every, 6 * every - 1}:
        batch = batch_for(one, step)
        loops[0]._step(batch)
        due = [player for player in players if (step + 1) % two.players[player] == 0]
        state = two.own_state()
        for turn in [[player] for player in due] if two.alternate else [due]:
            own = step * len(players) + players.index(turn[0])
            seed = tf.constant([0, own if two.fresh_noise else step])
            loops[1]._move(batch, seed, turn, state)
            state = ()
    for a, b in zip(one.variables, two.variables, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-6)


def test_who_moves_on_every_step(model):
    first, *others = model.players.values()
    assert first == 1
    assert model.alternate or set(others) <= {1}


def before_batch_norm(model):
    """Paths of the biases that batch norm takes away again, directly or after a crop."""
    between = (keras.layers.Reshape, keras.layers.Cropping2D, keras.layers.Flatten)
    found = set()
    for player in model.players:
        layers = [x for x in model.network(player).layers if not isinstance(x, between)]
        for layer, following in itertools.pairwise(layers):
            if isinstance(following, keras.layers.BatchNormalization):
                found |= {v.path for v in layer.trainable_variables if v.path.endswith('/bias')}
    return found


def test_gradients_reach_every_variable(model):
    exempt = before_batch_norm(model)
    with tf.GradientTape(persistent=True) as tape:
        losses, _ = evaluate(model)
    for player in model.players:
        variables = model.network(player).trainable_variables
        gradients = tape.gradient(losses[player], [v.value for v in variables])
        for variable, gradient in zip(variables, gradients, strict=True):
            assert gradient is not None, variable.path
            assert np.isfinite(gradient).all(), variable.path
            assert variable.path in exempt or np.any(gradient), variable.path


def test_in_bfloat16_only_the_networks_compute_so(case):
    model, exact = make(*case, precision='bfloat16'), make(*case)
    assert 'bfloat16' in {layer.compute_dtype for layer in model._flatten_layers()}
    loop, _ = loop_of(model), loop_of(exact)  # a loop may set initial weights
    assert {v.dtype for v in loop.variables()} <= {'float32', 'int32', 'int64'}
    keep_all(model, exact)  # masks differ by what is dropped, not only by rounding
    (losses, logs), (expected, _) = evaluate(model), evaluate(exact)
    for value in [*losses.values(), *logs.values(), model.sample(latents_of(model, 2, 1))]:
        assert value.dtype == tf.float32
    for player, loss in losses.items():
        assert loss.numpy() == pytest.approx(expected[player].numpy(), rel=0.03, abs=0.01)
    assert np.any(seen_of(model) != seen_of(exact))
    assert keras.config.dtype_policy().name == 'float32'


def seen_of(model):
    """What rounding changes: likelihoods, since black and white samples hide it, or samples."""
    if model.offers('log_prob'):
        return model.log_prob(batch_for(model))
    return model.sample(latents_of(model, 2, 1))


def test_in_float64_all_is_exact_and_the_same_numbers_are_drawn(name):
    shape = shapes_of(name)[0]
    model, rough = make(name, shape, precision='float64'), built(name, shape)
    assert {layer.compute_dtype for layer in model._flatten_layers()} == {'float64'}
    for theirs, ours in zip(rough.variables, model.variables, strict=True):
        ours.assign(tf.cast(theirs.value, ours.dtype))
    (losses, _), (expected, _) = evaluate(model), evaluate(rough)
    for player, loss in losses.items():
        assert loss.dtype == tf.float64
        assert loss.numpy() == pytest.approx(expected[player].numpy(), rel=1e-4, abs=1e-5)
    assert (keras.config.floatx(), keras.config.dtype_policy().name) == ('float32', 'float32')


def test_test_values_are_one_an_example_and_change_nothing(model):
    before, batch = snapshot(model.variables), batch_for(model)
    values, again = model.test(batch, SEED), model.test(batch, SEED)
    for name, value in values.items():
        assert value.shape == (BATCH,) and np.isfinite(value).all()
        np.testing.assert_array_equal(value, again[name])
    assert not changed(before, model.variables)


def test_what_a_model_offers_has_the_shapes_of_the_contract(model):
    batch, offered = batch_for(model), model.offers
    if offered('encode'):
        mean, std = model.encode(batch)
        assert mean.shape == std.shape == (BATCH, model.settings.latent_dim)
        logits = model.decode(mean, batch.labels)
        assert logits.shape == batch.images.shape
        if offered('terms'):
            assert [t.shape for t in model.terms(batch.images, logits, mean, std)] == [(BATCH,)] * 2
    if offered('reconstruct'):
        assert model.reconstruct(batch).shape == batch.images.shape
    if offered('log_prob'):
        assert model.log_prob(batch).shape == (BATCH,)
    assert model.likelihood in (None, 'binarized', 'levels')
    assert model.likelihood is None or offered('terms') or offered('log_prob')


def test_a_restored_loop_draws_the_same_samples_and_trains_on_the_same(name):
    shape = shapes_of(name)[0]
    loop = loop_of(make(name, shape))
    loop.train(2)
    arrays = {name: np.array(array) for name, array in loop.state().items()}
    restored = loop_of(make(name, shape, seed=1))
    latents = latents_of(loop.model, 4, 1)
    assert not np.array_equal(restored.model.sample(latents), loop.model.sample(latents))
    restored.restore(arrays)
    np.testing.assert_array_equal(restored.model.sample(latents), loop.model.sample(latents))
    assert (restored.step, restored.names, restored.means()) == (2, loop.names, loop.means())
    for a, b in zip(restored.variables(), loop.variables(), strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_the_export_draws_what_sample_draws_with_stock_layers(usual, tmp_path):
    latents, exported = latents_of(usual, 4, 1), usual.export()
    if exported is None:  # then it is the sample that is exported
        export.save_generator(tmp_path / 'sampler', usual)
        (low, high), loaded = usual.value_range, tf.saved_model.load(tmp_path / 'sampler')
        drawn = loaded.serve(latents) * (high - low) + low
        np.testing.assert_allclose(drawn, usual.sample(latents), rtol=1e-5, atol=1e-6)
        return
    np.testing.assert_allclose(exported(latents), usual.sample(latents), rtol=1e-5, atol=1e-6)
    assert all(type(part).__module__.startswith('keras.') for part in exported._flatten_layers())


def test_a_label_changes_what_is_drawn(model):
    if model.given != 'labels':
        with pytest.raises(InputError, match='does not draw by label'):
            drawing.paint(model, 2, 0, labels=[1])
        return
    ones, twos = (drawing.paint(model, 4, 0, labels=[k]) for k in (1, 2))
    assert ones.shape == (4, *model.image_shape) and np.any(ones != twos)
    columns = drawing.columns_of(model)
    assert not columns or len(drawing.grid_latents(model, 0, None)) == 8 * min(columns, CLASSES)


def test_every_flag_of_drawing_reaches_the_sample(case):
    model = built(*case)
    assert model.drawing.keys() == declarations.read(case[0].partition('-')[0]).drawing.keys()
    latents = latents_of(model, 2, 0)
    drawn = drawing.draw(model, latents, dict(model.drawing))
    np.testing.assert_array_equal(drawn, drawing.draw(model, latents))


# What all adversarial models have


def is_adversarial(name):
    """Whether a model file's class is an `AdversarialModel`."""
    model = importlib.import_module(f'models.{name}').Model
    return issubclass(model, AdversarialModel)


@pytest.fixture(params=filter(is_adversarial, declarations.names()))
def adversarial(request):
    return request.param


@pytest.mark.parametrize('latent', ['uniform', 'normal'])
def test_noise_of_either_kind_has_the_variance_of_a_third(adversarial, latent, monkeypatch):
    model = built(adversarial, SHAPES[0])
    monkeypatch.setattr(model.settings, 'latent', latent)
    numbers = model.latents(400, 0).numpy()[:, : model.settings.latent_dim]  # labels are behind
    assert numbers.var() == pytest.approx(1 / 3, abs=0.01)
    assert (np.abs(numbers).max() <= 1) == (latent == 'uniform')


def test_the_average_is_that_of_the_generators_weights_and_draws(adversarial):
    """It keeps 1/10 in step 0, 2/11 in step 1, and in the hundredth the decay that was asked."""
    model, rng = make(adversarial, SHAPES[0], average=0.75), np.random.default_rng(0)
    assert len(snapshot(model.variables)) == len(model.variables)
    trained = {v.path for p in model.players for v in model.network(p).trainable_variables}
    assert {v.path for v in model.trainable_variables} == trained  # the average is no player's
    kept = [v.numpy() for v in model.generator.variables]
    for step, keep in ((0, 0.1), (1, 2 / 11), (99, 0.75)):
        for variable in model.generator.variables:
            scale = rng.uniform(0.5, 1.5, variable.shape)
            variable.assign(variable.numpy() * scale + 1e-4)
        for player in model.players:
            model.after_step(player, tf.constant(step))
        now = [v.numpy() for v in model.generator.variables]
        kept = [keep * old + (1 - keep) * new for old, new in zip(kept, now, strict=True)]
    for expected, mean in zip(kept, model.drawer.variables, strict=True):
        np.testing.assert_allclose(mean.numpy(), expected, rtol=1e-5, atol=1e-6)
    latents = latents_of(model, 3, 0)
    np.testing.assert_array_equal(model.sample(latents), model.drawer(latents, training=False))
    assert np.any(model.sample(latents) != model.generator(latents, training=False))
    exported = model.export() or model.sample
    np.testing.assert_allclose(exported(latents), model.sample(latents), rtol=1e-5, atol=1e-6)
