"""The lesson on what fools a score."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

import datasets
import pictures
from evaluation.judges.classifier import Judge
from evaluation.rows import Bench
from lessons import fooled
from support.errors import InputError

STEPS = SimpleNamespace(steps=3, size=2.0, num_samples=40, seed=0)


def judge_of(weights):
    """A judge whose logits are linear in the pixels, which are its features too."""
    weights = tf.constant(weights, tf.float32)
    pixels = keras.Input([*weights.shape[:1], 1, 1])
    flat = keras.layers.Flatten()(pixels)
    head = keras.layers.Dense(weights.shape[1], 'softmax', use_bias=False)
    look = keras.Model(pixels, [flat, head(flat)])
    head.set_weights([weights])
    return Judge(look, '', 1.0)


def test_every_step_moves_each_pixel_towards_the_label_and_none_out_of_range():
    """The label 0 wants the first pixel lighter and the second darker, the label 1 the reverse."""
    images = np.reshape([100.0, 100.0, 252.0, 3.0], (2, 2, 1, 1)).astype(np.float32)
    judge = judge_of([[0.01, -0.01], [-0.01, 0.01]])
    one = fooled.climb(judge, images[:1], [0], STEPS)
    assert one.ravel().tolist() == [106, 94]
    other = fooled.climb(judge, images[1:], [0], STEPS)
    assert other.ravel().tolist() == [255, 0]
    reverse = fooled.climb(judge, images[:1], [1], STEPS)
    assert reverse.ravel().tolist() == [94, 106]


def test_nothing_is_repeated_but_one_image_of_each_class():
    data = datasets.load('digits')
    images = fooled.repeated(Bench(data, None, 45, 0))
    assert images.shape == (45, 28, 28, 1) and len(np.unique(images, axis=0)) == 10
    np.testing.assert_array_equal(images[10:20], images[:10])
    for label, image in enumerate(images[:10]):
        first = np.flatnonzero(data.test_labels == label)[0]
        np.testing.assert_array_equal(image, data.test_images[first])


def test_a_blur_keeps_the_light_of_an_image_and_spreads_it():
    images = np.zeros((2, 15, 15, 1), np.uint8)
    images[0, 7, 7] = 200
    soft = fooled.blurred(images, 1.0)
    assert soft.dtype == np.uint8 and not soft[1].any()
    assert soft[0, 7, 7, 0] == pytest.approx(200 / (2 * np.pi), abs=1)
    assert soft[0].sum() == pytest.approx(200, rel=0.15)  # whole grey values


def test_the_sets_are_scored_and_drawn(monkeypatch, tmp_path, capsys):
    """By a judge of one dense layer, which noise persuades at once."""
    random = np.random.default_rng(0)
    dense = keras.layers.Dense(10, 'softmax')
    pixels = keras.Input([28, 28, 1])
    features = keras.layers.AveragePooling2D(7)(keras.layers.Rescaling(1 / 255)(pixels))
    flat = keras.layers.Flatten()(features)
    look = keras.Model(pixels, [flat, dense(flat)])
    dense.set_weights([random.normal(size=(16, 10)) * 8, np.zeros(10)])
    monkeypatch.setattr(fooled, 'hire', lambda *names: Judge(look, '', 0.5))
    out = tmp_path / 'figure.png'
    command = ['fooled', f'--out={out}', '--num_samples=400', '--steps=30', '--size=20']
    assert fooled.main(command) == 0
    heads, *told, place = capsys.readouterr().out.splitlines()
    assert heads.split() == ' '.join(fooled.HEADS).split() and place == str(out)
    names = ['training images', 'one a class, repeated', 'noise, changed', 'blurred']
    assert [line.strip()[: len(n)] for line, n in zip(told, names, strict=False)] == names
    assert len(told) == 5
    assert pictures.load_png(out).shape[1] > 5 * 200
    by_name = {n: line.split(n)[1].split() for n, line in zip(names, told, strict=False)}
    real, noise, blurred = (by_name[name] for name in (names[0], names[2], names[3]))
    assert float(noise[0]) > float(real[0]) + 1 and float(noise[2]) > 10 * float(real[2])
    assert float(noise[1]) > max(0.7, float(real[1])) and float(blurred[6]) < float(real[6])


def test_data_of_one_class_are_refused(monkeypatch):
    data = datasets.load('digits')._replace(class_names=('all',))
    monkeypatch.setattr(datasets, 'load', lambda *names: data)
    with pytest.raises(InputError, match='^--dataset=digits: has no classes to judge by'):
        fooled.main(['fooled', '--out=outputs/none.png'])
