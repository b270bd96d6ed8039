import csv
import json
import shutil

import numpy as np
import pytest

import console
import datasets
import evaluate
import metrics
import scores
from runs import Run, read_arrays

console.load_tensorflow()

import likelihoods  # noqa: E402
from metrics import classifier as judges  # noqa: E402
from metrics import inception  # noqa: E402
from models.base import from_uint8  # noqa: E402

FEW = '--num_samples=200'
PICTURES = ('neighbours.png', 'latent.png')


@pytest.fixture(scope='module')
def digits():
    data = datasets.load('digits')
    images, labels = datasets.subset(data.train_images, data.train_labels, 3000)
    return data._replace(train_images=images, train_labels=labels)


@pytest.fixture(scope='module')
def cheap(tmp_path_factory):
    """A cache of its own, a classifier of one epoch, and few draws for the bound."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('XDG_CACHE_HOME', str(tmp_path_factory.mktemp('cache')))
        patch.setattr(judges, 'EPOCHS', 1)
        patch.setattr(likelihoods, 'DRAWS', 60)
        patch.setattr(likelihoods, 'BOUNDED', 20)
        yield


@pytest.fixture(scope='module')
def evaluated(tiny_runs, tmp_path_factory, cheap):
    """Copies of the tiny runs after one call of the command, and its two tables."""
    place = tmp_path_factory.mktemp('evaluated')
    paths = {name: shutil.copytree(path, place / name) for name, path in tiny_runs.items()}
    for suffix in ('md', 'csv'):
        assert call(paths.values(), f'--out={place}/table.{suffix}') == 0
    return paths, (place / 'table.md').read_text(), place / 'table.csv'


def call(paths, *words):
    return evaluate.main(['evaluate.py', f'--runs={",".join(map(str, paths))}', FEW, *words])


def sheet(path):
    return json.loads((path / 'evaluation.json').read_text())


# The classifier


def test_the_classifier_learns_digits_and_is_trained_once(digits, tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    monkeypatch.setattr(judges, 'EPOCHS', 6)
    first = judges.classifier(digits, 'hash', 'digits')
    assert first.accuracy > 0.9
    monkeypatch.setattr(judges, 'train', None)
    second = judges.classifier(digits, 'hash', 'digits')
    assert (second.accuracy, second.digest) == (first.accuracy, first.digest)
    shown = digits.test_images[:20]
    for one, other in zip(judges.look(first, shown), judges.look(second, shown), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_damaged_classifier_is_refused(digits, tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    path = judges.cached('hash')
    path.parent.mkdir()
    path.write_bytes(b'junk')
    with pytest.raises(console.InputError, match='delete it'):
        judges.classifier(digits, 'hash')
    monkeypatch.setattr(judges, 'SHIPPED', tmp_path / 'nowhere.npz')
    with pytest.raises(console.InputError, match='restore it'):
        judges.classifier(digits, 'hash', 'mnist')


def test_the_shipped_classifier_is_small_and_judges_what_is_called_mnist(digits):
    assert judges.SHIPPED.stat().st_size < 500_000
    assert {array.dtype for array in read_arrays(judges.SHIPPED).values()} == {np.dtype('float16')}
    assert judges.is_mnist(digits, 'mnist')
    assert not judges.is_mnist(digits, 'digits')
    other = digits._replace(class_names=tuple('abcdefghij'))
    assert not judges.is_mnist(other, 'mnist')


def test_the_shipped_classifier_reads_other_peoples_digits(digits):
    judge = judges.classifier(digits, 'hash', 'mnist')
    assert judge.accuracy > 0.9
    assert judge.digest == judges.runs.digest(read_arrays(judges.SHIPPED))


@pytest.mark.slow
def test_the_shipped_classifier_is_right_on_mnist():
    try:
        data = datasets.load('mnist')
    except console.InputError as error:
        pytest.skip(str(error))
    assert judges.classifier(data, '', 'mnist').accuracy >= 0.993


def test_probabilities_sum_to_one_and_do_not_depend_on_the_batch(digits):
    judge = judges.Judge(judges.looker(judges.network((28, 28, 1), 10)), '', None)
    together = judges.look(judge, digits.test_images[:30])
    np.testing.assert_allclose(together[1].sum(axis=1), 1.0, rtol=1e-5)
    apart = judges.look(judge, digits.test_images[:30], batch=7)
    for one, other in zip(apart, together, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_ten_perfect_digits_repeated_have_a_high_inception_score(digits):
    judge = judges.classifier(digits, 'hash', 'mnist')
    probabilities = judges.look(judge, digits.test_images)[1]
    surest = probabilities.argmax(axis=0)
    assert len(set(digits.test_labels[surest])) == 10
    assert metrics.inception_score(np.repeat(probabilities[surest], 1000, axis=0))[0] > 9.8


def test_inception_takes_grey_and_colour_and_gives_features():
    layers = inception.keras.layers
    pooling, head = layers.GlobalAveragePooling2D(name='avg_pool'), layers.Dense(7)
    network = inception.keras.Sequential([inception.keras.Input((299, 299, 3)), pooling, head])
    for channels in (1, 3):
        look = inception.looker(network, (28, 28, channels))
        features, outputs = look(np.full((2, 28, 28, channels), 255, np.uint8))
        np.testing.assert_allclose(features, np.ones((2, 3)), rtol=1e-5)
        assert outputs.shape == (2, 7)


# The command


def test_the_table_has_the_real_images_and_a_row_a_run(evaluated):
    _, table, _ = evaluated
    rows = [line for line in table.splitlines() if line.startswith('| ') and '---' not in line]
    real = ['test images', 'training images', 'k-means centroids']
    names = [row.split('|')[1].strip() for row in rows]
    assert names == ['run', *real, 'vae', 'gan']
    assert {row.count('|') for row in rows} == {rows[0].count('|')}
    assert 'gan: no elbo, elbo_binarized, bound' in table
    assert 'the model has no encoder' in table


def test_every_score_is_kept_or_has_its_reason(evaluated):
    paths, _, _ = evaluated
    for path in paths.values():
        found = sheet(path)
        assert found['scores'].keys() | found['reasons'].keys() == set(scores.SCORES)
        assert not found['scores'].keys() & found['reasons'].keys()
        assert sum(found['scores']['coverage']['histogram']) == 200
        assert found['settings']['accuracy'] > 0.5
        assert len(found['settings']['classifier']) == 64
    assert sheet(paths['vae'])['reasons'].keys() == {'log_likelihood'}
    assert [(paths['vae'] / name).stat().st_size > 1000 for name in PICTURES] == [True, True]
    assert (paths['gan'] / 'neighbours.png').exists()


def test_the_csv_holds_the_numbers_in_full(evaluated):
    paths, _, path = evaluated
    with open(path) as file:
        rows = {row['run']: row for row in csv.DictReader(file)}
    kept = sheet(paths['vae'])
    assert float(rows['vae']['fid.fid']) == kept['scores']['fid']['fid']
    assert int(rows['vae']['coverage.histogram_3']) == kept['scores']['coverage']['histogram'][3]
    assert rows['gan']['elbo.kl'] == ''
    assert rows['test images']['classifier'] == kept['settings']['classifier']


def test_the_real_images_score_better_than_those_of_tiny_runs(evaluated):
    paths, _, _ = evaluated
    kept = sheet(paths['gan'])
    real, drawn = kept['references']['test images']['scores'], kept['scores']
    assert real['fid']['fid'] < drawn['fid']['fid']
    assert real['density_coverage']['coverage'] > drawn['density_coverage']['coverage']
    assert real['sharpness']['ratio'] == pytest.approx(1.0, abs=0.2)
    assert real['memorisation']['ratio'] == 1.0


def test_finished_scores_are_not_taken_again(evaluated, tmp_path, monkeypatch, capsys):
    paths, _, _ = evaluated
    path = shutil.copytree(paths['gan'], tmp_path / 'gan')
    taken = []
    monkeypatch.setattr(
        scores, 'measure', lambda name, row: taken.append((row.name, name)) or {'fid': 1.0}
    )
    assert call([path], '--metrics=fid') == 0
    assert taken == []
    assert call([path], '--metrics=fid', '--seed=1') == 0
    assert taken == [('test images', 'fid'), ('gan', 'fid')]
    assert call([path], '--metrics=fid', '--seed=1') == 0
    checkpoint = Run(path).load(print)
    Run(path).save(checkpoint | {'0000': checkpoint['0000'] + 1}, int(checkpoint['step']))
    assert call([path], '--metrics=fid', '--seed=1') == 0
    assert taken[2:] == [('gan', 'fid')]
    assert '1.00' in capsys.readouterr().out


def test_a_lost_picture_is_drawn_again_and_a_damaged_sheet_is_written_anew(evaluated, tmp_path):
    paths, _, _ = evaluated
    path = shutil.copytree(paths['vae'], tmp_path / 'vae')
    (path / 'latent.png').unlink()
    (path / 'evaluation.json').write_text('{"scores": ')
    assert call([path], '--metrics=active_units,active_units') == 0
    assert sheet(path)['scores'].keys() == {'active_units'}
    (path / 'latent.png').unlink()
    assert call([path], '--metrics=active_units') == 0
    assert (path / 'latent.png').exists()


def refusal(*flags):
    with pytest.raises(console.InputError) as error:
        evaluate.main(['evaluate.py', *flags])
    assert '\n' not in str(error.value)
    return str(error.value)


def test_evaluate_refuses_no_runs_and_other_data(tiny_runs, tmp_path):
    assert '--runs' in refusal()
    assert 'nowhere' in refusal(f'--runs={tmp_path}/nowhere')
    run = next(iter(tiny_runs.values()))
    (tmp_path / 'other').mkdir()
    other = Run(run).config | {'data_hash': 'other'}
    (tmp_path / 'other' / 'config.json').write_text(json.dumps(other))
    assert 'one data set' in refusal(f'--runs={run},{tmp_path}/other')
    assert 'not the data' in refusal(f'--runs={tmp_path}/other')


def test_evaluate_refuses_unknown_scores_and_files(tiny_runs):
    run = f'--runs={tiny_runs["vae"]}'
    assert 'did you mean fid or kid' in refusal(run, '--metrics=fidd')
    assert "''" in refusal(run, '--metrics=')
    assert '.md or .csv' in refusal(run, '--out=table.txt')
    assert 'from 100' in refusal(run, '--num_samples=10')


def test_too_few_samples_for_a_score_are_refused_with_the_minimum(tiny_runs, cheap):
    words = f'--runs={tiny_runs["vae"]}', '--num_samples=128'
    told = refusal(*words, '--metrics=sharpness,fid')
    assert 'at least 129' in told
    assert 'fid' in told


def test_inception_without_weights_is_refused(tiny_runs, tmp_path, monkeypatch):
    monkeypatch.setenv('KERAS_HOME', str(tmp_path))
    monkeypatch.setattr(datasets, 'online', lambda: False)
    told = refusal(f'--runs={tiny_runs["vae"]}', '--features=inception')
    assert '--features=inception: no weights' in told


# Rows


class Judged:
    """A judge of other classes, as Inception."""

    accuracy = None


def bench_of(data, judge=None, count=100):
    return scores.Bench(data, judge, count, 0)


def reason(name, row):
    with pytest.raises(scores.NotApplicable) as error:
        scores.measure(name, row)
    return str(error.value)


def test_data_of_one_class_have_no_features_but_pixels(digits):
    bench = bench_of(digits._replace(class_names=('all',)))
    row = scores.Row('drawn', bench, lambda: bench.real)
    assert 'no classes' in reason('fid', row)
    assert scores.measure('sharpness', row) == {'ratio': 1.0}


def test_other_classes_cover_none_of_the_datas(digits):
    bench = bench_of(digits, Judged())
    with pytest.raises(scores.NotApplicable, match='not the data'):
        scores.coverage(scores.Row('drawn', bench, lambda: bench.real))


def test_a_row_of_too_few_images_and_numbers_that_are_none(digits, monkeypatch):
    bench = bench_of(digits)
    few = scores.Row('drawn', bench, lambda: scores.Pictures(digits.test_images[:99], None))
    assert '100' in reason('sharpness', few)
    row = scores.Row('drawn', bench, lambda: bench.real)
    monkeypatch.setattr(metrics, 'sharpness', lambda *_: float('inf'))
    assert 'infinite' in reason('sharpness', row)


def test_without_classes_the_command_gives_the_other_scores(
    tiny_runs, tmp_path, monkeypatch, capsys
):
    path = shutil.copytree(tiny_runs['gan'], tmp_path / 'gan')
    load = datasets.load
    one_class = lambda *words: load(*words)._replace(class_names=('all',))  # noqa: E731
    monkeypatch.setattr(datasets, 'load', one_class)
    assert call([path], '--metrics=sharpness,kid') == 0
    assert 'gan: no kid: the data have no classes' in capsys.readouterr().out
    assert sheet(path)['scores'].keys() == {'sharpness'}


# Likelihoods


@pytest.fixture(scope='module')
def vae_row(tiny_runs):
    run = Run(tiny_runs['vae'])
    return scores.RunRow(run, run.load(print), bench_of(datasets.load('digits')))


def test_binarized_images_are_always_the_same_and_follow_the_grey():
    images = np.full((50, 28, 28, 1), 64, np.uint8)
    binary = likelihoods.binarized(images)
    assert set(np.unique(binary)) == {0, 255}
    assert binary.mean() == pytest.approx(64, abs=2)
    np.testing.assert_array_equal(binary, likelihoods.binarized(images))
    sure = np.array([[0, 255]], np.uint8)
    np.testing.assert_array_equal(likelihoods.binarized(sure), sure)


def test_the_elbo_is_its_terms_and_near_the_logged_one(vae_row):
    found = likelihoods.elbo(vae_row)
    assert found['negative_elbo'] == pytest.approx(found['kl'] + found['reconstruction'])
    logged = float(vae_row.run.rows()[-1]['test_negative_elbo'])
    assert found['negative_elbo'] == pytest.approx(logged, rel=0.01)
    bits = found['negative_elbo'] / 784 / np.log(2)
    assert found['bits_per_dimension'] == pytest.approx(bits)
    assert likelihoods.elbo_binarized(vae_row)['kl'] != found['kl']


def test_the_batch_changes_no_likelihood(vae_row, monkeypatch):
    before = likelihoods.elbo(vae_row)
    image = vae_row.bench.test.images[0]
    weigh = likelihoods.compile_weigher(vae_row.model)
    weights = likelihoods.log_weights(vae_row.model, weigh, image, [0, -4], 30)
    monkeypatch.setattr(likelihoods, 'BATCH', 7)
    monkeypatch.setattr(likelihoods, 'DRAWS_A_CALL', 7)
    assert likelihoods.elbo(vae_row) == pytest.approx(before, rel=1e-5)
    again = likelihoods.log_weights(vae_row.model, weigh, image, [0, -4], 30)
    np.testing.assert_allclose(again, weights, rtol=1e-4)


def test_log_weights_average_to_the_elbo(vae_row):
    """Their mean estimates reconstruction and KL together, the KL there in closed form."""
    model, image = vae_row.model, vae_row.bench.test.images[1]
    weigh = likelihoods.compile_weigher(model)
    weights = likelihoods.log_weights(model, weigh, image, [0, -4], 1000)
    batch = from_uint8(image[None], model.value_range)
    draws = [model.terms(batch, *model.infer(batch, [1, i])) for i in range(60)]
    negative_elbo = np.mean([kl + error for kl, error in draws])
    assert -weights.mean() == pytest.approx(negative_elbo, rel=0.03)


def test_the_bound_is_above_the_elbo_and_has_an_error(vae_row, cheap):
    found = likelihoods.bound(vae_row)
    assert found['gap'] > 0
    assert found['error'] > 0
    assert (found['k'], found['images']) == (60, 20)


def test_only_a_likelihood_is_bounded(vae_row, monkeypatch):
    monkeypatch.setattr(vae_row.model.options, 'reconstruction', 'l2')
    for name in ('elbo', 'elbo_binarized', 'bound'):
        assert '--reconstruction=l2' in reason(name, vae_row)


def test_a_model_with_log_prob_has_its_exact_likelihood(vae_row):
    class Flat:
        value_range = (0.0, 1.0)

        def log_prob(self, images):
            return np.full(len(images), -784 * np.log(2), np.float32)

    row = scores.Row('flat', vae_row.bench, lambda: vae_row.bench.real)
    row.model = Flat()
    found = scores.measure('log_likelihood', row)
    assert found['bits_per_dimension'] == pytest.approx(1.0)
    assert found['nats'] == pytest.approx(784 * np.log(2))
    assert found['error'] == pytest.approx(0.0, abs=1e-6)
