"""The lesson on families: every model in the tree, and the numbers of runs."""

import math
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import datasets
import pictures
from evaluation.judges.classifier import Judge
from lessons import families, figure, probe
from models.shared import declarations
from models.shared.base import GenerativeModel
from support.errors import InputError

SMALL = {'a': {'b': ('x', 'y'), 'c': {'d': ('z',), 'e': 'none'}}, 'f': {'g': ('w',)}}


# The tree


def test_every_model_stands_in_the_tree_once():
    found = [leaf for _, leaf in families.leaves(families.TREE) if not isinstance(leaf, str)]
    assert sorted(sum(found, ())) == declarations.names()


def test_families_are_names_of_leaves():
    told = {name: families.family_of(name) for name in ('pixelrnn', 'cvae', 'wgan', 'ae', 'other')}
    assert told == {
        'pixelrnn': 'tractable',
        'cvae': 'variational',
        'wgan': 'direct',
        'ae': 'no density',
        'other': None,
    }


def test_a_node_stands_in_the_middle_of_its_leaves(monkeypatch):
    monkeypatch.setattr(families, 'TREE', SMALL)
    assert families.positions() == {
        ('a',): (0, 1),
        ('a', 'b'): (1, 0),
        ('a', 'c'): (1, 1.5),
        ('a', 'c', 'd'): (2, 1),
        ('a', 'c', 'e'): (2, 2),
        ('f',): (0, 3),
        ('f', 'g'): (1, 3),
    }


def test_the_tree_as_drawn(monkeypatch):
    monkeypatch.setattr(families, 'TREE', SMALL)
    [axes] = families.paint({}).axes
    told = {text.get_text(): text.get_position() for text in axes.texts}
    assert {**told}.keys() == {*'abcdefg', 'x, y', 'z', 'none', 'w'}
    assert told['c'] == (1, 1.5) and told['x, y'][1] == 0 and told['z'][1] == told['d'][1] == 1
    solid = [line.get_xydata().tolist() for line in axes.lines if line.get_linestyle() == '-']
    assert [[1, 1.5], [2, 2]] in solid and len(solid) == 5


def test_without_runs_the_tree_is_drawn_and_told(tmp_path, capsys):
    out = tmp_path / 'tree.png'
    assert families.main(['families', f'--out={out}']) == 0
    *told, place = capsys.readouterr().out.splitlines()
    assert place == str(out) and any('vae, cvae' in line for line in told)
    shown = pictures.load_png(out).min(axis=2)
    assert np.mean(shown < 160) > 0.01
    edges = np.concatenate([shown[:3].ravel(), shown[-3:].ravel(), shown[:, :3].ravel()])
    assert edges.min() > 200 and shown[:, -3:].min() > 200  # nothing is cut off


# The numbers of a run


def test_the_best_known_nats_of_black_and_white_pixels():
    exact = {'log_likelihood': {'nats': 80.0, 'levels': 2}}
    bound = {'bound': {'nats': 85.0, 'levels': 2}}
    elbo = {'elbo_binarized': {'negative_elbo': 90.0}}
    grey = {'log_likelihood': {'nats': 600.0, 'levels': 256}}
    assert families.nats(elbo | bound | exact, None) == (80.0, 'exact')
    assert families.nats(elbo | bound, None) == (85.0, 'bound')
    assert families.nats(elbo, 'labels') == (90.0, 'ELBO, given y')
    assert families.nats(grey | elbo, None) == (90.0, 'ELBO')
    assert families.nats(grey, None) == families.nats({}, None) == (None, None)


def test_the_drawing_that_compiles_is_not_timed(monkeypatch):
    drawn, clock = [], iter(np.cumsum([0, 9, 1, 1, 1, 5, 1, 2]))
    monkeypatch.setattr(families, 'draw', lambda model, latents: drawn.append(latents) or 'images')
    monkeypatch.setattr(families.time, 'perf_counter', lambda: next(clock))
    model = SimpleNamespace(given=None, latents=lambda count, seed: (count, seed))
    assert families.time_drawing(model, None) == ('images', 2)  # of 1, 5 and 2, after 9
    assert drawn == [(64, 0)] * 4


def test_minutes_and_parameters_by_hand():
    run = SimpleNamespace(rows=lambda: [{'seconds': '30.0'}, {'seconds': '60'}])
    assert families.minutes(run) == 1.5
    model = keras.Sequential([keras.Input([3]), keras.layers.Dense(2)])
    model.add(keras.layers.BatchNormalization())
    assert families.parameters(model) == 3 * 2 + 2 + 2 * 2  # no moving averages


# The probe


def shades(count, classes=2):
    """Images 2x2 whose grey tells their class, in the order of the classes."""
    labels = np.repeat(np.arange(classes), count)
    noise = np.random.default_rng(0).integers(0, 20, (len(labels), 2, 2, 1))
    return (100 * labels[:, None, None, None] + noise).astype(np.uint8), labels


def data_of(count, names=('dark', 'light')):
    images, labels = shades(count)
    return datasets.Dataset(images, labels, images[::-1], labels[::-1], names)


def test_a_probe_sees_ten_images_of_each_class_and_tells_the_shades():
    seen = []
    found = probe.accuracies(lambda x: seen.append(len(x)) or probe.pixels(x), data_of(50))
    assert found == [1, 1, 1] and seen == [100, 20, 20, 20]


@pytest.mark.parametrize('unit', [1e-6, 1e6])
def test_a_probe_has_no_unit(unit):
    """The classes touch, so that it takes more than the smallest weights."""
    noise = np.random.default_rng(1)

    def see(images):
        said = np.where(images.mean(axis=(1, 2, 3)) > 60, 1.0, -1.0)[:, None]
        return unit * (said + noise.normal(scale=0.3, size=said.shape))

    assert min(probe.accuracies(see, data_of(200))) > 0.98


def test_what_hardly_varies_does_not_hide_the_class():
    noise = np.random.default_rng(1)

    def see(images):
        said = images.mean(axis=(1, 2, 3))[:, None] / 255
        return np.concatenate([said, noise.normal(scale=0.02, size=[len(images), 300])], axis=1)

    assert min(probe.accuracies(see, data_of(200))) > 0.98


def test_a_probe_of_nothing_guesses():
    noise = np.random.default_rng(1)
    found = probe.accuracies(lambda x: noise.normal(size=(len(x), 3)), data_of(1000))
    assert found == pytest.approx([0.5] * 3, abs=0.12)


class Coded(GenerativeModel):
    """Its code is the first pixel, its feature the last."""

    def encode(self, batch):
        return batch.images[:, 0, 0], batch.images[:, 0, 0] * 0

    def features(self, images):
        return images[:, -1, -1]


class Told(Coded):
    given = 'labels'


def test_mean_codes_come_before_features_and_nothing_where_the_label_is_told():
    images, _ = shades(600)  # more than a batch
    model = Coded((2, 2, 1), 2, None)
    np.testing.assert_allclose(probe.sight(model)(images), images[:, 0, 0] / 255, rtol=1e-6)
    kind = type('Seeing', (GenerativeModel,), {'features': Coded.features})
    found = probe.sight(kind((2, 2, 1), 2, None))(images)
    np.testing.assert_allclose(found, images[:, -1, -1] / 255, rtol=1e-6)
    for other in (Told, GenerativeModel):
        assert probe.sight(other((2, 2, 1), 2, None)) is None


# The command


def test_runs_are_told_and_shown(monkeypatch, tmp_path, capsys):
    """A made-up run of a VAE on digits, whose code is a pixel that is black in all of them."""
    data, out, pages = datasets.load('digits'), tmp_path / 'figure.png', []
    pixels = keras.Input([28, 28, 1])
    flat = keras.layers.Flatten()(keras.layers.AveragePooling2D(7)(pixels))
    judge = Judge(keras.Model(pixels, [flat, keras.layers.Dense(10, 'softmax')(flat)]), '', 0.5)
    run = SimpleNamespace(path=Path('vae'), rows=lambda: [{'seconds': '90'}])
    run.config = {'model': 'vae', 'settings': {'dataset': 'digits'}}
    scores = {'fid': {'fid': 12.5}, 'bound': {'nats': 99.5, 'levels': 2}}
    samples = np.arange(64, dtype=np.uint8)[:, None, None, None] * np.ones([28, 28, 1], np.uint8)
    found = [('training images', {}), ('my-vae', {'scores': scores})]
    for name, value in {
        'load': lambda runs, place: (data, 'hash'),
        'evaluate': lambda *words, **options: found,
        'hire': lambda *words: judge,
        'checkpoint': lambda run: None,
        'restore': lambda run, arrays: Coded((28, 28, 1), 10, None),
        'time_drawing': lambda model, images: (samples, 0.25),
    }.items():
        monkeypatch.setattr(families, name, value)
    monkeypatch.setattr(families.directory, 'open_runs', lambda paths: [run])
    monkeypatch.setattr(figure, 'save', lambda path, page: pages.append(page))
    monkeypatch.setattr(probe, 'DRAWS', 1)
    assert families.main(['families', '--runs=vae', '--num_samples=300', f'--out={out}']) == 0
    heads, grey, white, own = (line.split() for line in capsys.readouterr().out.splitlines())
    assert own == ['my-vae', 'variational', '99.5', 'bound', '12.5', '0.25', '1.5', '0', *own[8:]]
    assert float(own[8]) < 30 < float(grey[9]) and float(white[8]) > 30  # a black pixel, all pixels
    assert grey[:2] == ['training', 'images'] and float(grey[5]) < float(white[4])
    _, shown, *_ = pages[0].axes
    assert shown.get_title() == 'my-vae: variational'
    np.testing.assert_array_equal(shown.images[0].get_array(), pictures.grid(samples[:16])[..., 0])
    assert math.isfinite(float(white[4])) and heads[0] == 'run'


def test_data_of_one_class_are_refused(monkeypatch):
    data = data_of(10, names=('all',))
    monkeypatch.setattr(families.directory, 'open_runs', lambda paths: [SimpleNamespace(path='r')])
    monkeypatch.setattr(families, 'load', lambda runs, place: (data, 'hash'))
    with pytest.raises(InputError, match='^r: its data have no classes to judge by'):
        families.main(['families', '--runs=r', '--out=outputs/none.png'])
