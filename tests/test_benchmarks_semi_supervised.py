"""The benchmark of few labels: which classifiers it trains, what a row and the table say."""

from pathlib import Path

import harness
import pytest

from benchmarks import rows, semi_supervised
from runs.directory import Run
from support.errors import InputError
from support.files import write_json


@pytest.fixture(autouse=True)
def results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(semi_supervised, 'RESULTS', tmp_path / 'rows.csv')


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """The settings of all that was trained; each run has the same log of two epochs."""
    run, made = Run(tmp_path / 'run'), []
    run.path.mkdir()
    write_json(run.path / 'config.json', harness.configuration(test_images=360, git_commit=None))
    (run.path / 'log.csv').write_text('epoch,test_error,seconds\n1,0.5,10.2\n2,0.0611,9.9\n')
    monkeypatch.setattr(semi_supervised.training, 'train', lambda s: made.append(s) or run)
    return made


def test_a_hundred_labels_are_drawn_three_times_and_never_twice(trained, capsys):
    semi_supervised.main(['', '--labels=100', '--seed=1'])
    semi_supervised.main(['', '--epochs=7'])
    asked = [(s.labelled_per_class, s.seed, s.unsupervised_weight) for s in trained]
    assert len(asked) == len({*asked}) == 2 * 6
    assert {pair[1:] for pair in asked if pair[0] == 10} == {
        (seed, weight) for seed in (0, 1, 2) for weight in (0.0, 1.0)
    }
    assert {s.epochs for s in trained[2:] if s.unsupervised_weight} == {7}
    assert '| 100 | 22, 22, 22 | 22, 22, 22 | 93 +- 6.5 |' in capsys.readouterr().out
    assert '| 200 | 180 | 180 | 90 +- 4.2 |' in semi_supervised.summary('digits', 1)


def test_the_figure_has_a_curve_a_draw_and_a_line_for_the_paper(trained):
    semi_supervised.main(['', '--labels=100', '--output_dir=here'])
    [axes] = semi_supervised.draw(semi_supervised.curves('digits')).axes
    assert [[*line.get_ydata()] for line in axes.lines] == 3 * [[180, 22]] + [[93, 93]]
    assert Path('here/curves.png').stat().st_size > 1000


def test_a_draw_that_there_is_not_is_refused(trained):
    with pytest.raises(InputError, match='^--seed=1: no such draw'):
        semi_supervised.main(['', '--labels=20', '--seed=1'])
    assert not trained


def test_a_row_counts_the_errors_of_each_epoch(trained):
    semi_supervised.main(['', '--labels=20'])
    twin, gan = rows.read(semi_supervised.RESULTS)
    assert (twin['kind'], gan['kind']) == ('twin', 'semi_gan')
    assert (gan['by_epoch'], gan['errors'], gan['of']) == ('180 22', '22', '360')
    assert (gan['labels'], gan['epochs'], gan['seconds']) == ('20', '2', '20')
