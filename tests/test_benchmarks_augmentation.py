"""The benchmark of classifiers that are trained on generated images."""

import csv

import numpy as np
import pytest

import datasets
from benchmarks import augmentation
from support.errors import InputError


@pytest.fixture(autouse=True)
def few(monkeypatch, tmp_path):
    """Few steps, few images, a file of its own."""
    monkeypatch.setattr(augmentation, 'RESULTS', tmp_path / 'rows.csv')
    monkeypatch.setattr(augmentation, 'STEPS', 15)
    monkeypatch.setattr(augmentation, 'DRAWN', 300)


def rows():
    with open(augmentation.RESULTS, newline='') as file:
        return list(csv.DictReader(file))


def test_rows_that_stand_in_the_file_are_not_made_again(monkeypatch, capsys):
    calls = []

    def errors(data, size, way, seed, run):
        calls.append((size, way, seed, run))
        return 10 * size + seed

    monkeypatch.setattr(augmentation, 'errors', errors)
    monkeypatch.setattr(augmentation, 'gan', lambda settings, size: f'gan of {size}')
    command = ['augmentation', '--sizes=64,100', '--seeds=3']
    augmentation.main(['augmentation', '--sizes=100', '--seeds=2'])
    augmentation.main(command)
    assert len(calls) == len(set(calls)) == 2 * 3 * 3
    generated = augmentation.WAYS[2]
    assert {run for _, way, _, run in calls if way != generated} == {None}
    assert {(size, run) for size, way, _, run in calls if way == generated} == {
        (64, 'gan of 64'),
        (100, 'gan of 100'),
    }
    assert {row['of'] for row in rows()} == {'360'}
    assert '| 64 | 641 (640 to 642) | 641 (640 to 642) |' in capsys.readouterr().out


def test_half_of_what_a_classifier_sees_is_generated_and_has_its_labels(monkeypatch):
    asked = {}

    def sample(run, count, seed, labels):
        asked.update(run=run, seed=seed, labels=labels)
        return np.full((count, 28, 28, 1), 7, np.uint8)

    monkeypatch.setattr(augmentation.runs, 'sample', sample)
    data = datasets.load('digits')
    real, labels = datasets.subset(data.train_images, data.train_labels, 64)
    images, told = augmentation.with_generated(real, labels, 'run', 5, 10)
    assert len(images) == len(told) == 600 and (asked['run'], asked['seed']) == ('run', 5)
    np.testing.assert_array_equal(images[:64], real)
    np.testing.assert_array_equal(told[:64], labels)
    np.testing.assert_array_equal(images[64:128], real)
    assert (images[300:] == 7).all() and np.bincount(told[300:]).tolist() == [30] * 10
    np.testing.assert_array_equal(told[300:], asked['labels'])


def test_a_classifier_learns_and_other_seeds_learn_otherwise(monkeypatch):
    """Of 360 digits chance gets 324 wrong."""
    data = datasets.load('digits')
    alone, moved = augmentation.WAYS[:2]
    one, again, other = (augmentation.errors(data, 1000, alone, s, None) for s in (0, 0, 1))
    assert one == again and max(one, other) < 200
    monkeypatch.setattr(augmentation, 'STEPS', 1)
    assert augmentation.errors(data, 1000, moved, 0, None) > 250


def test_wrong_numbers_of_images_are_refused():
    for words in ('10', '100,ten', '10000000'):
        with pytest.raises(InputError, match=f'^--sizes={words}: must be whole numbers from 64'):
            augmentation.main(['augmentation', f'--sizes={words}'])
