"""benchmarks/time_to_fid.py: when it stops, what it counts and what it keeps; a tiny try."""

import contextlib

import pytest

from benchmarks import rows, time_to_fid
from support.errors import InputError

SCORES = {  # FID at each score, by contestant and seed
    ('dcgan', '0'): [90.0, 49.0, 10.0],
    ('dcgan', '1'): [90.0, 60.0, 50.0],
    ('tutorial', '0'): [90.0, 80.0, 70.0, 10.0],
    ('tutorial', '1'): [50.0],
    ('tutorial-64', '0'): [60.0, 40.0],
    ('tutorial-64', '1'): [40.0],
}


class Child:
    """Takes 25 seconds for 1000 images at each part; between parts it tells the next score."""

    def __init__(self, scores):
        self.scores = iter(scores)

    def ask(self, command):
        if command == 'part 20.0':
            return {'seconds': 25.0, 'images': 1000}
        assert command == 'fid'
        return {'fid': next(self.scores)}


@pytest.fixture
def started(monkeypatch, tmp_path):
    """The command lines of the processes that were started instead of real ones."""
    lines = []

    @contextlib.contextmanager
    def start(contestants, network, *words):
        [(name, how)] = contestants.items()
        lines.append((name, how, network, *words))
        seed = next(word.removeprefix('--seed=') for word in words if word.startswith('--seed='))
        yield {name: Child(SCORES[name, seed])}

    monkeypatch.setattr(time_to_fid, 'started', start)
    monkeypatch.setattr(time_to_fid, 'RESULTS', tmp_path / 'times.csv')
    return lines


def measure(*words):
    """Runs the command: 70 seconds each, a score every 20."""
    flags = ['--dataset=digits', '--minutes=1.166', '--every=20', *words]
    return time_to_fid.main(['time_to_fid.py', *flags])


def test_a_contestant_stops_at_the_fid_or_when_its_time_is_up(started, capsys):
    measure('--seeds=2')
    found = rows.read(time_to_fid.RESULTS)
    cells = [(row['what'], row['seed'], row['seconds'], row['images']) for row in found]
    assert cells == [
        ('dcgan', '0', '50.0', '2000'),
        ('tutorial', '0', '', ''),
        ('tutorial-64', '0', '50.0', '2000'),
        ('dcgan', '1', '75.0', '3000'),
        ('tutorial', '1', '25.0', '1000'),
        ('tutorial-64', '1', '25.0', '1000'),
    ]
    assert found[1]['course'] == '25:90.00 50:80.00 75:70.00'
    assert 'tutorial: 75 s of training, FID 70.0\n' in capsys.readouterr().err


def test_the_table_has_medians_and_ratios_to_dcgan(started, capsys):
    measure('--seeds=2')
    assert capsys.readouterr().out.splitlines()[-3:] == [
        '| dcgan | 62 | 50, 75 | 2500 | 1.00 |',
        '| tutorial | inf | inf, 25 | inf | inf |',
        '| tutorial-64 | 38 | 50, 25 | 1500 | 0.60 |',
    ]


def test_each_trains_its_network_at_its_batch(started):
    measure()
    size = ['--dataset=digits', '--train_size=60000']
    rest = ['--seed=0', '--epochs=1000000']
    assert started == [
        ('dcgan', ('ours', []), 'dcgan', *size, '--batch_size=64', *rest),
        ('tutorial', ('tutorial', []), 'tutorial_dcgan', *size, '--batch_size=256', *rest),
        ('tutorial-64', ('tutorial', []), 'tutorial_dcgan', *size, '--batch_size=64', *rest),
    ]


def test_what_stands_in_the_file_is_not_trained_again(started):
    measure('--contestants=tutorial')
    measure()
    measure('--seeds=2', '--contestants=dcgan')
    trained = [(name, words[-2]) for name, *words in started]
    zero = [(name, '--seed=0') for name in ('tutorial', 'dcgan', 'tutorial-64')]
    assert trained == [*zero, ('dcgan', '--seed=1')]
    measure('--contestants=dcgan', '--fid=95')
    assert len(started) == 5


def test_an_unknown_contestant_is_refused(started):
    with pytest.raises(InputError, match="^--contestants: 'dcgn' is unknown .did you mean dcgan"):
        measure('--contestants=dcgn')
    assert not started


@pytest.mark.slow
def test_both_train_and_are_scored(monkeypatch, tmp_path):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    monkeypatch.setattr(time_to_fid, 'RESULTS', tmp_path / 'times.csv')
    flags = ['--dataset=digits', '--train_size=256', '--minutes=0.01', '--every=1', '--fid=0.1']
    assert time_to_fid.main(['time_to_fid.py', *flags]) == 0
    found = rows.read(time_to_fid.RESULTS)
    assert [row['what'] for row in found] == [*time_to_fid.CONTESTANTS]
    assert all(row['seconds'] == '' and len(row['course'].split()) == 1 for row in found)
