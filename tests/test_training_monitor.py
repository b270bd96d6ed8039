"""--eval_every: scores in the log while a run trains."""

import math
from functools import partial
from types import SimpleNamespace

import harness
import numpy as np
import pytest
from harness import contents, rows

from evaluation import likelihoods, scores
from evaluation.rows import Bench, RunRow
from runs.directory import Run
from runs.restore import restore
from support import backend
from training import monitor

backend.load_tensorflow()

from evaluation.judges import classifier

COLUMNS = {'vae': ['eval_fid', 'eval_classes', 'eval_bound'], 'gan': ['eval_fid', 'eval_classes']}
EVERY = '--eval_every=2'


pytestmark = pytest.mark.usefixtures('clean')


run = partial(harness.run, hooks=[harness.small_networks, harness.cheap_scores])


@pytest.mark.parametrize('model', COLUMNS)
def test_every_second_epoch_has_scores_and_missing_classes_are_told(model, tmp_path):
    """A GAN of eight steps draws noise, which is not of all ten classes."""
    done = run(tmp_path / 'a', EVERY, model=model, epochs=4)
    assert done.status == 0
    log = rows(tmp_path / 'a')
    drawn = [(epoch, int(log[epoch - 1]['eval_classes'])) for epoch in (2, 4)]
    told = [f'epoch {epoch}: only {n} of 10 classes are drawn\n' for epoch, n in drawn if n < 10]
    assert done.err.endswith(''.join(told)) and (told or model == 'vae')
    assert [name for name in log[0] if name.startswith('eval')] == COLUMNS[model]
    for row, due in zip(log, (False, True, False, True), strict=True):
        assert all((row[name] != '') == due for name in COLUMNS[model])
    assert float(log[1]['eval_fid']) > 0
    if model == 'vae':
        assert math.isfinite(float(log[1]['eval_bound']))


def test_scores_change_nothing_and_do_not_depend_on_where_a_run_was_stopped(tmp_path):
    whole, parts, without = (tmp_path / name for name in 'abc')
    for directory, flags, epochs in (
        (whole, [EVERY], 3),
        (parts, [EVERY], 1),
        (parts, [EVERY], 3),
        (without, [], 3),
    ):
        assert run(directory, *flags, epochs=epochs).status == 0
    assert contents(parts) == contents(whole)
    assert not [name for name in rows(without)[0] if name.startswith('eval')]
    for a, b in zip(*(harness.newest(path).values() for path in (whole, without)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_its_scores_are_those_of_evaluate_for_as_many_samples(tiny_runs, tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    for place, name, value in (
        (classifier, 'EPOCHS', 1),
        (likelihoods, 'BOUNDED', 20),
        (monitor, 'SAMPLES', 200),
        (monitor, 'DRAWS', 6),
    ):
        monkeypatch.setattr(place, name, value)
    run = Run(tiny_runs['vae'])
    arrays, settings = run.load(print), SimpleNamespace(**run.config['settings'])
    watched = monitor.Monitor(run, settings, restore(run, arrays), None)
    bench = Bench(watched.bench.data, watched.bench.judge, 200, 0)
    row = RunRow(run, arrays, bench, {})
    assert watched.scores() == {
        'eval_fid': scores.measure('fid', row)['fid'],
        'eval_classes': scores.measure('coverage', row)['present'],
        'eval_bound': likelihoods.bound_of(row, 6)['nats'],
    }
    assert watched.classes == 10
