"""Likelihoods and codes, of a tiny VAE and of models whose answers are known."""

import numpy as np
import pytest
from scipy import stats

import datasets
from evaluation import likelihoods, metrics, rows, scores
from runs import drawing
from runs.directory import Run
from support import backend

tf, _ = backend.load_tensorflow()

from models.shared.base import Batch, GenerativeModel
from models.shared.pixels import from_uint8


def bench_of(data, judge=None, count=100):
    return rows.Bench(data, judge, count, 0)


def one(model, image):
    """A batch of one uint8 image."""
    return Batch(from_uint8(image[None], model.value_range), tf.zeros([1], tf.int64))


def reason(name, row):
    with pytest.raises(rows.NotApplicable) as error:
        scores.measure(name, row)
    return str(error.value)


@pytest.fixture(scope='module')
def vae_row(tiny_runs):
    run = Run(tiny_runs['vae'])
    return rows.RunRow(run, run.load(print), bench_of(datasets.load('digits')), {})


def test_binarized_images_are_always_the_same_and_follow_the_grey():
    images = np.full((50, 28, 28, 1), 64, np.uint8)
    binary = likelihoods.binarized(images)
    assert set(np.unique(binary)) == {0, 255}
    assert binary.mean() == pytest.approx(64, abs=2)
    np.testing.assert_array_equal(binary, likelihoods.binarized(images))
    sure = np.array([[0, 255]], np.uint8)
    np.testing.assert_array_equal(likelihoods.binarized(sure), sure)


def test_images_binarized_in_parts_are_those_binarized_at_once(monkeypatch):
    images = np.random.default_rng(1).integers(0, 256, (50, 4, 4, 1)).astype(np.uint8)
    white = np.random.RandomState(0).random_sample(images.shape) < images / 255
    monkeypatch.setattr(likelihoods, 'BATCH', 7)
    np.testing.assert_array_equal(likelihoods.binarized(images), 255 * white)


def test_the_elbo_is_its_terms_and_near_the_logged_one(vae_row):
    found = likelihoods.elbo(vae_row)
    assert found['negative_elbo'] == pytest.approx(found['kl'] + found['reconstruction'])
    logged = float(vae_row.run.rows()[-1]['test_negative_elbo'])
    assert found['negative_elbo'] == pytest.approx(logged, rel=0.01)
    assert likelihoods.elbo_binarized(vae_row)['kl'] != found['kl']


def test_bits_are_of_likelihoods_alone(vae_row, monkeypatch):
    """A Bernoulli term is a likelihood of black and white pixels, not of grey ones."""
    assert 'bits_per_dimension' not in likelihoods.elbo(vae_row)
    found = likelihoods.elbo_binarized(vae_row)
    bits = found['negative_elbo'] / 784 / np.log(2)
    assert found['bits_per_dimension'] == pytest.approx(bits)
    monkeypatch.setattr(type(vae_row.model), 'likelihood', 'levels')
    found = likelihoods.elbo(vae_row)
    bits = found['negative_elbo'] / 784 / np.log(2)
    assert found['bits_per_dimension'] == pytest.approx(bits)
    assert 'not of black and white' in reason('elbo_binarized', vae_row)


def test_the_grey_elbo_is_a_mean_over_binarized_images(vae_row):
    """With the codes of the grey images: the cross-entropy is linear in the pixels."""
    model, image = vae_row.model, vae_row.bench.real.images[:1]
    grey = from_uint8(image, model.value_range)
    logits, mean, std = model.infer(Batch(grey, None), [1, 2])
    kl, error = model.terms(grey, logits, mean, std)
    random = np.random.default_rng(0)
    drawn = (random.random((20_000, *grey.shape[1:])) < grey.numpy()).astype(np.float32)
    errors = model.terms(drawn, tf.broadcast_to(logits, drawn.shape), mean, std)[1].numpy()
    assert errors.mean() == pytest.approx(float(error[0]), rel=0.005)


def test_the_batch_changes_no_likelihood(vae_row, monkeypatch):
    before = likelihoods.elbo(vae_row)
    batch = one(vae_row.model, vae_row.bench.real.images[0])
    weigh = likelihoods.compile_weigher(vae_row.model)
    weights = likelihoods.log_weights(vae_row.model, weigh, batch, [0, -4], 30)
    monkeypatch.setattr(likelihoods, 'BATCH', 7)
    monkeypatch.setattr(likelihoods, 'DRAWS_A_CALL', 7)
    assert likelihoods.elbo(vae_row) == pytest.approx(before, rel=1e-5)
    again = likelihoods.log_weights(vae_row.model, weigh, batch, [0, -4], 30)
    np.testing.assert_allclose(again, weights, rtol=1e-4)


def test_log_weights_average_to_the_elbo(vae_row):
    """Their mean estimates reconstruction and KL together, the KL there in closed form."""
    model = vae_row.model
    batch, weigh = one(model, vae_row.bench.real.images[1]), likelihoods.compile_weigher(model)
    weights = likelihoods.log_weights(model, weigh, batch, [0, -4], 1000)
    images = batch.images
    draws = [model.terms(images, *model.infer(Batch(images, None), [1, i])) for i in range(60)]
    negative_elbo = np.mean([kl + error for kl, error in draws])
    assert -weights.mean() == pytest.approx(negative_elbo, rel=0.03)


class Linear:
    """Pixels are standard normal codes plus standard normal noise, of which all is known."""

    value_range = (0.0, 1.0)

    def encode(self, batch):
        mean = tf.reshape(batch.images, [-1, 2]) / 2
        return mean, tf.fill(mean.shape, np.float32(np.sqrt(0.5)))

    def decode(self, codes, labels):
        return tf.reshape(codes, [-1, 2, 1, 1])

    def terms(self, images, logits, mean, std):
        squares = tf.reduce_sum((images - logits) ** 2, axis=[1, 2, 3])
        return None, squares / 2 + np.float32(np.log(2 * np.pi))


def test_with_the_exact_posterior_every_weight_is_the_likelihood():
    model, image = Linear(), np.array([[[255]], [[51]]], np.uint8)
    weigher = likelihoods.compile_weigher(model)
    weights = likelihoods.log_weights(model, weigher, one(model, image), [0, -4], 30)
    exact = stats.norm.logpdf([1.0, 0.2], scale=np.sqrt(2)).sum()
    np.testing.assert_allclose(weights, exact, rtol=1e-5)


class Codes:
    """A model whose codes are the same for every image, and beyond numbers where it is `sure`."""

    value_range, variable_dtype = (0.0, 1.0), 'float32'

    def __init__(self, sure=False):
        self.std = 0.0 if sure else 2.0

    def encode(self, batch):
        count = len(batch.images)
        return np.full((count, 5), 3.0), np.full((count, 5), self.std)


def test_codes_are_drawn_from_the_posterior():
    data = np.zeros((1200, 28, 28, 1), np.uint8), np.zeros(1200, int)
    mean, std, codes = likelihoods.encode(Codes(), *data, 0)
    assert codes.mean() == pytest.approx(3.0, abs=0.1)
    assert codes.std() == pytest.approx(2.0, rel=0.03)
    np.testing.assert_array_equal(codes, likelihoods.encode(Codes(), *data, 0)[2])
    assert (codes != likelihoods.encode(Codes(), *data, 1)[2]).all()
    assert len(np.unique(codes)) > 5990
    assert np.isfinite(np.log(likelihoods.encode(Codes(sure=True), *data, 0)[1])).all()


def test_scores_of_codes_take_codes_and_not_their_means(vae_row, monkeypatch):
    random = np.random.default_rng(0)
    mean = 2 * random.standard_normal((300, 3)) * [1, 1, 0]
    std = np.full((300, 3), 0.5)
    codes = mean + std * random.standard_normal((300, 3))
    monkeypatch.setattr(likelihoods, 'codes', lambda row: (mean, std, codes))
    monkeypatch.setattr(likelihoods.figures, 'draw_latent', lambda *_: None)
    assert likelihoods.gaussian_kl(vae_row) == {'nats': metrics.gaussian_kl(codes)}
    split = likelihoods.index_code(vae_row)
    kl = 0.5 * np.mean(np.sum(mean**2 + std**2 - 2 * np.log(std) - 1, axis=1))
    assert split['information'] + split['marginal_kl'] == pytest.approx(kl, rel=0.02)
    assert likelihoods.active_units(vae_row) == {'units': 2, 'of': 3}


def test_mmd_compares_with_other_draws_than_those_of_the_codes(vae_row, monkeypatch):
    same, data = Codes(), vae_row.bench.data
    same.encode = lambda batch: [f((len(batch.images), 5)) for f in (np.zeros, np.ones)]
    found = likelihoods.encode(same, data.test_images, data.test_labels, vae_row.bench.seed)
    monkeypatch.setattr(likelihoods, 'codes', lambda row: found)
    priors = []
    monkeypatch.setattr(metrics, 'mmd', lambda codes, prior: priors.append(prior))
    likelihoods.mmd(vae_row)
    assert priors[0].shape == found[2].shape
    assert (priors[0] != found[2]).all()
    assert priors[0].std() == pytest.approx(1.0, rel=0.1)


def test_the_bound_by_hand(vae_row, monkeypatch):
    """Weights 1 and 3 average to 2, on even images; on odd ones both are 1."""
    asked = []

    def log_weights(model, weigher, batch, seed, k):
        asked.append((batch.images.numpy(), tuple(seed), k))
        return np.log([1.0, 3.0 if len(asked) % 2 else 1.0])

    monkeypatch.setattr(likelihoods, 'BOUNDED', 10)
    monkeypatch.setattr(likelihoods, 'log_weights', log_weights)
    found = likelihoods.bound_of(vae_row, 2)
    assert found['nats'] == pytest.approx(-np.log(2) / 2)
    assert found['gap'] == pytest.approx((np.log(2) - np.log(3) / 2) / 2)
    assert found['error'] == pytest.approx(np.log(2) / 6)
    assert len({seed for _, seed, _ in asked}) == 10
    for image, _, k in asked:
        assert image.shape == (1, 28, 28, 1) and set(np.unique(image)) == {0.0, 1.0}
        assert k == 2


def test_the_bound_is_above_the_elbo_and_has_an_error(vae_row, monkeypatch):
    monkeypatch.setattr(likelihoods, 'DRAWS', 60)
    monkeypatch.setattr(likelihoods, 'BOUNDED', 20)
    found = likelihoods.bound(vae_row)
    assert found['gap'] > 0
    assert found['error'] > 0
    assert (found['k'], found['images']) == (60, 20)


def test_only_a_likelihood_is_bounded(vae_row, monkeypatch):
    monkeypatch.setattr(vae_row.model.settings, 'reconstruction', 'l2')
    for name in ('elbo', 'elbo_binarized', 'bound'):
        assert 'declares no likelihood' in reason(name, vae_row)


def test_a_model_with_log_prob_has_its_exact_likelihood(vae_row):
    class Flat(GenerativeModel):
        likelihood = 'levels'

        def log_prob(self, batch):
            zero = tf.numpy_function(note, [batch.images], tf.float32)
            return tf.fill([tf.shape(batch.images)[0]], np.float32(-784 * np.log(2))) + zero

    def note(images):
        seen.update(np.unique(images))
        return np.float32(0)

    row = rows.Row('flat', vae_row.bench, lambda: vae_row.bench.real)
    seen, row.model = set(), Flat((28, 28, 1), 10, None)
    found = scores.measure('log_likelihood', row)
    assert found['bits_per_dimension'] == pytest.approx(1.0)
    assert found['nats'] == pytest.approx(784 * np.log(2))
    assert found['error'] == pytest.approx(0.0, abs=1e-6)
    assert len(seen) > 2
    Flat.likelihood, seen = 'binarized', set()
    scores.measure('log_likelihood', row)
    assert seen == {0.0, 1.0}


def test_a_run_is_scored_by_the_samples_of_the_benchs_seed(vae_row):
    model = vae_row.model
    np.testing.assert_array_equal(
        vae_row.pictures.images, drawing.draw(model, model.latents(100, vae_row.bench.seed))
    )
    other = rows.Bench(vae_row.bench.data, None, 100, 1)
    drawn = rows.RunRow(vae_row.run, vae_row.arrays, other, {}).pictures.images
    np.testing.assert_array_equal(drawn, drawing.draw(model, model.latents(100, 1)))
