import json
import math
import shutil

import numpy as np
import pytest

import console
import datasets
import evaluate
from metrics.mode_coverage import mode_coverage
from runs import Run

console.load_tensorflow()

from metrics import classifier as judge  # noqa: E402


def one_hot(classes, count):
    return np.eye(count)[classes]


def test_coverage_of_two_classes_in_three_by_hand():
    scores = mode_coverage(one_hot([0, 0, 1], 3), np.array([0, 1, 2]))
    assert scores.histogram == [2, 1, 0]
    assert scores.present == 2
    assert scores.kl == pytest.approx(2 / 3 * math.log(2))
    assert scores.sure == 1.0


def test_samples_that_follow_the_data_have_no_divergence():
    labels = np.array([0, 0, 0, 1, 2, 2])
    assert mode_coverage(one_hot(labels, 3), labels).kl == pytest.approx(0.0)
    uneven = mode_coverage(one_hot([0, 1, 2], 3), labels)
    assert uneven.kl == pytest.approx(math.log(4 / 3) / 3)


def test_a_single_class_diverges_by_the_log_of_their_number():
    scores = mode_coverage(one_hot([3] * 50, 10), np.arange(10))
    assert (scores.present, scores.kl) == (1, pytest.approx(math.log(10)))


def test_sure_counts_from_the_confidence_on():
    probabilities = np.array([[0.9, 0.1], [0.89, 0.11], [0.2, 0.8], [0.05, 0.95]])
    assert mode_coverage(probabilities, np.array([0, 1])).sure == 0.5
    assert mode_coverage(probabilities, np.array([0, 1]), confidence=0.85).sure == 0.75


def test_a_class_is_present_from_its_share_on():
    classes = [0] * 990 + [1] * 10
    assert mode_coverage(one_hot(classes, 2), np.array([0, 1])).present == 2
    assert mode_coverage(one_hot([*classes, 0], 2), np.array([0, 1])).present == 1


@pytest.fixture(scope='module')
def digits():
    data = datasets.load('digits')
    images, labels = datasets.subset(data.train_images, data.train_labels, 3000)
    return data._replace(train_images=images, train_labels=labels)


def test_the_classifier_learns_digits_and_is_trained_once(digits, tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    first, accuracy = judge.classifier(digits, 'hash')
    assert accuracy > 0.9
    monkeypatch.setattr(judge, 'train', None)
    second, again = judge.classifier(digits, 'hash')
    assert again == accuracy
    shown = digits.test_images[:20]
    np.testing.assert_array_equal(
        judge.probabilities(first, shown), judge.probabilities(second, shown)
    )


def test_probabilities_sum_to_one_and_do_not_depend_on_the_batch(digits):
    model = judge.network((28, 28, 1), 10)
    together = judge.probabilities(model, digits.test_images[:30])
    np.testing.assert_allclose(together.sum(axis=1), 1.0, rtol=1e-5)
    apart = judge.probabilities(model, digits.test_images[:30], batch=7)
    np.testing.assert_allclose(apart, together, atol=1e-6)


def test_evaluate_writes_scores_and_prints_a_row_a_run(tiny_runs, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(judge, 'EPOCHS', 1)
    paths = [shutil.copytree(path, tmp_path / name) for name, path in tiny_runs.items()]
    words = f'--runs={",".join(map(str, paths))}'
    assert evaluate.main(['evaluate.py', words, '--num_samples=200']) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith('| ')]
    assert [row.split('|')[1].strip() for row in rows[2:]] == ['test images', *tiny_runs]
    for path in paths:
        scores = json.loads((path / 'evaluation.json').read_text())
        assert sum(scores['histogram']) == 200
        assert scores['classifier_accuracy'] > 0.5


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
