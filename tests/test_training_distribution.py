"""Several devices and machines: they train what one device trains."""

import signal
from functools import partial

import harness
import numpy as np
import pytest
from harness import at_step, contents, lasting, send

from runs.directory import Run

EXACT = ('--precision=float64', '--batch_size=16', '--train_size=320')  # 20 steps an epoch
TWO = '--distribute=mirrored'

pytestmark = pytest.mark.usefixtures('clean')


def on_devices(path, count, *words, hooks=(), run=harness.run_small, **options):
    """A tiny run where there are so many devices."""
    return run(path, *words, hooks=[partial(harness.logical_devices, count), *hooks], **options)


def assert_close(one, other, most):
    """The newest checkpoints of two runs differ by so much at most, in any variable."""
    one, other = harness.newest(one), harness.newest(other)
    assert one['step'] == other['step'] == 20
    assert one.keys() == other.keys()
    for name in filter(str.isdecimal, one):
        np.testing.assert_allclose(one[name], other[name], rtol=0, atol=most, err_msg=name)


@pytest.mark.parametrize(('model', 'more'), [('vae', []), ('gan', ['--sync_batch_norm'])])
def test_two_devices_equal_one(model, more, tmp_path):
    one = harness.run_small(tmp_path / 'one', *EXACT, model=model, epochs=1)
    two = on_devices(tmp_path / 'two', 2, TWO, *more, *EXACT, model=model, epochs=1)
    assert (one.status, two.status, one.err, two.err) == (0, 0, '', '')
    assert_close(tmp_path / 'one', tmp_path / 'two', 1e-9)
    assert Run(tmp_path / 'two' / 'run').config['devices'].startswith('2 replicas')


def test_one_replica_changes_no_bit(wholes, tmp_path):
    assert on_devices(tmp_path / 'a', 1, TWO).status == 0
    found, expected = (contents(path) for path in (tmp_path / 'a', wholes('vae').path))
    assert found['config.json'].pop('devices') == '1 replica'
    assert expected['config.json'].pop('devices') == 'one device'
    assert found == expected


def test_two_replicas_go_on_exactly_and_another_number_is_told(tmp_path):
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    assert on_devices(whole, 2, TWO).status == 0
    stop = partial(at_step, 3, partial(send, signal.SIGINT))
    assert on_devices(parts, 2, TWO, hooks=[stop]).status == 130
    assert on_devices(parts, 2, TWO).err == ''
    assert lasting(parts) == lasting(whole)
    done = harness.run_small(parts, epochs=4)
    assert done.status == 0
    assert done.err == (
        f'{parts}/run: was trained on 2 replicas and continues on one device; the result is not '
        'bit for bit that of an uninterrupted run\n'
    )
    assert Run(parts / 'run').config['devices'] == 'one device'


@pytest.mark.parametrize(
    ('words', 'model', 'line'),
    [
        (['--batch_size=65'], 'vae', '--batch_size=65: cannot be divided among 2 devices; choose'),
        (['--feature_matching'], 'improved_gan', '--feature_matching compares the images of a'),
    ],
)
def test_what_several_devices_cannot_train_is_refused_before_anything_is_written(
    words, model, line, tmp_path
):
    done = on_devices(tmp_path / 'a', 2, TWO, *words, model=model, run=harness.run)
    assert (done.status, done.err.count('\n')) == (1, 1)
    assert line in done.err
    assert not (tmp_path / 'a' / 'run').exists()
