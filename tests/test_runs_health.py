"""When a run is said to fail."""

import harness
import pytest

from runs.directory import Run
from runs.health import failure, failure_of
from support.files import write_json


def rows(gaps, spreads=None, first=1):
    spreads = spreads or [1.0] * len(gaps)
    pairs = enumerate(zip(gaps, spreads, strict=True), first)
    return [
        {'epoch': str(i), 'd_true': str(0.5 + gap / 2), 'd_fake': str(0.5 - gap / 2), 'spread': s}
        for i, (gap, s) in pairs
    ]


PAIRS = [(1, 0.5), (2, 0.71), (3, 0.8), (4, 0.9)]


def test_a_discriminator_that_knows_all_for_three_epochs_is_told():
    told = failure_of(rows([0.2, 0.95, 0.99, 0.91]), 150)
    assert 'D(x) - D(G(z)) was above 0.9 for 3 epochs, up to epoch 4' in told
    assert '--seed' in told and '\n' not in told


def test_a_discriminator_with_a_smoothed_target_comes_near_that():
    log = rows([0.7, 0.82, 0.85, 0.88])
    assert failure_of(log, 150) is None
    assert 'was above 0.81' in failure_of(log, 150, target=0.9)


def test_a_discriminator_that_tells_nothing_apart_for_three_epochs_is_told():
    told = failure_of(rows([0.3, 0.001, -0.0019, 0.0]), 150)
    assert '|D(x) - D(G(z))| was below 0.002 for 3 epochs, up to epoch 4' in told
    assert 'less noise' in told and '\n' not in told


def test_a_classifier_that_knows_no_sample_for_three_epochs_is_told():
    log = [{'epoch': i, 'label_true': t, 'label_fake': 0.1, 'spread': 1} for i, t in PAIRS]
    assert 'knows labels of data alone' in failure_of(log, 150)
    assert failure_of(log[:3], 150) is None


def test_samples_that_look_alike_for_three_epochs_are_told():
    assert 'look alike' in failure_of(rows([0.1] * 3, ['0.19', '0.0', '0.1']), 2000)


@pytest.mark.parametrize(
    'log',
    [
        [],
        rows([0.99, 0.99]),
        rows([0.95, 0.99, 0.9]),
        rows([0.95, 0.99, 0.95, 0.3]),
        rows([0.1] * 3, [0.1, 0.2, 0.1]),
        rows([0.001, 0.003, 0.001]),
        rows([0.001, 0.001]),
        rows([-0.003] * 3),
        rows([0.99, 0.1, 0.1], [1.0, 0.1, 0.1]),
        rows([0.1] * 3, ['nan'] * 3),
        [{'epoch': i, 'loss': 100.0, 'spread': 0.5} for i in range(5)],
        [{'epoch': i, 'critic_true': 30.0, 'critic_fake': -30.0, 'spread': 1} for i in range(5)],
    ],
)
def test_a_run_that_is_well_is_not_accused(log):
    assert failure_of(log, 2000) is None


def test_a_run_that_recovers_is_told_no_more():
    log = rows([0.95] * 4 + [0.2])
    assert failure_of(log[:4], 300) and failure_of(log, 300) is None


@pytest.mark.parametrize(
    ('log', 'steps'), [(rows([0.95] * 5), 300), (rows([0.1] * 5, [0.1] * 5), 2000)]
)
def test_the_first_steps_are_not_judged(log, steps):
    """Of five epochs the last three are judged if they lie behind so many steps."""
    assert failure_of(log, steps // 3 - 1) is None
    assert failure_of(log, steps // 3 + 1)


def test_a_run_is_judged_by_its_own_steps(tmp_path):
    run = Run(tmp_path)
    write_json(tmp_path / 'config.json', harness.configuration(train_images=640))
    run.rewrite_log(rows([0.99] * 32)[:-1])
    assert failure(run) is None
    run.rewrite_log(rows([0.99] * 32))
    assert failure(run)
