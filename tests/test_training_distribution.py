"""Several devices and machines: they train what one device trains."""

import json
import os
import signal
import subprocess
import sys
import threading
from functools import partial

import harness
import numpy as np
import pytest
from harness import at_step, contents, die, lasting, send, steps_a_call

from runs.directory import Run
from support.errors import InputError
from training import distribution, team

EXACT = ('--precision=float64', '--batch_size=16', '--train_size=320')  # 20 steps an epoch
TWO = '--distribute=mirrored'

pytestmark = pytest.mark.usefixtures('clean')


def on_devices(path, count, *words, hooks=(), run=harness.run_small, **options):
    """A tiny run where there are so many devices."""
    return run(path, *words, hooks=[partial(harness.logical_devices, count), *hooks], **options)


def assert_close(one, other, most=1e-9):
    """The newest checkpoints of two runs differ by so much at most, in any variable."""
    one, other = harness.newest(one), harness.newest(other)
    assert one['step'] == other['step'] == 20
    assert one.keys() == other.keys()
    for name in filter(str.isdecimal, one):
        np.testing.assert_allclose(one[name], other[name], rtol=0, atol=most, err_msg=name)
    np.testing.assert_allclose(one['sums'], other['sums'], rtol=1e-5)


SYNC = '--sync_batch_norm'
SMALL = [('vae', []), pytest.param('gan', [SYNC], marks=pytest.mark.slow)]


@pytest.mark.parametrize(('model', 'more'), SMALL)
def test_two_devices_equal_one(model, more, tmp_path):
    one = harness.run_small(tmp_path / 'one', *EXACT, model=model, epochs=1)
    two = on_devices(tmp_path / 'two', 2, TWO, *more, *EXACT, model=model, epochs=1)
    assert (one.status, two.status, one.err, two.err) == (0, 0, '', '')
    assert_close(tmp_path / 'one', tmp_path / 'two')
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


MEANS = [  # models whose losses are means over examples, with flags that make them quick
    ('ae', []),
    ('cvae', ['--variant=burda']),
    ('gan_mlp', ['--discriminator_steps=3']),
    ('dcgan', [SYNC, '--average=0.9']),
    ('acgan', [SYNC]),
    ('label_gan', [SYNC]),
    ('vae_gan', [SYNC]),
    ('improved_gan', [SYNC, '--virtual_batch_norm']),
    ('wgan', [SYNC, '--discriminator_steps=3']),
    ('wgan_gp', [SYNC, '--discriminator_steps=3']),
    ('pixelcnn', ['--blocks=2']),
    ('gated_pixelcnn', ['--layers=2', '--condition=label']),
    ('pixelrnn', []),
]
MAGNIFIED = {'vae_gan': 1e-6}  # it divides its features by deviations near 0, and so rounding too


@pytest.mark.slow
@pytest.mark.parametrize(('model', 'more'), MEANS)
def test_two_devices_equal_one_in_every_model(model, more, tmp_path):
    plain = [word for word in more if word != SYNC]
    kind = {'model': model, 'run': harness.run, 'epochs': 1}
    one = on_devices(tmp_path / 'one', 1, *plain, *EXACT, **kind)
    two = on_devices(tmp_path / 'two', 2, TWO, *more, *EXACT, **kind)
    assert (one.status, two.status) == (0, 0)
    assert_close(tmp_path / 'one', tmp_path / 'two', MAGNIFIED.get(model, 1e-9))


# Several machines


def test_the_first_worker_leads_unless_there_is_a_chief():
    workers, chief = {'worker': ['a:1', 'b:1']}, {'chief': ['c:1']}

    def leads(cluster, job, index):
        return team.leads_by(
            json.dumps({'cluster': cluster, 'task': {'type': job, 'index': index}})
        )

    assert [leads(workers, 'worker', i) for i in (0, 1)] == [True, False]
    assert [leads(workers | chief, 'worker', i) for i in (0, 1)] == [False, False]
    assert leads(workers | chief, 'chief', 0)


TEXTS = ['', '[]', '{"cluster": {"worker": ["a:1"]}}', '{"task": 3}']
TEXTS += ['{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}']


@pytest.mark.parametrize('text', TEXTS)
def test_a_damaged_tf_config_is_refused_in_a_line(text):
    with pytest.raises(InputError, match='^TF_CONFIG: '):
        team.leads_by(text)


def test_who_names_no_machines_is_told_how(monkeypatch):
    for name in ('TF_CONFIG', 'SLURM_STEP_NODELIST'):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match='set TF_CONFIG on each, or start the command with srun'):
        team.Team('multi_worker')


def test_slurm_names_the_machines(monkeypatch):
    """Three tasks on two nodes; this one is the second of the first node."""
    monkeypatch.setenv('TF_CONFIG', '')
    monkeypatch.delenv('TF_CONFIG')
    slurm = {'PROCID': '1', 'STEP_NUM_TASKS': '3', 'STEP_NODELIST': 'node[1-2]'}
    for name, value in (slurm | {'STEP_TASKS_PER_NODE': '2,1'}).items():
        monkeypatch.setenv(f'SLURM_{name}', value)
    assert not team.leads()
    distribution.name_machines()
    found = json.loads(distribution.os.environ['TF_CONFIG'])
    assert found['cluster'] == {'worker': ['node1:8888', 'node1:8889', 'node2:8888']}
    assert found['task'] == {'type': 'worker', 'index': 1}


def test_a_checkpoint_that_the_chief_alone_has_is_told(tmp_path):
    with pytest.raises(InputError, match='step_00000005.npz: .* on a disk that they share'):
        Run(tmp_path).named(5)


def reports(done):
    """The lines in which a command reports a mistake; TensorFlow's own come before them."""
    return [line for line in done.err.splitlines() if line.startswith('train.py')]


@pytest.mark.slow
@pytest.mark.parametrize(('model', 'more'), [('vae', []), ('gan', [SYNC])])
def test_two_processes_equal_one(model, more, tmp_path):
    harness.run_small(tmp_path / 'one', *EXACT, model=model, epochs=1)
    chief, other = harness.run_team(tmp_path / 'two', *more, *EXACT, model=model, epochs=1)
    assert (chief.status, other.status) == (0, 0)
    assert (other.out, reports(chief), reports(other)) == ('', [], [])
    assert_close(tmp_path / 'one', tmp_path / 'two')


@pytest.fixture(scope='module')
def whole_team(tmp_path_factory):
    path = tmp_path_factory.mktemp('team') / 'a'
    assert [done.status for done in harness.run_team(path)] == [0, 0]
    return path


ONE_BY_ONE = partial(steps_a_call, 1)


@pytest.mark.slow
@pytest.mark.parametrize('victim', [0, 1])
def test_who_loses_a_worker_says_so_and_the_same_command_goes_on(victim, whole_team, tmp_path):
    hooks = [(ONE_BY_ONE,), (ONE_BY_ONE,)]
    hooks[victim] = (partial(at_step, 4, die),)
    ended = harness.run_team(tmp_path / 'a', hooks=hooks)
    assert ended[victim].status == -signal.SIGKILL
    assert ended[1 - victim].status == 1
    (line,) = reports(ended[1 - victim])
    assert 'another worker ended' in line and 'the same command' in line
    assert [done.status for done in harness.run_team(tmp_path / 'a')] == [0, 0]
    assert lasting(tmp_path / 'a') == lasting(whole_team)


@pytest.mark.slow
@pytest.mark.parametrize('told', [0, 1])
def test_a_signal_to_one_stops_all_at_the_same_step(told, whole_team, tmp_path):
    hooks = [(ONE_BY_ONE,), (ONE_BY_ONE,)]
    hooks[told] = (partial(at_step, 3, partial(send, signal.SIGTERM)),)
    ended = harness.run_team(tmp_path / 'a', hooks=hooks)
    assert [done.status for done in ended] == [143, 143]
    assert Run(tmp_path / 'a' / 'run').checkpoints()[0].name == 'step_00000003.npz'
    assert [done.status for done in harness.run_team(tmp_path / 'a')] == [0, 0]
    assert lasting(tmp_path / 'a') == lasting(whole_team)


@pytest.mark.slow
def test_what_is_done_ends_all_workers(whole_team):
    chief, other = harness.run_team(whole_team)
    assert (chief.status, other.status, other.out) == (0, 0, '')
    assert 'epoch 3 of 3 is done' in chief.out


@pytest.mark.slow
def test_workers_with_other_commands_are_refused(tmp_path):
    hooks = [(), (partial(harness.type_too, '--seed=1'),)]
    ended = harness.run_team(tmp_path / 'a', hooks=hooks)
    assert [done.status for done in ended] == [1, 1]
    assert all('type the same command on every machine' in done.err for done in ended)
    assert not (tmp_path / 'a' / 'run').exists()


@pytest.mark.slow
def test_who_waits_for_a_chief_that_never_comes_says_so_and_can_be_interrupted(tmp_path):
    cluster = {'worker': [f'localhost:{port}' for port in harness.free_ports(2)]}
    place = {'cluster': cluster, 'task': {'type': 'worker', 'index': 1}}
    argv = [*harness.command(tmp_path / 'a'), '--distribute=multi_worker']
    process = subprocess.Popen(
        [sys.executable, harness.ROOT / 'train.py', *argv[1:]],
        env=os.environ | {'TF_CONFIG': json.dumps(place)},
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        killing = threading.Timer(60, process.kill)  # else it would wait for ever without a word
        killing.start()
        assert 'waiting for the other workers; Ctrl-C ends it\n' in process.stderr
        process.send_signal(signal.SIGINT)
        assert process.wait() == -signal.SIGINT
        killing.cancel()
    assert not (tmp_path / 'a' / 'run').exists()
