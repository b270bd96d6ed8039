"""benchmarks/startup.py: its tables by hand, and what a process tells of its stages."""

import pytest

from benchmarks import stages, startup, throughput

# Seconds until the end of each stage, of three turns with XLA; the first one is not counted.
TURNS = [
    ([9, 99, 999, 9999], [9, 99, 999]),
    ([1, 5, 6, 10], [4, 5, 8]),
    ([1, 4, 7, 12], [5, 6, 8]),
]
TOLD = """
import time: self [us] | cumulative | imported package
import time:       100 |        100 |   numpy.core
import time:      2000 |       2100 | numpy
import time:   3000000 |    3002100 |     tensorflow.python
something else
import time:        50 |    3002150 | tensorflow
"""


def named(ends):
    """{stage: seconds until its end}; the bare script lacks the first stage."""
    return dict(zip(startup.STAGES[-len(ends) :], ends, strict=True))


@pytest.fixture
def sections(monkeypatch):
    turns = {xla: iter(TURNS) for xla in ('on', 'off')}
    monkeypatch.setattr(startup, 'turn', lambda data, xla: [*map(named, next(turns[xla]))])
    monkeypatch.setattr(startup, 'imports', lambda: startup.by_package(TOLD))
    return {title: rows for title, _, _, rows in throughput.startup.sections([], 2)}


def test_the_ratio_is_the_median_of_those_of_the_rounds(sections):
    ours = ['on', 'ours', '11.00', '10.00 to 12.00', f'{(10 / 8 + 12 / 8) / 2:.2f}']
    assert [*sections['Start']][:2] == [
        ours,
        ['on', 'bare script', '8.00', '8.00 to 8.00', '1.00'],
    ]


def test_a_stage_takes_what_lies_between_its_end_and_the_one_before(sections):
    assert [*sections['Start by stages']][:4] == [
        ['on', 'flags and data', '1.00', '0.00'],
        ['on', 'TensorFlow and Keras', '3.50', '4.50'],
        ['on', 'networks', '2.00', '1.00'],
        ['on', 'first step', '4.50', '2.50'],
    ]


def test_the_imports_of_a_package_are_added_up(sections):
    assert sections['Imports'] == [['tensorflow', '3.00'], ['numpy', '0.00']]
    assert startup.by_package(TOLD)['numpy'] == pytest.approx(0.0021)


def test_a_process_tells_its_stages_with_what_it_printed_before():
    code = "from benchmarks import stages; print('words'); stages.reach('a'); stages.reach('b'); "
    found = stages.stages('-c', code + 'stages.leave()')
    assert [*found] == ['a', 'b'] and 0 < found['a'] <= found['b'] < 600
