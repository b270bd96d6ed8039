"""The lessons on pixels that are asked one by one: what they answer, and what they see."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from harness import check_drawn, untrained_run
from scipy.stats import bernoulli

import datasets
from evaluation.likelihoods import binarized
from lessons import questions, sight
from models.shared.base import Batch
from support.errors import InputError

SMALL = {'blocks': 1, 'width': 0.2}


# Lesson 14


def model_of(logits):
    """A model whose logits (N, H, W, C) are a function of its images."""
    return SimpleNamespace(
        logits=lambda images, labels: logits(images),
        value_range=(0.0, 1.0),
        variable_dtype='float32',
    )


def test_surprise_is_that_of_the_pixel_under_the_probability_of_white():
    images = np.random.default_rng(0).integers(0, 2, (3, 28, 28, 1)) * np.uint8(255)
    data = SimpleNamespace(test_images=images, test_labels=np.zeros(3, int))
    logits = np.random.default_rng(1).normal(0, 3, (28, 28, 1))
    model = model_of(lambda seen: tf.constant(logits) + 0 * tf.cast(seen, 'float64'))
    found = questions.answer(model, data, np.array([2, 0]))
    np.testing.assert_array_equal(found.images, images[[2, 0]])
    white = 1 / (1 + np.exp(-logits))
    np.testing.assert_allclose(found.white, np.stack([white] * 2))
    for image, bits in zip(found.images, found.bits, strict=True):
        np.testing.assert_allclose(bits, -bernoulli.logpmf(image // 255, white) / np.log(2))


def test_what_is_measured_by_hand():
    """Of 20 numbers two make a tenth; a white column has edges at it and beside it."""
    images = np.zeros((1, 4, 5, 1), np.uint8)
    images[:, :, 0] = 255
    bits = np.zeros((1, 4, 5, 1))
    bits[0, 0, :, 0] = [8, 1, 1, 4, 2]
    greys = np.full((1, 4, 5, 1), 255, np.uint8)
    greys[0, 0, :2] = 51  # a fifth
    found = questions.Answers(np.array([0]), images, None, bits)
    [[nats, draw, tenth, at_edges, edges]] = questions.measure(found, greys)
    assert nats == pytest.approx(16 * np.log(2))
    assert draw == pytest.approx(-2 * (0.2 * np.log(0.2) + 0.8 * np.log(0.8)))
    assert (tenth, at_edges, edges) == pytest.approx((12 / 16, 9 / 16, 8 / 20))


def test_the_colour_of_a_neighbour_at_a_corner_makes_an_edge():
    image = np.zeros((2, 5, 5, 1), np.uint8)
    image[0, 2, 2] = 255
    expected = np.zeros((2, 5, 5, 1), bool)
    expected[0, 1:4, 1:4] = True
    np.testing.assert_array_equal(questions.at_edges(image), expected)


@pytest.fixture(scope='module')
def asked(tmp_path_factory):
    """(run, model) of a small PixelCNN before its first step."""
    place = tmp_path_factory.mktemp('asked') / 'pixelcnn'
    return untrained_run(
        place, 'pixelcnn', lambda model: model.last.kernel.assign(30 * model.last.kernel), **SMALL
    )


def test_questions_as_told_and_drawn(asked, saved, tmp_path, capsys):
    """The bits of an image add up to its log-likelihood; what is given stays in what is drawn."""
    run, model = asked
    out = tmp_path / 'figure.webp'
    words = [f'--runs={run.path}', '--numbers=5,3', '--rows=20', '--count=7', f'--out={out}']
    assert questions.main(['questions', *words]) == 0
    check_drawn(out, saved[0])
    heads, *told, place = capsys.readouterr().out.splitlines()
    assert place == str(out) and heads.split()[0] == 'run'
    assert [line.split()[1] for line in told] == ['5', '3', 'mean']
    places = np.reshape(saved[0].axes[:10], (2, 5))
    for line, row in zip(places, told, strict=False):
        image, white, bits = (axes.images[0].get_array() for axes in line[:3])
        batch = Batch(tf.constant(image[None, ..., None] / 255, tf.float32), tf.zeros([1]))
        nats = -model.log_prob(batch).numpy()[0]
        assert float(row.split()[2]) == pytest.approx(nats, abs=0.06)
        assert bits.sum() * np.log(2) == pytest.approx(nats, rel=1e-5)
        p = tf.sigmoid(model.logits(batch.images)).numpy()[0, ..., 0]
        np.testing.assert_allclose(white, 255 * p, atol=0.51)
        by_row = [bar.get_width() for bar in line[3].patches]
        np.testing.assert_allclose(by_row, bits.sum(axis=1))
        assert [bar.get_y() for bar in line[3].patches[:2]] == [-0.5, 0.5]
        completed = line[4].images[0].get_array().reshape(2, 28, 4, 28).swapaxes(1, 2)
        assert (completed[:, :, :20] == image[:20]).all()
        assert len(np.unique(completed[:, :, 20:].reshape(8, -1), axis=0)) == 8
    data = datasets.load('digits')
    images, _ = datasets.subset(binarized(data.test_images), data.test_labels, 7)
    nats = -model.log_prob(Batch(tf.constant(images / 255, tf.float32), tf.zeros([7])))
    assert float(told[2].split()[4]) == pytest.approx(np.mean(nats), abs=0.06)
    assert places[0, 3].get_xlim() == places[1, 3].get_xlim()


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--numbers=0,360'], '^--numbers=0,360: must be numbers of test images, 0 to 359'),
        (['--numbers='], '^--numbers=: must be numbers'),
        (['--rows=28'], '^--rows=28: must be from 1 to 27'),
    ],
)
def test_refusals_of_questions(asked, words, message):
    with pytest.raises(InputError, match=message):
        questions.main(['questions', f'--runs={asked[0].path}', *words])


def test_only_models_that_tell_white_pixel_by_pixel_are_asked(tmp_path):
    levels = untrained_run(tmp_path / 'levels', 'pixelcnn', pixels='levels', **SMALL)[0]
    other = untrained_run(tmp_path / 'vae', 'vae', variant='mlp')[0]
    for run in levels, other:
        with pytest.raises(InputError, match='asks no pixel whether it is white; name runs'):
            questions.main(['questions', f'--runs={run.path}'])


# Lesson 15


def reached(name, depth, side, place):
    """The earlier pixels that are seen, from the sizes of the kernels: (side, side) of booleans.

    The first layer sees three rows up and three columns on either side. Of r rows up, every later
    layer or state adds one column to the right only with one of these rows.
    """
    row, column = np.indices((side, side))
    up, right = place[0] - row, column - place[1]
    reach = 3 + depth
    seen = (up > 0) | (up == 0) & (right < 0)
    if name == 'PixelCNN':
        return seen & (up <= reach) & (right >= -reach) & (right <= np.minimum(up + 2, reach))
    if name == 'gated PixelCNN':
        return seen & (up <= reach) & (np.abs(right) <= reach)
    if name == 'Row LSTM':
        return seen & (right >= -reach - up) & (right <= up + 2)
    return seen & ~((up == 1) & (column == side - 1))


@pytest.mark.parametrize(('name', 'depth'), [*itertools.product(sight.KINDS, (1, 3))])
def test_what_is_seen_is_what_the_kernels_reach(name, depth):
    side, place = 20, (12, 8)
    states = sight.look(name, depth, side, place)
    expected = reached(name, depth, side, place)
    np.testing.assert_array_equal(states == sight.SEEN, expected)
    number = np.arange(side * side).reshape(side, side) - (place[0] * side + place[1])
    np.testing.assert_array_equal(states == sight.UNSEEN, (number < 0) & ~expected)
    np.testing.assert_array_equal(states == sight.LATER, number > 0)
    assert states[place] == sight.ITSELF
    assert sight.share(states) == pytest.approx(expected.sum() / (place[0] * side + place[1]))


def test_sight_as_told_and_drawn(saved, tmp_path, capsys, monkeypatch):
    """Near the corner of a small image every model sees all eight earlier pixels."""
    out = tmp_path / 'figure.webp'
    words = ['--depths=1,2', '--side=5', '--row=1', '--column=3', f'--out={out}']
    assert sight.main(['sight', *words]) == 0
    check_drawn(out, saved[0])
    heads, *told, place = capsys.readouterr().out.splitlines()
    assert place == str(out) and heads.split() == ['model', 'depth', '1', 'depth', '2']
    assert [line.split()[-4:] for line in told] == [['100.0', '%'] * 2] * 4
    places = np.reshape(saved[0].axes, (2, 4))
    assert [axes.get_title() for axes in places[1]] == [f'{name}: 100.0 %' for name in sight.KINDS]
    assert [axes.get_ylabel() for axes in places[:, 0]] == ['depth 1', 'depth 2']
    drawn = places[0, 0].images[0].get_array()
    assert drawn[1, 3].tolist() == [0, 0, 0]
    colours = [np.unique(part, axis=0).tolist() for part in (drawn[0], drawn[2:].reshape(-1, 3))]
    np.testing.assert_allclose(colours, [[[31 / 255, 119 / 255, 180 / 255]], [[0.88] * 3]])


def test_each_state_is_drawn_as_the_legend_says():
    page = sight.draw({'any': [np.arange(4).reshape(2, 2)]}, [5])
    drawn = page.axes[0].images[0].get_array().reshape(4, 3)
    assert page.axes[0].get_title() == 'any: 50.0 %'
    [legend] = page.legends
    told = {
        text.get_text(): patch.get_facecolor()[:3]
        for text, patch in zip(legend.get_texts(), legend.get_patches(), strict=True)
    }
    names = [*sight.COLOURS]
    assert [names[i] for i in (sight.SEEN, sight.UNSEEN)] == ['seen', 'not seen']
    np.testing.assert_allclose(drawn, [told[name] for name in names])
    assert len(np.unique(drawn, axis=0)) == 4


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--depths=1,x'], '^--depths=1,x: must be whole numbers from 1 to 100'),
        (['--depths=0'], '^--depths=0: must be whole numbers'),
        (['--row=28'], '^--row=28 --column=14: outside of 28 x 28 pixels'),
        (['--row=0', '--column=0'], 'no pixel comes before the first'),
    ],
)
def test_refusals_of_sight(words, message):
    with pytest.raises(InputError, match=message):
        sight.main(['sight', *words])
