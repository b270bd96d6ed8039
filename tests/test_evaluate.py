import csv
import json
import re
import shutil

import numpy as np
import pytest
from scipy import stats

import datasets
import evaluate
from evaluation import likelihoods, measuring, metrics, results, rows, scores
from runs import drawing
from runs.directory import Run
from support import backend, files
from support.errors import InputError
from support.files import read_arrays

tf, _ = backend.load_tensorflow()

from evaluation.judges import classifier as judges
from evaluation.judges import inception
from models.shared.base import GenerativeModel

FEW = '--num_samples=200'
CONDITIONS = {'version', 'data_hash', 'features', 'classifier', 'accuracy', 'num_samples', 'seed'}
CONDITIONS |= {'step', 'checkpoint', 'test_images'}
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
        assert call(paths.values(), '--metrics=all', f'--out={place}/table.{suffix}') == 0
    return paths, (place / 'table.md').read_text(), place / 'table.csv'


@pytest.fixture
def copies(evaluated, tmp_path):
    """Copies of them, to be changed."""
    return {name: shutil.copytree(path, tmp_path / name) for name, path in evaluated[0].items()}


def call(paths, *words):
    return evaluate.main(['evaluate.py', f'--runs={",".join(map(str, paths))}', FEW, *words])


def result(path):
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
    with pytest.raises(InputError, match='delete it'):
        judges.classifier(digits, 'hash')
    monkeypatch.setattr(judges, 'SHIPPED', tmp_path / 'nowhere.npz')
    with pytest.raises(InputError, match='restore it'):
        judges.classifier(digits, 'hash', 'mnist')


def test_a_classifier_that_cannot_be_read_is_neither_called_damaged_nor_made_again(
    digits, tmp_path, monkeypatch
):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    monkeypatch.setattr(judges, 'train', None)
    path = judges.cached('hash')
    path.parent.mkdir()
    path.symlink_to(path.name)
    with pytest.raises(InputError, match=f'^{path}: cannot be read') as error:
        judges.classifier(digits, 'hash')
    assert 'delete' not in str(error.value)
    assert path.is_symlink()


def test_the_shipped_classifier_is_small_and_judges_what_is_called_mnist(digits):
    assert judges.SHIPPED.stat().st_size < 500_000
    assert {array.dtype for array in read_arrays(judges.SHIPPED).values()} == {np.dtype('float16')}
    assert judges.is_mnist(digits, 'mnist')
    assert all(judges.is_mnist(digits, name) for name in ('MNIST', 'mnist:3.0.1'))
    assert not any(judges.is_mnist(digits, name) for name in ('digits', 'mnist_corrupted', None))
    other = digits._replace(class_names=tuple('abcdefghij'))
    assert not judges.is_mnist(other, 'mnist')


def test_the_shipped_classifier_reads_other_peoples_digits(digits):
    judge = judges.classifier(digits, 'hash', 'mnist')
    assert judge.accuracy > 0.9
    assert judge.digest == files.digest(read_arrays(judges.SHIPPED))


@pytest.mark.slow
def test_the_shipped_classifier_is_right_on_mnist():
    try:
        data = datasets.load('mnist')
    except InputError as error:
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
    real = ['training images', 'k-means centroids']
    names = [row.split('|')[1].strip() for row in rows]
    assert names == ['run', *real, 'vae', 'gan']
    assert {row.count('|') for row in rows} == {rows[0].count('|')}
    assert '200 samples against 200 test images.\nWith so few, FID comes out too high' in table
    assert 'no encoder' not in table


def inapplicable(name, row):
    raise rows.NotApplicable('in this test')


def test_by_default_it_takes_the_scores_that_answer_the_question(copies, monkeypatch, capsys):
    monkeypatch.setattr(scores, 'measure', inapplicable)  # the others are taken already
    assert call(copies.values()) == 0
    shown = capsys.readouterr()
    head = shown.out.splitlines()[0]
    for title in ('classes', 'FID', 'precision', 'recall', 'sharpness', '-ELBO, grey'):
        assert f' {title}' in head
    assert 'KID' not in head and 'no elbo' not in shown.out
    told = 'scores: coverage, fid, precision_recall, sharpness, elbo; by 200 samples of each\n'
    assert shown.err == told


def test_a_note_tells_why_a_score_asked_for_by_name_is_missing(copies, capsys):
    assert call(copies.values(), '--metrics=fid,elbo') == 0
    assert 'gan: no elbo: the model has no encoder.\n' in capsys.readouterr().out


def test_a_pipe_is_told_of_each_score_and_its_time(evaluated, tmp_path, capsys):
    paths, _, _ = evaluated
    path = shutil.copytree(paths['gan'], tmp_path / 'gan')
    assert call([path], '--metrics=sharpness', '--seed=5') == 0
    _, *lines = capsys.readouterr().err.splitlines()
    assert [re.sub(r'[\d.]+ s$', 's', line) for line in lines] == [
        'training images: sharpness s',
        'gan: sharpness s',
    ]


def test_a_terminal_has_scores_below_and_runs_beside_one_another(copies, monkeypatch, capsys):
    monkeypatch.setattr(evaluate.sys.stdout, 'isatty', lambda: True)
    assert call(copies.values()) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ['run', 'training', 'images', 'vae', 'gan']
    assert [line.split()[0] for line in lines[:2]] == ['classes', 'class']
    assert max(map(len, lines)) <= 4 * (results.WIDEST + 2)


def test_a_run_that_draws_too_few_classes_is_a_failure(copies, capsys):
    """After twelve steps the tiny GAN draws noise."""
    run = f'--runs={copies["vae"]},{copies["gan"]}'
    told = refusal(run, FEW, '--metrics=coverage', '--least_classes=10')
    assert 'draws' in told and '--seed' in told
    assert '| gan |' in capsys.readouterr().out
    assert 'add it to --metrics' in refusal(run, FEW, '--metrics=fid', '--least_classes=10')


def test_only_the_runs_are_asked_for_classes():
    def pair(present):
        return 'gan', {'scores': {'coverage': {'present': present}}}

    evaluate.check_classes([pair(8), pair(10)], 8)
    evaluate.check_classes([pair(0)], 0)
    with pytest.raises(InputError, match='gan draws 7 classes'):
        evaluate.check_classes([pair(8), pair(7)], 8)
    with pytest.raises(InputError, match='no classes to count'):
        evaluate.check_classes([('gan', {'scores': {}})], 8)


def test_a_table_is_not_written_over(copies, tmp_path):
    out = tmp_path / 'table.md'
    out.write_text('mine')
    run = f'--runs={copies["gan"]}'
    assert '--overwrite' in refusal(run, f'--out={out}')
    assert out.read_text() == 'mine'
    assert call([copies['gan']], f'--out={out}', '--overwrite') == 0
    assert out.read_text().startswith('| run |')


def test_every_score_is_kept_or_has_its_reason(evaluated):
    paths, _, _ = evaluated
    for path in paths.values():
        found = result(path)
        assert found['scores'].keys() | found['reasons'].keys() == set(scores.SCORES)
        assert not found['scores'].keys() & found['reasons'].keys()
        assert sum(found['scores']['coverage']['histogram']) == 200
        assert found['conditions']['accuracy'] > 0.5
        assert len(found['conditions']['classifier']) == 64
        assert found['conditions'].keys() == CONDITIONS
    assert result(paths['vae'])['reasons'].keys() == {'log_likelihood'}
    assert [(paths['vae'] / name).stat().st_size > 1000 for name in PICTURES] == [True, True]
    assert (paths['gan'] / 'neighbours.png').exists()


def test_the_csv_holds_the_numbers_in_full(evaluated):
    paths, _, path = evaluated
    with open(path) as file:
        rows = {row['run']: row for row in csv.DictReader(file)}
    kept = result(paths['vae'])
    assert float(rows['vae']['fid.fid']) == kept['scores']['fid']['fid']
    assert int(rows['vae']['coverage.histogram_3']) == kept['scores']['coverage']['histogram'][3]
    assert rows['gan']['elbo.kl'] == ''
    assert rows['training images']['classifier'] == kept['conditions']['classifier']


def test_the_real_images_score_better_than_those_of_tiny_runs(evaluated):
    paths, _, _ = evaluated
    kept = result(paths['gan'])
    real, drawn = kept['references']['training images']['scores'], kept['scores']
    assert real['fid']['fid'] < drawn['fid']['fid']
    assert real['density_coverage']['coverage'] > drawn['density_coverage']['coverage']
    assert real['sharpness']['ratio'] == pytest.approx(1.0, abs=0.2)


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
    assert taken == [('training images', 'fid'), ('gan', 'fid')]
    assert call([path], '--metrics=fid', '--seed=1') == 0
    checkpoint = Run(path).load(print)
    Run(path).save(checkpoint | {'0000': checkpoint['0000'] + 1}, int(checkpoint['step']))
    assert call([path], '--metrics=fid', '--seed=1') == 0
    assert taken[2:] == [('gan', 'fid')]
    assert call([path], '--metrics=fid', '--seed=1', '--num_samples=201') == 0
    assert taken[3:] == [('training images', 'fid'), ('gan', 'fid')]
    assert '1.00' in capsys.readouterr().out


def test_an_interrupted_command_keeps_what_is_finished(evaluated, tmp_path, monkeypatch):
    paths, _, _ = evaluated
    path = shutil.copytree(paths['gan'], tmp_path / 'gan')
    (path / 'evaluation.json').unlink()
    numbers = {'fid': 1.0, 'mean': 2.0, 'std': 3.0}

    def measure(name, row):
        if row.run and name == 'kid':
            raise KeyboardInterrupt
        return numbers

    monkeypatch.setattr(scores, 'measure', measure)
    with pytest.raises(KeyboardInterrupt):
        call([path], '--metrics=fid,kid')
    assert result(path)['scores'] == {'fid': numbers}
    assert result(path)['references']['training images']['scores'].keys() == {'fid', 'kid'}


def test_the_real_images_scores_stand_in_every_run(evaluated, tmp_path):
    paths, _, _ = evaluated
    copies = [shutil.copytree(paths[name], tmp_path / name) for name in ('vae', 'gan')]
    kept = result(copies[1])
    del kept['references']
    (copies[1] / 'evaluation.json').write_text(json.dumps(kept))
    assert call(copies, '--metrics=sharpness') == 0
    found = result(copies[1])['references']
    assert found == result(copies[0])['references']
    assert found.keys() == {'training images', 'k-means centroids'}
    assert call(copies, '--metrics=sharpness', '--seed=1') == 0
    assert result(copies[1])['references'].keys() == {'training images'}


def test_a_lost_picture_is_drawn_again_and_a_damaged_result_is_written_anew(evaluated, tmp_path):
    paths, _, _ = evaluated
    path = shutil.copytree(paths['vae'], tmp_path / 'vae')
    (path / 'latent.png').unlink()
    (path / 'evaluation.json').write_text('{"scores": ')
    assert call([path], '--metrics=active_units,active_units') == 0
    assert result(path)['scores'].keys() == {'active_units'}
    (path / 'latent.png').unlink()
    assert call([path], '--metrics=active_units') == 0
    assert (path / 'latent.png').exists()


SCORE = {'conditions': {}, 'scores': {'fid': {'fid': 1.5}}, 'reasons': {}, 'references': {}}
NO_SHEETS = [
    {'scores': {'fid': {}}},
    {'scores': {'fid': {'fid': 'low'}}},
    {'scores': {'fid': 1.5}},
    {'scores': {'kid': [1, 2]}},
    {'scores': {'coverage': {'present': 1, 'kl': 0.0, 'sure': 1.0, 'histogram': [0]}}},
    {'scores': []},
    {'conditions': None},
    {'reasons': {'kid': ['odd']}},
    {'reasons': 'none'},
    {'references': []},
    {'references': {'test images': 3}},
    {'references': {'test images': {'conditions': {}, 'scores': {'fid': {}}, 'reasons': {}}}},
]


@pytest.mark.parametrize('changes', NO_SHEETS, ids=str)
def test_a_result_that_no_table_could_show_is_none(tmp_path, changes):
    (tmp_path / 'evaluation.json').write_text(json.dumps(SCORE))
    assert results.read(Run(tmp_path)) == SCORE
    (tmp_path / 'evaluation.json').write_text(json.dumps(SCORE | changes))
    assert results.read(Run(tmp_path)) == {}


def test_a_result_that_cannot_be_read_is_not_written_anew(tmp_path):
    (tmp_path / 'evaluation.json').symlink_to('evaluation.json')
    with pytest.raises(InputError, match='evaluation.json: cannot be read'):
        results.read(Run(tmp_path))


def refusal(*flags):
    with pytest.raises(InputError) as error:
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
    assert '.md or .csv' in refusal(run, '--out=table.txt', '--metrics=sharpness')
    assert 'from 100' in refusal(run, '--num_samples=10')


def test_scores_are_named_once_and_the_least_number_will_do(digits):
    assert evaluate.chosen('fid,kid,fid') == ['fid', 'kid']
    judge = judges.Judge(Thumbnails(), '', 1.0)
    measuring.check_number(['fid', 'kid'], judge, 100)
    Wide = type('Wide', (), {'output_shape': ((None, 128), (None, 10))})
    measuring.check_number(['fid'], judge._replace(look=Wide), 129)
    with pytest.raises(InputError, match='129'):
        measuring.check_number(['fid'], judge._replace(look=Wide), 128)


def test_data_lie_where_the_flag_or_else_the_run_says(tiny_runs, digits, monkeypatch):
    run, asked = Run(tiny_runs['vae']), []
    run.config = run.config | {'settings': run.config['settings'] | {'data_dir': 'a'}}
    monkeypatch.setattr(Run, 'check_data', lambda run, data_hash: None)
    monkeypatch.setattr(datasets, 'load', lambda *words: asked.append(words) or digits)
    measuring.load([run], 'b')
    measuring.load([run], None)
    assert asked == [('digits', 'b', None), ('digits', 'a', None)]


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
    return rows.Bench(data, judge, count, 0)


class Thumbnails:
    """What a judge looks with: features are every seventh pixel, probabilities follow them."""

    output_shape = ((None, 16), (None, 10))

    def predict(self, images, batch_size, verbose):
        features = np.asarray(images, np.float32)[:, ::7, ::7, 0].reshape(len(images), 16)
        parts = features[:, 3:13] + 1
        return features, parts / parts.sum(axis=1, keepdims=True)


def thumbnails(data, count=100, seed=0):
    return rows.Bench(data, judges.Judge(Thumbnails(), '', 1.0), count, seed)


def row_of(images, bench):
    return rows.Row('drawn', bench, lambda: rows.Pictures(images, bench.judge))


def reason(name, row):
    with pytest.raises(rows.NotApplicable) as error:
        scores.measure(name, row)
    return str(error.value)


def test_data_of_one_class_have_no_features_but_pixels(digits):
    bench = bench_of(digits._replace(class_names=('all',)))
    row = rows.Row('drawn', bench, lambda: bench.real)
    assert 'no classes' in reason('fid', row)
    assert scores.measure('sharpness', row) == {'ratio': 1.0}


def test_other_classes_cover_none_of_the_datas(digits):
    bench = bench_of(digits, Judged())
    with pytest.raises(rows.NotApplicable, match='not the data'):
        scores.coverage(rows.Row('drawn', bench, lambda: bench.real))


def test_a_row_of_too_few_images_and_numbers_that_are_none(digits, monkeypatch):
    bench = bench_of(digits)
    few = rows.Row('drawn', bench, lambda: rows.Pictures(digits.test_images[:99], None))
    assert '100' in reason('sharpness', few)
    row = rows.Row('drawn', bench, lambda: bench.real)
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
    assert result(path)['scores'].keys() == {'sharpness'}


def test_a_collapsed_row_has_precision_alone(digits):
    """One image with a little noise lies on the manifold, and the manifold not on it."""
    bench = thumbnails(digits)
    noise = np.random.default_rng(0).integers(0, 4, (100, 28, 28, 1))
    row = row_of((bench.real.images[:1] // 2 + 60 + noise).astype(np.uint8), bench)
    bench.real.images = bench.real.images // 2 + 60
    found = scores.measure('precision_recall', row)
    assert found['precision'] > 0.9
    assert found['recall'] < 0.1
    found = scores.measure('density_coverage', row)
    assert found['density'] > 0.1
    assert found['coverage'] < 0.1


def test_scores_of_the_real_images_themselves(digits):
    bench = thumbnails(digits)
    row = row_of(bench.real.images, bench)
    assert scores.measure('fid', row)['fid'] == pytest.approx(0.0, abs=1e-6)
    assert scores.measure('sharpness', row) == {'ratio': 1.0}
    known = row_of(bench.training(100).images, bench)
    assert scores.measure('duplicates', known)['pairs'] == 0
    twice = row_of(np.repeat(known.pictures.images[:50], 2, axis=0), bench)
    assert scores.measure('duplicates', twice)['pairs'] == 50
    half = row_of(bench.real.images // 2, bench)
    assert scores.measure('sharpness', half)['ratio'] == pytest.approx(0.25, abs=0.01)


def test_samples_are_compared_with_the_test_split_and_with_nothing_else(digits):
    bench = thumbnails(digits)
    known = {image.tobytes() for image in digits.test_images}
    assert all(image.tobytes() in known for image in bench.real.images)
    other = thumbnails(digits._replace(train_images=digits.train_images // 3))
    row, same = (row_of(digits.train_images[:100], b) for b in (bench, other))
    for name in ('fid', 'kid', 'precision_recall', 'density_coverage', 'sharpness'):
        assert scores.measure(name, row) == scores.measure(name, same)


@pytest.mark.parametrize('name', ['fid', 'kid', 'precision_recall', 'density_coverage'])
def test_a_hundred_test_images_are_the_least_to_compare_with(digits, name):
    few = digits._replace(test_images=digits.test_images[:99], test_labels=digits.test_labels[:99])
    bench = thumbnails(few)
    assert '99 test images' in reason(name, row_of(digits.train_images[:100], bench))


def test_the_table_says_how_many_images_stand_on_either_side():
    def lines(names, real):
        conditions = {'num_samples': 10000, 'test_images': real}
        found = {'conditions': conditions, 'scores': dict.fromkeys(['sharpness', 'fid', 'kid'])}
        return results.sides([('vae', found)], names)

    assert lines(['sharpness', 'elbo'], 360) == lines(['precision_recall'], 360) == []
    told = 'FID and its kin: 10,000 samples against 10,000 test images.'
    assert lines(['fid'], 10000) == ['', told]
    assert 'too high' in lines(['sharpness', 'kid'], 360)[2]


def test_classes_are_held_against_those_of_the_data(digits):
    bench = thumbnails(digits)
    found = scores.measure('coverage', row_of(bench.real.images, bench))
    expected = metrics.mode_coverage(bench.real.probabilities, digits.test_labels, 0.9)
    assert found == expected._asdict()


def test_the_seed_of_the_bench_reaches_kid(digits, monkeypatch):
    monkeypatch.setattr(metrics, 'kid', lambda real, fake, seed: (seed, 0.5))
    bench = thumbnails(digits, seed=7)
    assert scores.measure('kid', row_of(bench.real.images, bench)) == {'mean': 7, 'std': 0.5}


def test_copies_are_looked_for_among_the_images_a_run_was_trained_on(digits):
    bench = thumbnails(digits)
    seen = bench.training(200)
    copies = row_of(seen.images[:100], bench)
    copies.train_size = 200
    assert scores.measure('memorisation', copies) == {'ratio': 0.0, 'nearer': 1.0}
    known = {image.tobytes() for image in seen.images}
    unseen = [image for image in digits.train_images[:400] if image.tobytes() not in known]
    others = row_of(np.array(unseen[:100]), bench)
    others.train_size = 200
    assert scores.measure('memorisation', others)['ratio'] > 0.5


def test_sigma_is_chosen_on_images_that_are_not_scored(digits, monkeypatch):
    chosen, scored = [], []
    monkeypatch.setattr(metrics, 'choose_sigma', lambda _, held: chosen.extend(held) or 0.3)
    densities = np.arange(90.0)
    monkeypatch.setattr(
        metrics, 'parzen_log_densities', lambda _, test, sigma: scored.extend(test) or densities
    )
    bench = thumbnails(digits)
    found = scores.measure('parzen', row_of(bench.real.images, bench))
    assert (len(chosen), len(scored)) == (10, 90)
    every = sorted(image.tobytes() for image in bench.real.pixels)
    assert sorted(image.tobytes() for image in chosen + scored) == every
    assert bench.real.pixels.max() == 1.0
    assert found == {'nats': 44.5, 'error': pytest.approx(np.sqrt(90 * 91 / 12 / 90)), 'sigma': 0.3}


def test_nine_test_images_are_too_few_to_choose_sigma_by(digits):
    few = digits._replace(test_images=digits.test_images[:9], test_labels=digits.test_labels[:9])
    row = row_of(digits.train_images[:100], bench_of(few))
    assert '9 test images are too few, it takes 10' in reason('parzen', row)


def test_there_are_no_more_centroids_than_images(digits):
    few = digits._replace(train_images=digits.train_images[:5])
    assert bench_of(few).centroids.images.shape == (5, 28, 28, 1)


def test_centroids_are_images_near_the_data(digits):
    bench = thumbnails(digits)
    assert bench.centroids.images.shape == (10, 28, 28, 1)
    mean = digits.train_images.mean()
    assert bench.centroids.images.mean() == pytest.approx(mean, rel=0.3)


def test_a_run_is_scored_by_the_samples_of_the_benchs_seed(vae_row):
    model = vae_row.model
    np.testing.assert_array_equal(
        vae_row.pictures.images, drawing.draw(model, model.latents(100, vae_row.bench.seed))
    )
    other = rows.Bench(vae_row.bench.data, None, 100, 1)
    drawn = rows.RunRow(vae_row.run, vae_row.arrays, other, {}).pictures.images
    np.testing.assert_array_equal(drawn, drawing.draw(model, model.latents(100, 1)))


# Sheets


RESULT = {
    'conditions': {'seed': 0, 'num_samples': 200, 'test_images': 3000},
    'scores': {
        'fid': {'fid': 1.234},
        'coverage': {'histogram': [1, 3], 'present': 2, 'kl': 0.5, 'sure': 0.25},
    },
    'reasons': {'kid': 'they are few', 'elbo': 'they are few'},
}


def test_a_table_by_hand():
    names = ['coverage', 'fid', 'kid', 'elbo']
    empty = RESULT | {'scores': {}, 'reasons': {}}
    assert results.markdown([('a', RESULT), ('b', empty)], names, names) == (
        '| run | classes | class KL | sure (0.9) | share of each class (%) | FID |\n'
        '| --- | --- | --- | --- | --- | --- |\n'
        '| a | 2 | 0.500 | 25.0% | 25.0 75.0 | 1.23 |\n'
        '| b |  |  |  |  |  |\n'
        '\n'
        'FID and its kin: 200 samples against 3,000 test images.\n'
        '\n'
        'a: no kid, elbo: they are few.\n'
    )


def test_a_table_for_a_terminal_by_hand():
    empty = RESULT | {'scores': {}, 'reasons': {}}
    rows = [('a', RESULT), ('a-very-long-name-of-a-run', empty)]
    assert results.upright(rows, ['coverage', 'fid', 'kid'], []) == (
        'run                      a          a-very-long-name-of-a-run\n'
        'classes                  2          -\n'
        'class KL                 0.500      -\n'
        'sure (0.9)               25.0%      -\n'
        'share of each class (%)  25.0 75.0  -\n'
        'FID                      1.23       -\n'
        '\n'
        'FID and its kin: 200 samples against 3,000 test images.\n'
    )
    many = RESULT | {'scores': {'coverage': RESULT['scores']['coverage'] | {'histogram': [1] * 8}}}
    last = results.upright([('a', many)], ['coverage'], []).splitlines()[-2:]
    assert last == [
        'share of each class (%)  12.5 12.5 12.5 12.5 12.5',
        ' ' * 25 + '12.5 12.5 12.5',
    ]


def test_a_csv_by_hand():
    lines = results.comma_separated([('a', RESULT)], ['fid', 'coverage', 'kid']).splitlines()
    histogram = 'coverage.histogram_0,coverage.histogram_1'
    rest = 'coverage.present,coverage.kl,coverage.sure'
    sizes = 'num_samples,test_images'
    assert lines == [
        f'run,seed,{sizes},fid.fid,{histogram},{rest}',
        'a,0,200,3000,1.234,1,3,2,0.5,0.25',
    ]


def test_scores_are_revived_on_the_same_conditions_alone():
    assert results.revive(RESULT, RESULT['conditions'])['scores'] == RESULT['scores']
    assert results.revive(RESULT, {'seed': 1})['scores'] == {}
    assert results.revive(RESULT, {'seed': 0, 'step': 2})['scores'] == {}
    assert results.revive({}, {}) == {'conditions': {}, 'scores': {}, 'reasons': {}}
    assert results.revive(RESULT, {'seed': 0})['reasons'] == {}


def test_a_result_of_another_version_is_not_current():
    assert results.current({'conditions': {'version': scores.VERSION}})
    assert not results.current({'conditions': {'version': scores.VERSION - 1}})
    assert not results.current({})


# Likelihoods


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
    one = one_of(vae_row.model, vae_row.bench.real.images[0])
    weigh = likelihoods.compile_weigher(vae_row.model)
    weights = likelihoods.log_weights(vae_row.model, weigh, one, [0, -4], 30)
    monkeypatch.setattr(likelihoods, 'BATCH', 7)
    monkeypatch.setattr(likelihoods, 'DRAWS_A_CALL', 7)
    assert likelihoods.elbo(vae_row) == pytest.approx(before, rel=1e-5)
    again = likelihoods.log_weights(vae_row.model, weigh, one, [0, -4], 30)
    np.testing.assert_allclose(again, weights, rtol=1e-4)


def test_log_weights_average_to_the_elbo(vae_row):
    """Their mean estimates reconstruction and KL together, the KL there in closed form."""
    model = vae_row.model
    one = one_of(model, vae_row.bench.real.images[1])
    weigh = likelihoods.compile_weigher(model)
    weights = likelihoods.log_weights(model, weigh, one, [0, -4], 1000)
    draws = [model.terms(one.images, *model.infer(one.images, [1, i])) for i in range(60)]
    negative_elbo = np.mean([kl + error for kl, error in draws])
    assert -weights.mean() == pytest.approx(negative_elbo, rel=0.03)


def one_of(model, image):
    """A batch of one image."""
    return likelihoods.batch_of(model, image[None], np.zeros(1, int))


class Linear:
    """Pixels are standard normal codes plus standard normal noise, of which all is known."""

    value_range, variable_dtype = (0.0, 1.0), 'float32'

    def encode(self, batch):
        mean = tf.reshape(batch.images, [len(batch.images), 2]) / 2
        return mean, tf.fill(mean.shape, np.float32(np.sqrt(0.5)))

    def decode(self, codes, labels):
        return tf.reshape(codes, [-1, 2, 1, 1])

    def terms(self, images, logits, mean, std):
        squares = tf.reduce_sum((images - logits) ** 2, axis=[1, 2, 3])
        return None, squares / 2 + np.float32(np.log(2 * np.pi))


def test_with_the_exact_posterior_every_weight_is_the_likelihood():
    model, image = Linear(), np.array([[[255]], [[51]]], np.uint8)
    weigher = likelihoods.compile_weigher(model)
    weights = likelihoods.log_weights(model, weigher, one_of(model, image), [0, -4], 30)
    exact = stats.norm.logpdf([1.0, 0.2], scale=np.sqrt(2)).sum()
    np.testing.assert_allclose(weights, exact, rtol=1e-5)


class Codes:
    """A model whose codes are the same for every image, and beyond numbers where it is `sure`."""

    value_range, variable_dtype = (0.0, 1.0), 'float32'

    def __init__(self, sure=False):
        self.std = 0.0 if sure else 2.0

    def encode(self, batch):
        shape = len(batch.images), 5
        return np.full(shape, 3.0), np.full(shape, self.std)


def test_codes_are_drawn_from_the_posterior():
    images = np.zeros((1200, 28, 28, 1), np.uint8), np.zeros(1200, int)
    mean, std, codes = likelihoods.encode(Codes(), *images, 0)
    assert codes.mean() == pytest.approx(3.0, abs=0.1)
    assert codes.std() == pytest.approx(2.0, rel=0.03)
    np.testing.assert_array_equal(codes, likelihoods.encode(Codes(), *images, 0)[2])
    assert (codes != likelihoods.encode(Codes(), *images, 1)[2]).all()
    assert len(np.unique(codes)) > 5990
    assert np.isfinite(np.log(likelihoods.encode(Codes(sure=True), *images, 0)[1])).all()


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
    same = Codes()
    same.encode = lambda b: (np.zeros((len(b.images), 5)), np.ones((len(b.images), 5)))
    data = vae_row.bench.data
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
        asked.append((batch.images, tuple(seed), k))
        return np.log([1.0, 3.0 if len(asked) % 2 else 1.0])

    monkeypatch.setattr(likelihoods, 'BOUNDED', 10)
    monkeypatch.setattr(likelihoods, 'log_weights', log_weights)
    found = likelihoods.bound_of(vae_row, 2)
    assert found['nats'] == pytest.approx(-np.log(2) / 2)
    assert found['gap'] == pytest.approx((np.log(2) - np.log(3) / 2) / 2)
    assert found['error'] == pytest.approx(np.log(2) / 6)
    assert len({seed for _, seed, _ in asked}) == 10
    for image, _, k in asked:
        assert set(np.unique(image)) == {0.0, 1.0}
        assert k == 2


def test_the_bound_is_above_the_elbo_and_has_an_error(vae_row, cheap):
    found = likelihoods.bound(vae_row)
    assert found['gap'] > 0
    assert found['error'] > 0
    assert (found['k'], found['images']) == (60, 20)


def test_only_a_likelihood_is_bounded(vae_row, monkeypatch):
    monkeypatch.setattr(vae_row.model.settings, 'reconstruction', 'l2')
    for name in ('elbo', 'elbo_binarized', 'bound'):
        assert 'no likelihood' in reason(name, vae_row)


def test_a_model_with_log_prob_has_its_exact_likelihood(vae_row):
    class Flat(GenerativeModel):
        likelihood = 'levels'

        def log_prob(self, batch):
            seen.update(np.unique(batch.images))
            return np.full(len(batch.images), -784 * np.log(2), np.float32)

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
