"""What evaluate.py stands on: the judges, the rows and what they are scored by, the tables."""

import collections
import json
from types import SimpleNamespace

import numpy as np
import pytest

import datasets
import evaluate
import pictures
from evaluation import figures, measuring, metrics, points, results, rows, scores
from evaluation.metrics import distances
from runs.directory import Run
from support import backend, files
from support.errors import InputError
from support.files import read_arrays

tf, _ = backend.load_tensorflow()

from evaluation.judges import classifier as judges
from evaluation.judges import inception


@pytest.fixture(scope='module')
def digits():
    data = datasets.load('digits')
    images, labels = datasets.subset(data.train_images, data.train_labels, 3000)
    return data._replace(train_images=images, train_labels=labels)


# The classifier


def test_the_classifier_learns_digits_and_is_trained_once(digits, tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    monkeypatch.setattr(judges, 'EPOCHS', 4)
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


def test_images_on_disk_are_taught_once_an_epoch_each_with_its_label(monkeypatch):
    labels = np.arange(300)
    images, fitted = labels.reshape(-1, 1, 1, 1), []
    model = SimpleNamespace(fit=lambda *args, **options: fitted.append(args))
    judges.teach(model, images, labels)
    monkeypatch.setattr(datasets, 'IN_MEMORY', images.nbytes - 1)
    judges.teach(model, images, labels)
    assert fitted[0][0] is images and len(fitted[1]) == 1
    shown, epochs = fitted[1][0], []
    for _ in range(2):
        batches = [shown[i] for i in range(len(shown))]
        assert [len(batch) for _, batch in batches] == [128, 128, 44]
        assert all((batch.ravel() == own).all() for batch, own in batches)
        epochs.append(np.concatenate([own for _, own in batches]))
        shown.on_epoch_end()
    assert [sorted(epoch) for epoch in epochs] == [list(labels)] * 2
    assert not np.array_equal(*epochs) and not np.array_equal(epochs[0], labels)


def test_a_judge_looks_at_some_images_at_a_time():
    seen, images = [], np.arange(25).reshape(-1, 1)
    look = SimpleNamespace(predict=lambda x, **_: seen.append(len(x)) or (x, 2 * x))
    same, double = judges.look(judges.Judge(look, '', 1.0), images, batch=1)
    np.testing.assert_array_equal(same, images)
    np.testing.assert_array_equal(double, 2 * images)
    assert seen == [2] * 12 + [1]


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


def test_a_class_counts_as_drawn_where_the_judge_sees_what_was_asked_for(digits, monkeypatch):
    """A model that draws 4 in the place of 9, and 7 in that of 2: eight in ten are right."""
    asked = []

    def paint(model, count, seed, labels, drawing):
        asked.extend(labels)
        images = np.zeros((count, 28, 28, 1), np.uint8)
        for image, label in zip(images, labels, strict=True):
            place = 3 + {9: 4, 2: 7}.get(label, label)  # of the feature that tells the class
            image[7 * (place // 4), 7 * (place % 4)] = 255
        return images

    monkeypatch.setattr('runs.drawing.paint', paint)
    row = row_of(digits.test_images, thumbnails(digits, 200))
    assert reason('class_accuracy', row) == 'no class can be asked for'
    row.model, row.drawing = SimpleNamespace(given='labels', classes=10), {}
    found = scores.measure('class_accuracy', row)
    assert found == {'share': 0.8, 'error': pytest.approx(np.sqrt(0.16 / 199))}
    assert np.bincount(asked).tolist() == [20] * 10


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
    told = 'FID and similar scores: 10,000 samples against 10,000 test images.'
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
    found = scores.measure('memorisation', copies)
    assert found == {'ratio': 0.0, 'nearer': 1.0, 'error': 0.0}
    known = {image.tobytes() for image in seen.images}
    unseen = [image for image in digits.train_images[:400] if image.tobytes() not in known]
    others = row_of(np.array(unseen[:100]), bench)
    others.train_size = 200
    assert scores.measure('memorisation', others)['ratio'] > 0.5


def run_row(images, bench, place):
    """A row of a run in the directory `place`."""
    row = row_of(images, bench)
    row.run = Run(place)
    return row


def test_the_nearest_pairs_are_of_one_class_and_beside_real_ones(digits, tmp_path, monkeypatch):
    """Twice the same image in class 3, and in class 5 once more, a little darker."""
    drawn = []
    monkeypatch.setattr(figures, 'draw_pairs', lambda *words: drawn.append(words))
    kinds = np.full(100, 5)
    kinds[[10, 20, 30, 40]] = 3
    images = np.random.default_rng(0).integers(1, 255, (100, 28, 28, 1)).astype(np.uint8)
    images[20] = images[40]
    images[60] = images[40] - 1
    images[70] = images[60] + 2
    monkeypatch.setattr(rows.Pictures, 'classes', kinds)
    row = run_row(images, thumbnails(digits), tmp_path)
    assert scores.measure('pairs', row) == {'smallest_distance': 0.0}
    path, names, samples, real = drawn[0]
    assert (path, names) == (tmp_path / 'pairs.png', [digits.class_names[k] for k in (3, 5)])
    (same, zero, few), (others, distance, many) = samples
    np.testing.assert_array_equal(same, [images[40]] * 2)
    assert (zero, few, many) == (0.0, 4, 96)
    np.testing.assert_array_equal(np.sort(others, axis=0), images[[60, 70]])
    assert distance == pytest.approx(2 * 28 / 255)
    known = {image.tobytes() for image in row.bench.training(100).images}
    assert all(image.tobytes() in known for image in real[0][0])


def test_a_judge_of_other_classes_leaves_one_class(digits):
    assert rows.Pictures(digits.test_images[:3], None).classes.tolist() == [0, 0, 0]
    assert rows.Pictures(digits.test_images[:3], Judged()).classes.tolist() == [0, 0, 0]
    seen = rows.Pictures(digits.test_images[:50], thumbnails(digits).judge)
    np.testing.assert_array_equal(seen.classes, seen.probabilities.argmax(axis=1))


@pytest.mark.parametrize('name', ['memorisation', 'sharpness', 'parzen', 'pairs', 'neighbours'])
def test_scores_of_images_on_disk_are_those_of_images_in_memory(digits, monkeypatch, name):
    def measured():
        bench, drawn = thumbnails(digits), []
        row = row_of(digits.train_images[-100:], bench)
        row.run, row.train_size = SimpleNamespace(path=tmp), 2000
        for draw in 'draw_neighbours', 'draw_pairs':
            monkeypatch.setattr(figures, draw, lambda path, *told: drawn.extend(map(plain, told)))
        known = bench.training(2000)
        kinds = [type(known.images), type(known.pixels)]
        return scores.measure(name, row), drawn, kinds

    def plain(told):
        return repr(np.array(told) if isinstance(told, datasets.Selection) else told)

    tmp = datasets.cache_directory()  # nothing is written
    *expected, kinds = measured()
    assert kinds == [np.ndarray, np.ndarray]
    monkeypatch.setattr(datasets.selection, 'IN_MEMORY', 0)
    monkeypatch.setattr(points, 'IN_MEMORY', 0)
    monkeypatch.setattr(distances, 'TILE', 512)
    found, drawn, kinds = measured()
    assert kinds == [datasets.Selection, points.Points]
    assert found == pytest.approx(expected[0], rel=1e-9)
    assert drawn == expected[1]


def test_points_are_pixels_in_rows(digits):
    lazy, images = points.Points(digits.test_images), digits.test_images / np.float32(255)
    assert len(lazy) == 360 and lazy.shape == (360, 784) == np.shape(lazy)
    for key in (slice(3, 9), np.array([7, 7, 0]), digits.test_labels == 3):
        np.testing.assert_array_equal(lazy[key], images[key].reshape(-1, 784))
        assert lazy[key].dtype == np.float32
    np.testing.assert_array_equal(lazy[5], images[5].ravel())
    np.testing.assert_array_equal(lazy, images.reshape(360, 784))


@pytest.mark.parametrize('least', [0, 10**9])
def test_centres_are_found_whether_images_fit_or_not(monkeypatch, least):
    monkeypatch.setattr(datasets, 'IN_MEMORY', least)
    greys = np.random.default_rng(0).choice([51, 102, 204], 5000).astype(np.uint8)
    centres = rows.centres_of(np.tile(greys[:, None, None, None], (2, 2, 1)), 3, 0)
    expected = np.tile([[0.2], [0.4], [0.8]], 4)
    np.testing.assert_allclose(np.sort(centres, axis=0), expected, atol=1e-4)


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


def test_centroids_are_the_means_of_images_that_lie_together(digits):
    """Ten digits, each a little darker, as it is, and a little lighter."""
    middles = digits.test_images[:10].astype(int) // 2 + 60
    around = np.concatenate([middles + change for change in (-3, 0, 3)] * 20).astype(np.uint8)
    labels = np.zeros(len(around), int)
    bench = thumbnails(digits._replace(train_images=around, train_labels=labels))
    found = bench.centroids.images
    assert found.shape == (10, 28, 28, 1)
    apart = np.abs(found[:, None] - middles).max(axis=(2, 3, 4))
    assert (apart.min(axis=0) <= 1).all() and set(apart.argmin(axis=1)) == set(range(10))


def test_scores_are_named_once_and_the_least_number_will_do(digits):
    assert evaluate.chosen('fid,kid,fid') == ['fid', 'kid']
    judge = judges.Judge(Thumbnails(), '', 1.0)
    measuring.check_number(['fid', 'kid'], judge, 100)
    Wide = type('Wide', (), {'output_shape': ((None, 128), (None, 10))})
    measuring.check_number(['fid'], judge._replace(look=Wide), 129)
    with pytest.raises(InputError, match='129'):
        measuring.check_number(['fid'], judge._replace(look=Wide), 128)


# Pictures


def test_neighbours_stand_beside_their_sample_with_their_distances(tmp_path):
    samples, images = (np.full((n, 4, 4, 1), 0, np.uint8) for n in (2, 3))
    samples += np.array([10, 20], np.uint8).reshape(-1, 1, 1, 1)
    images += np.array([100, 150, 200], np.uint8).reshape(-1, 1, 1, 1)
    in_pixels = np.array([[1.0, 2.5], [0.25, 4.0]]), np.array([[2, 0], [1, 2]])
    in_features = np.array([[3.0], [5.125]]), np.array([[1], [0]])
    figures.draw_neighbours(tmp_path / 'a.png', samples, images, (in_pixels, in_features))
    first, second, third = images
    expected = pictures.table(
        ['1', '2'],
        ['sample', 'pixels 1', 'pixels 2', 'features 1'],
        [[samples[0], third, first, second], [samples[1], second, third, first]],
        [['', '1.00', '2.50', '3.00'], ['', '0.25', '4.00', '5.12']],
    )
    np.testing.assert_array_equal(pictures.load_png(tmp_path / 'a.png'), expected)


def test_pairs_stand_beside_real_ones_as_far_as_there_are_any(tmp_path):
    pair = np.full((2, 4, 4, 1), 10, np.uint8)
    samples = [(pair, 0.5, 1200), (pair + 1, 2.25, 7)]
    figures.draw_pairs(tmp_path / 'a.png', ['cat', 'dog'], samples, [None, (pair + 2, 3.0, 9)])
    expected = pictures.table(
        ['', ''],
        ['nearest samples', '', 'nearest training images', ''],
        [[*pair, None, None], [*(pair + 1), *(pair + 2)]],
        [
            ['cat: 0.50 apart', 'of 1,200', '', ''],
            ['dog: 2.25 apart', 'of 7', 'dog: 3.00 apart', 'of 9'],
        ],
    )
    np.testing.assert_array_equal(pictures.load_png(tmp_path / 'a.png'), expected)


def test_dimensions_of_codes_as_drawn(tmp_path, monkeypatch):
    """(4 + 1 - 0 - 1) / 2 = 2 nats and (0 + 1/4 + 2 log 2 - 1) / 2 = 0.318, the larger first."""
    canvases, canvas = [], figures.FigureCanvasAgg
    monkeypatch.setattr(
        figures, 'FigureCanvasAgg', lambda page: canvases.append(canvas(page)) or canvases[-1]
    )
    mean, std = np.array([[0.0, 2.0], [0.0, -2.0]]), np.array([[0.5, 1.0], [0.5, 1.0]])
    figures.draw_latent(tmp_path / 'a.png', mean, std)
    above, below = canvases[0].figure.axes
    heights = [bar.get_height() for bar in above.patches]
    assert heights == pytest.approx([2, 0.125 + np.log(2) - 0.5])
    means, both = (part.get_paths()[0].vertices for part in below.collections)
    assert means[:, 1].max() == 4 and both[:, 1].max() == 5
    assert dict(both[both[:, 0] == 2][:, ::-1]).keys() == {0.0, 0.25}
    assert [t.get_text() for t in below.get_legend().get_texts()] == [
        'variance of the mean', 'mean variance'
    ]  # fmt: skip
    drawn = pictures.load_png(tmp_path / 'a.png')
    np.testing.assert_array_equal(drawn, np.asarray(canvases[0].buffer_rgba())[..., :3])


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
        'FID and similar scores: 200 samples against 3,000 test images.\n'
        '\n'
        'a: no kid, elbo: they are few.\n'
    )


def test_errors_stand_in_the_cells_and_below_what_they_are():
    found = {
        'memorisation': {'ratio': 0.9651, 'nearer': 0.5312, 'error': 0.00913},
        'elbo': {'negative_elbo': 3.5, 'kl': 1.0, 'reconstruction': 2.5},
        'elbo_binarized': {
            'negative_elbo': 3.0, 'kl': 1.0, 'reconstruction': 2.0, 'bits_per_dimension': 0.25
        },
    }  # fmt: skip
    lines = results.markdown([('a', RESULT | {'scores': found})], found, []).splitlines()
    cells = '0.965 | 53.1% +- 0.9 | 3.50 = 1.00 + 2.50 (no likelihood) | 3.00 = 1.00 + 2.00 (0.2500'
    assert lines[2] == f'| a | {cells} bits/dim) |'
    assert lines[3:] == ['', scores.SCORES['memorisation'].note, scores.SCORES['elbo'].note]


@pytest.mark.parametrize('name', scores.SCORES)
def test_every_score_with_an_error_says_below_the_table_what_it_is(name):
    numbers = collections.defaultdict(lambda: 1.0, histogram=[1])
    cells = [show(numbers) for show in scores.SCORES[name].columns.values()]
    assert any('+-' in cell for cell in cells) == ('+-: standard ' in scores.SCORES[name].note)


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
        'FID and similar scores: 200 samples against 3,000 test images.\n'
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
