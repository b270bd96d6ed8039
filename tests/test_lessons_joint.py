"""The lesson on joint densities: posteriors that are known, and what is told and drawn of them."""

import math
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

import datasets
import pictures
from evaluation.judges.classifier import Judge
from lessons import figure, joint
from models.shared.base import GenerativeModel
from support.errors import InputError

WHITE = np.array([[0.9, 0.8], [0.2, 0.5]])  # p(white given y) of either pixel, a class a row
PRIOR = np.log([0.75, 0.25])
IMAGES = 255 * np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.uint8).reshape(4, 1, 2, 1)
CONDITIONAL = np.array([[0.02, 0.08, 0.18, 0.72], [0.4, 0.4, 0.1, 0.1]]).T  # by hand, (x, y)


class Known(GenerativeModel):
    """Two pixels that are independent, given the class."""

    given, likelihood = 'labels', 'binarized'

    def __init__(self):
        super().__init__((1, 2, 1), 2, None)

    def log_prob(self, batch):
        white = tf.gather(tf.constant(WHITE, tf.float32), batch.labels)
        x = tf.reshape(batch.images, [-1, 2])
        return tf.reduce_sum(tf.math.log(x * white + (1 - x) * (1 - white)), axis=1)


class Coded(Known):
    """The same as a model of codes, half of which turn the image round: z > 0 says whether."""

    log_prob = GenerativeModel.log_prob

    def encode(self, batch):
        shape = [len(batch.images), 1]
        return tf.zeros(shape), tf.ones(shape)

    def decode(self, codes, labels=None):
        white = tf.gather(tf.constant(WHITE, tf.float32), labels)
        turned = tf.where(codes > 0, 1 - white, white)
        return tf.reshape(tf.math.log(turned / (1 - turned)), [-1, 1, 2, 1])

    def terms(self, images, logits, mean, std):
        error = tf.nn.sigmoid_cross_entropy_with_logits(images, logits)
        return tf.zeros(len(images)), tf.reduce_sum(error, axis=[1, 2, 3])


def data_of(images, labels, classes=2):
    names = tuple(str(i) for i in range(classes))
    return datasets.Dataset(images, labels, images, labels, names)


def test_densities_of_a_known_model():
    found = joint.conditionals(Known(), IMAGES, codes=1)
    np.testing.assert_allclose(np.exp(found), CONDITIONAL, rtol=1e-6)


def test_the_posterior_is_bayes_rule():
    found = np.exp(joint.posterior(np.log(CONDITIONAL), PRIOR))
    black = 0.75 * 0.02 / (0.75 * 0.02 + 0.25 * 0.4)
    assert found[0, 0] == pytest.approx(black)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    white = 0.75 * 0.72 / (0.75 * 0.72 + 0.25 * 0.1)
    assert found[3, 0] == pytest.approx(white)


def test_a_bound_of_many_codes_is_the_mean_over_codes():
    """Half of the codes turn each pixel's probability round, the other half do not."""
    turned = CONDITIONAL[::-1]  # white where it was black
    found = joint.conditionals(Coded(), IMAGES, codes=4000)
    np.testing.assert_allclose(np.exp(found), (CONDITIONAL + turned) / 2, rtol=0.03)


def test_classes_of_an_image_share_their_codes():
    """With one code the bound is the density of one of both ways round, the same for all y."""
    found = np.exp(joint.conditionals(Coded(), IMAGES, codes=1))
    ways = np.stack([CONDITIONAL, CONDITIONAL[::-1]])
    for i in range(4):
        errors = np.abs(ways[:, i] - found[i]).max(axis=1)
        assert errors.min() < 1e-6


def test_counted_pixels_by_hand():
    """One white and one black image stand before two of class 0 and one of class 1."""
    images = np.array([[255, 0], [255, 51], [0, 0]], np.uint8).reshape(3, 1, 2, 1)
    found = joint.independent(data_of(images, np.array([0, 0, 1])), IMAGES[2:3])
    left, right = np.array([3 / 4, 1 / 3]), np.array([1.2 / 4, 1 / 3])
    np.testing.assert_allclose(np.exp(found), [left * (1 - right)])


def test_shares_of_classes():
    found = joint.log_shares(data_of(IMAGES, np.array([0, 0, 1, 0])))
    np.testing.assert_allclose(found, PRIOR)


def test_a_row_by_hand():
    told = joint.row('known', np.log(CONDITIONAL)[:2], PRIOR, np.array([0, 0]))
    alone = -np.mean(np.log([0.75 * 0.02 + 0.25 * 0.4, 0.75 * 0.08 + 0.25 * 0.4]))
    own = -np.mean(np.log([0.02, 0.08]))
    assert told[:3] == ['known', '2', '2']
    assert told[3:] == pytest.approx([own, alone, alone - own])
    assert joint.row('known', np.log(CONDITIONAL)[2:], PRIOR, np.array([0, 1]))[1] == '1'


def test_the_prior_can_decide():
    """Equal densities: the class with the larger share wins."""
    assert joint.row('even', np.zeros([3, 2]), PRIOR[::-1], np.array([1, 1, 0]))[1] == '1'


def test_examples_are_the_ends_of_right_and_wrong():
    known = np.log([[0.9, 0.1], [0.6, 0.4], [0.45, 0.55], [0.2, 0.8], [0.01, 0.99], [0.3, 0.7]])
    labels = np.array([0, 0, 0, 1, 0, 0])
    assert joint.examples(known, labels) == [0, 1, 2, 4]
    np.testing.assert_allclose(joint.lead(known, labels)[:1], [math.log(9)])
    assert joint.examples(known[:2], labels[:2]) == [0, 1]
    assert joint.examples(known[:1], labels[:1]) == [0]
    assert joint.examples(known[4:5], labels[4:5]) == [4 - 4]


class Shaded(GenerativeModel):
    """Draws what it is asked for: a label as a grey value."""

    given, columns = 'labels', 10

    def latents(self, count, seed, given=None):
        return tf.cast(given, tf.float32)

    def sample(self, latents):
        return latents[:, None, None, None] / 255 * tf.ones([28, 28, 1])


def test_a_class_stands_in_each_column_of_the_samples():
    found = joint.by_class(Shaded((28, 28, 1), 3, None), data_of(IMAGES, np.zeros(4, int)))
    cells = pictures.cells(found, 28, 28)
    assert [cell.max() for cell in cells] == [0, 1, 2] * 5


# The command


@pytest.fixture
def made(monkeypatch):
    """Runs by name: the known model, one of codes, and models that have no such densities."""
    blind = type('Blind', (GenerativeModel,), {'given': 'labels'})((1, 2, 1), 2, None)
    levels = type('Levels', (Known,), {'likelihood': 'levels'})()
    alone = type('Alone', (Known,), {'given': None})()
    models = {'known': Known(), 'coded': Coded(), 'blind': blind, 'levels': levels, 'alone': alone}
    runs = {
        name: SimpleNamespace(
            path=Path(name), config={'model': name, 'settings': {'dataset': 'two'}}
        )
        for name in models
    }
    monkeypatch.setattr(joint, 'checkpoint', lambda run: None)
    monkeypatch.setattr(joint, 'restore', lambda run, arrays: models[run.path.name])
    monkeypatch.setattr(joint.directory, 'open_run', runs.get)
    monkeypatch.setattr(
        joint.directory, 'open_runs', lambda names: [runs[name] for name in names.split(',')]
    )
    monkeypatch.setattr(joint, 'by_class', lambda model, data: np.full([20, 40, 1], 7, np.uint8))
    return runs


def judge():
    """A classifier that says 1 of light images."""
    pixels = keras.Input([1, 2, 1])
    flat = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(pixels))
    head = keras.layers.Dense(2, 'softmax')
    look = keras.Model(pixels, [flat, head(flat)])
    head.set_weights([np.array([[0.0, 9.0], [0.0, 9.0]]), np.array([0.0, -9.0 + 1e-3])])
    return Judge(look, '', 1.0)


def test_runs_are_told_and_drawn(made, monkeypatch, tmp_path, capsys):
    """All four images, ten of each, of which three in four are of class 0."""
    images = np.repeat(IMAGES, 10, axis=0)
    labels = np.tile([0, 0, 1, 0], 10)
    pages, save, paint = [], figure.save, joint.paint
    data = data_of(255 - images, labels)  # what is drawn of them is told apart from them
    monkeypatch.setattr(joint, 'load', lambda runs, place: (data, 'hash'))
    monkeypatch.setattr(joint, 'binarized', lambda images: 255 - images)
    monkeypatch.setattr(joint, 'hire', lambda *words: judge())
    monkeypatch.setattr(figure, 'save', lambda path, page: pages.append(page) or save(path, page))
    taller = lambda shown, images, labels: paint(shown, images.repeat(2, axis=1), labels)  # noqa: E731
    monkeypatch.setattr(joint, 'paint', taller)  # a single row of pixels is no picture
    out = tmp_path / 'figure.png'
    command = ['joint', '--runs=known,coded', '--marginal=alone', f'--out={out}', '--codes=2']
    assert joint.main(command) == 0
    _, naive, known, coded, marginal, grey, white, place = capsys.readouterr().out.splitlines()
    both = np.repeat(np.log(CONDITIONAL), 10, axis=0) + PRIOR
    wrong = np.sum(both.argmax(axis=1) != labels)
    nats = -np.log(np.exp(both).sum(axis=1)).mean()
    assert known.split()[:3] == ['KNOWN', str(wrong), '40'] and naive.split()[0] == 'independent'
    assert float(known.split()[4]) == pytest.approx(nats, abs=2e-3)
    assert coded.split()[0] == 'CODED' and place == str(out)
    assert marginal.split()[:4] == ['alone', '-', '-', '-']
    alone = -np.repeat(np.log(CONDITIONAL[:, 0]), 10).mean()
    assert float(marginal.split()[4]) == pytest.approx(alone, abs=2e-3)
    light, dark = np.repeat([0, 1, 1, 1], 10), np.repeat([1, 1, 1, 0], 10)
    assert grey.split()[:3] == ['classifier,', 'grey', str(np.sum(dark != labels))]
    assert white.split()[-5:-3] == [str(np.sum(light != labels)), '40']
    check_line(pages[0].subfigs[0], both - np.log(np.exp(both).sum(axis=1))[:, None], labels)
    assert pictures.load_png(out).shape[1] > 1000


def check_line(part, known, labels):
    """Every bar is log p(y given x) of an image, the last of one that is told wrongly."""
    assert part.get_suptitle() == 'KNOWN'
    bars = [axes for axes in part.axes if axes.patches]
    rows = joint.examples(known, labels)
    assert len(bars) == len(rows) == 4
    for axes, row in zip(bars, rows, strict=True):
        heights = [bar.get_height() for bar in axes.patches]
        np.testing.assert_allclose(heights, known[row], rtol=1e-5)
    titles = [axes.get_title() for axes in part.axes if axes.images]
    row = rows[-1]
    assert f'a {labels[row]}, told as {1 - labels[row]}' in titles
    assert titles[-1] == 'samples by class'


@pytest.mark.parametrize('name', ['blind', 'levels', 'alone'])
def test_models_without_such_a_density_are_refused(name, made, monkeypatch):
    monkeypatch.setattr(joint, 'load', lambda runs, place: (None, 'hash'))
    with pytest.raises(InputError, match=f'^{name}: no p.x given y. of black and white pixels'):
        joint.main(['joint', f'--runs={name}', '--out=outputs/none.png'])


def test_a_marginal_that_is_given_labels_is_refused(made):
    with pytest.raises(InputError, match='^--marginal=known: no p.x. of black and white pixels'):
        joint.marginal(made['known'], IMAGES, 1)
