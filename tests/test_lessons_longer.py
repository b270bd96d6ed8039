"""lessons.longer: learning curves, and the power law through three ends."""

import harness
import pytest

from lessons import longer
from runs.directory import Run
from support.errors import InputError
from support.files import write_json


def run_of(path, values, **changes):
    """A run with these values of test_nats, an epoch each."""
    path.mkdir()
    write_json(path / 'config.json', harness.configuration(**changes))
    rows = [f'{epoch},{value}' for epoch, value in enumerate(values, 1)]
    (path / 'log.csv').write_text('\n'.join(['epoch,test_nats', *rows]) + '\n')
    return Run(path)


def test_a_curve_counts_the_images_that_full_batches_hold(tmp_path):
    run = run_of(tmp_path / 'run', [90.0, 85.5], train_images=1000)
    assert longer.curve(run, 'test_nats') == [(960, 90.0), (1920, 85.5)]
    with pytest.raises(InputError, match='--score=loss'):
        longer.curve(run, 'loss')


@pytest.mark.parametrize(('a', 'b', 'c'), [(80.0, 500.0, 0.4), (0.0, 9.0, 0.05), (3.0, 2e4, 1.5)])
def test_the_power_law_is_the_one_that_made_the_points(a, b, c):
    points = [(n, a + b * n**-c) for n in (960000, 60000, 240000)]
    assert longer.power_law(points) == pytest.approx((a, b, c), rel=1e-4, abs=1e-3)


@pytest.mark.parametrize(
    ('points', 'fault'),
    [
        ([(1, 3.0), (2, 2.0)], 'three runs'),
        ([(1, 3.0), (2, 2.0), (4, 2.5)], 'lower value'),
        ([(1, 3.0), (2, 2.0), (2, 1.5)], 'lower value'),
        ([(1, 3.0), (2, 2.0), (4, 1.0)], 'ever more slowly'),
    ],
)
def test_points_without_a_power_law_are_refused(points, fault):
    with pytest.raises(InputError, match=fault):
        longer.power_law(points)


def test_the_command_draws_and_tells(tmp_path, capsys):
    ends = {n: 80 + 500 * (n * 9984) ** -0.4 for n in (1, 2, 4)}
    for n, end in ends.items():
        run_of(tmp_path / str(n), [90.0] * (n - 1) + [end])
    paths = ','.join(str(tmp_path / str(n)) for n in ends)
    out = tmp_path / 'curves.png'
    words = [f'--runs={paths}', f'--lengths={paths}', f'--out={out}', '--to=9984000']
    assert longer.main(['longer', *words]) == 0
    told = 80 + 500 * 9984000**-0.4
    assert f'80.00 + 500 n^-0.400: {told:.2f} after 9,984,000 images' in capsys.readouterr().out
    assert out.exists()
