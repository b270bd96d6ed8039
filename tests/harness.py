"""Runs train.py in forks of one process that has imported TensorFlow already.

A hook is a function that is called in such a process before the command, and changes what happens
there: it kills the process at some event, makes it pause, makes networks small.
"""

import atexit
import collections
import csv
import errno
import functools
import hashlib
import itertools
import json
import multiprocessing
import multiprocessing.forkserver
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import numpy as np

import flags
import pictures
import train
from benchmarks.scale import free_ports
from runs.directory import FORMAT, Run
from support import backend, terminal
from support.files import read_arrays

ROOT = Path(train.__file__).parent
TINY = ('--dataset=digits', '--train_size=128', '--batch_size=64', '--xla=off')
TIMES = ('images_per_second', 'seconds')
WRITES = os.O_WRONLY | os.O_RDWR


class Whole(NamedTuple):
    """A run that nothing interrupts, and how many events of each kind it has."""

    path: Path
    events: collections.Counter


class Done(NamedTuple):
    """How a command ended: exit status, negative for a signal, and what it printed."""

    status: int
    out: str
    err: str


def command(directory, *words, model='vae', epochs=3):
    """The command line of a tiny run in `directory`; later words win."""
    shared = [
        f'--model={model}',
        f'--epochs={epochs}',
        f'--output_dir={directory}',
        '--run_name=run',
    ]
    return ['train.py', *TINY, *shared, *words]


def configuration(settings=(), **changes):
    """The configuration of a run that is made by hand, as far as whoever opens it asks for it."""
    places = {'dataset': 'digits', 'train_size': 10000, 'image_size': None, 'data_dir': None}
    places |= {'batch_size': 64, 'seed': 0, 'latent_dim': 100, 'precision': 'float32'}
    data = {'dataset': 'digits', 'data_hash': 'a1', 'image_shape': [28, 28, 1]}
    data |= {'model': 'vae', 'class_names': ['0', '1'], 'train_images': 10000, 'threads': 2}
    data['test_images'] = 360
    data |= changes
    own = {'model': data['model']} | places | dict(settings)
    return {'format': FORMAT, 'settings': own, 'command': []} | data


def run(directory, *words, hooks=(), **options):
    """Types the command of a tiny run; its files will be in `directory`/run."""
    return begin(directory, *words, hooks=hooks, **options)()


def begin(directory, *words, hooks=(), suffix='', **options):
    """The same in the background: what it returns waits for its end. `suffix` is for its output."""
    output = [Path(directory).with_suffix(suffix + kind) for kind in ('.out', '.err')]
    argv = command(directory, *words, **options)
    process = forks().Process(target=_child, args=(argv, output, hooks))
    process.start()

    def end():
        process.join()
        return Done(process.exitcode, *(path.read_text() for path in output))

    return end


def run_team(directory, *words, hooks=((), ()), **options):
    """Types the command of a tiny run on two machines, the chief's first: how it ended on each."""
    words, ports = ('--learning_rate=0.01', '--distribute=multi_worker', *words), free_ports(2)
    ends = []
    for index, more in enumerate(hooks):
        own = [functools.partial(place, ports, index), small_networks, *more]
        ends.append(begin(directory, *words, hooks=own, suffix=f'.{index}', **options))
    return [end() for end in ends]


def run_small(directory, *words, hooks=(), **options):
    """The same with small networks that learn fast, so that six steps change the pictures."""
    return run(directory, '--learning_rate=0.01', *words, hooks=[small_networks, *hooks], **options)


def finish(directory, *words, **options):
    """Runs it to its end, which nothing is to disturb."""
    done = run_small(directory, *words, **options)
    assert (done.status, done.err) == (0, '')
    return done


def kill(directory, kind, number, *words, **options):
    """Runs it until it is killed at the event of this kind and number."""
    hooks = [functools.partial(kill_at, str(directory), kind, number)]
    done = run_small(directory, *words, hooks=hooks, **options)
    assert done.status == -signal.SIGKILL
    return done


def run_for_real(directory, *words, python=(), **options):
    """The same as a process of its own, of which Python is given options."""
    argv = [sys.executable, *python, *command(directory, *words, **options)]
    variables = os.environ | environment()
    done = subprocess.run(argv, cwd=ROOT, env=variables, capture_output=True, text=True)
    return Done(done.returncode, done.stdout, done.stderr)


@functools.cache
def environment():
    """What the processes find in their environment: a cache and temporary files of their own."""
    home = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    path = os.pathsep.join([str(ROOT), str(ROOT / 'tests')])
    own = {'PYTHONPATH': path, 'TMPDIR': home, 'XDG_CACHE_HOME': home}
    return own | {'KERAS_BACKEND': 'tensorflow', 'TF_CPP_MIN_LOG_LEVEL': '2'}


@functools.cache
def forks():
    """What starts processes that are forks of one, which only imports and runs nothing."""
    context = multiprocessing.get_context('forkserver')
    drawing = ['matplotlib.figure', 'matplotlib.backends.backend_agg']
    context.set_forkserver_preload(
        ['harness', 'training.trainer', 'models.vae', 'models.gan', *drawing]
    )
    hasty = {'XLA_FLAGS': '--xla_backend_optimization_level=0'}  # compiles in half the time
    with mock.patch.dict(os.environ, environment() | hasty):
        multiprocessing.forkserver.ensure_running()
    return context


def _child(argv, output, hooks):
    for path, descriptor in zip(output, (1, 2), strict=True):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    sys.argv = argv
    for hook in hooks:
        hook()
    terminal.start(train.main)


# Hooks


def small_networks():
    """Spares both models most of their layers and variables, which say nothing on resuming."""
    from keras import layers

    from models import gan, vae
    from models.shared.layers import exact

    vae.networks_28 = lambda shape, latent_dim: (
        vae.encoder_of(shape, latent_dim, [4], vae.leaky),
        vae.decoder_of(shape, latent_dim, [4], layers.ReLU),
    )
    gan.generator_28 = lambda shape: [
        *gan.dense(7 * 7 * 4),
        layers.Reshape([7, 7, 4]),
        *gan.up(4),
        gan.transposed(shape[2], activation='sigmoid', dtype=exact()),
    ]
    gan.discriminator_28 = lambda outputs: [
        *gan.down(4, 3),
        layers.Flatten(),
        gan.linear(outputs, dtype=exact()),
    ]


def networks_of_ones_own():
    """Gives the VAE networks that are neither Sequential nor functional, but subclasses."""
    import keras
    from keras import layers

    from models import vae

    class Encoder(keras.Model):
        def __init__(self, size):
            super().__init__(name='watcher')
            self.flat = layers.Flatten()
            self.heads = [layers.Dense(size), layers.Dense(size, activation='softplus')]
            self(keras.ops.zeros([1, 28, 28, 1]))

        def call(self, images):
            return [head(self.flat(images)) for head in self.heads]

    class Decoder(layers.Layer):
        def __init__(self, size):
            super().__init__(name='painter')
            self.dense = layers.Dense(784)
            self(keras.ops.zeros([1, size]))

        def call(self, codes):
            return keras.ops.reshape(self.dense(codes), [-1, 28, 28, 1])

    vae.networks_28 = lambda shape, latent_dim: (Encoder(latent_dim), Decoder(latent_dim))


def logical_devices(count):
    """Divides the processor into so many devices for TensorFlow."""
    tf, _ = backend.load_tensorflow()
    (processor,) = tf.config.list_physical_devices('CPU')
    parts = [tf.config.LogicalDeviceConfiguration()] * count
    tf.config.set_logical_device_configuration(processor, parts)


def place(ports, index):
    """Makes this process the worker of that index among those at these ports."""
    cluster = {'worker': [f'localhost:{port}' for port in ports]}
    task = {'type': 'worker', 'index': index}
    os.environ['TF_CONFIG'] = json.dumps({'cluster': cluster, 'task': task})
    os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'


def type_too(word):
    """Adds a word to the command of this process."""
    sys.argv.append(word)


def steps_a_call(count):
    """Makes every compiled call `count` steps, or what is left of the epoch."""
    from training.loop import Loop

    call = Loop.train
    Loop.train = lambda loop, _: call(loop, count)


def images_on_disk():
    """Leaves the images on disk, from which each step's are read."""
    from training import feed

    feed.fits, feed.WINDOW = lambda images: False, 1


def at_step(number, act):
    """Calls `act()` before the step of that number, from 1, that this process makes."""
    from training.loop import Loop

    call, steps = Loop.train, itertools.count(1)

    def train(loop, _):
        if next(steps) == number:
            act()
        return call(loop, 1)

    Loop.train = train


def send(*signals):
    """Sends this process signals."""
    for number in signals:
        os.kill(os.getpid(), number)


def die():
    """Kills this process."""
    send(signal.SIGKILL)


def poison(number):
    """Makes a variable of the model NaN after the step of that number that this process makes."""
    from training.loop import Loop

    call, steps = Loop.train, itertools.count(1)

    def train(loop, _):
        made = call(loop, 1)
        if next(steps) == number:
            loop.variables()[0].assign(loop.variables()[0] * np.nan)
        return made

    Loop.train = train


def pretend_cores(count):
    """Makes this process believe that it may use that many cores."""
    os.sched_getaffinity = lambda _: set(range(count))


def tell_threads(path):
    """Writes into a file how many threads compute, when the second step is made (Linux)."""

    def tell():
        names = [task.read_text().strip() for task in Path('/proc/self/task').glob('*/comm')]
        Path(path).write_text(str(names.count('tf_Compute')))

    at_step(2, tell)


def record_memory(path):
    """Appends the resident memory, in pages, to a file after every epoch."""
    from training.trainer import Trainer

    close = Trainer.close_epoch

    def close_epoch(trainer, *args):
        row = close(trainer, *args)
        pages = Path('/proc/self/statm').read_text().split()[1]
        with open(path, 'a') as file:
            print(pages, file=file)
        return row

    Trainer.close_epoch = close_epoch


def cheap_scores():
    """Makes the scores of --eval_every a matter of seconds."""
    from evaluation import likelihoods
    from evaluation.judges import classifier
    from training import monitor

    classifier.EPOCHS, likelihoods.BOUNDED, monitor.SAMPLES, monitor.DRAWS = 1, 20, 200, 5


def limit_files(size):
    """Lets no file grow beyond `size` bytes: what a full disk looks like."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def read_only(directory):
    """Lets nothing below `directory` be changed: what a read-only file system looks like."""
    changes = {'os.mkdir', 'os.rename', 'os.remove', 'os.rmdir', 'os.utime', 'os.truncate'}

    def hook(event, args):
        writes = event == 'open' and args[2] & WRITES or event in changes
        if writes and str(args[0]).startswith(directory):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), args[0])

    sys.addaudithook(hook)


def fill_output():
    """Leads standard output to a device that is full (Linux)."""
    os.dup2(os.open('/dev/full', os.O_WRONLY), 1)


def type_again(directory, path):
    """Types the command again in a process of its own, and leaves how that ended in a file."""
    Path(path).write_text(json.dumps(run_for_real(directory)))


def watch(directory, notice):
    """Calls `notice(kind)` before each step and before a file below `directory` is changed.

    The kinds: step, write (a file is opened for writing), name (renamed or removed).
    """
    from training.loop import Loop

    call = Loop.train

    def train(loop, _):
        notice('step')
        return call(loop, 1)

    def hook(event, args):
        if event == 'open' and args[2] & WRITES and inside(args[0]):
            notice('write')
        if event in ('os.rename', 'os.remove') and (inside(args[0]) or args[-1] >= 0):
            notice('name')

    def inside(path):
        return isinstance(path, (str, os.PathLike)) and os.fspath(path).startswith(directory)

    Loop.train = train
    sys.addaudithook(hook)


def record(directory, path):
    """Writes the kinds of all events into a file, a line each."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT)
    watch(directory, lambda kind: os.write(file, f'{kind}\n'.encode()))


def kill_at(directory, kind, number):
    """Kills this process at the event of this kind and number, from 1."""
    left = [number]

    def notice(happened):
        left[0] -= happened == kind
        if not left[0]:
            send(signal.SIGKILL)

    watch(directory, notice)


# What a run left


def contents(directory):
    """{file: what must be equal in equal runs}: the bytes, without times and places."""
    path = Path(directory) / 'run'
    files = {p.relative_to(path).as_posix(): p for p in path.rglob('*') if p.is_file()}
    found = {name: hashlib.sha256(p.read_bytes()).hexdigest() for name, p in files.items()}
    events = [found.pop(name) for name in files if name.startswith('tensorboard/')]
    config = json.loads(files['config.json'].read_text())
    del config['git_commit'], config['command']
    free = flags.changeable()
    kept = {name: value for name, value in config['settings'].items() if name not in free}
    config['settings'] = kept
    return found | {'tensorboard': len(events), 'config.json': config, 'log.csv': rows(directory)}


def rows(directory):
    """The rows of the log without its times."""
    with open(Path(directory) / 'run' / 'log.csv') as file:
        return [{k: v for k, v in row.items() if k not in TIMES} for row in csv.DictReader(file)]


def lasting(directory):
    """The same without the checkpoints before the newest, of which an interruption adds one."""
    found = contents(directory)
    *older, _ = sorted(name for name in found if name.startswith('checkpoints/step_'))
    return {name: value for name, value in found.items() if name not in older}


def cores_of(directory):
    """The number of threads that a run keeps."""
    return Run(Path(directory) / 'run').config['threads']


def newest(directory):
    """The arrays of the newest checkpoint."""
    return read_arrays(Run(Path(directory) / 'run').checkpoints()[0])


# Lessons


def untrained_run(path, model, prepare=None, **changes):
    """A run on digits saved before its first step, after `prepare(model)`, and its model."""
    from models.shared.build import build
    from training import setup

    settings = flags.settings(model, dataset='digits', **changes)
    data, data_hash = setup.load(settings)
    path.mkdir()
    run = Run(path)
    run.begin(setup.configuration(settings, data, data_hash))
    found = build(data.train_images.shape[1:], len(data.class_names), settings)
    if prepare:
        prepare(found)
    weights = {f'{i:04d}': v.numpy() for i, v in enumerate(found.variables)}
    run.save(weights | {'step': np.array(0)}, 0)
    return run, found


def check_drawn(path, page):
    """The file is the page, and every axes on it has ink."""
    shown, expected = pictures.load_png(path), np.asarray(page.canvas.buffer_rgba())[..., :3]
    assert shown.shape == expected.shape
    assert np.abs(shown.astype(int) - expected).mean() < 3  # WebP loses a little
    for axes in page.axes:
        left, bottom, right, top = np.round(axes.get_window_extent().extents).astype(int)
        inside = shown[len(shown) - top : len(shown) - bottom, left:right].min(axis=2)
        assert np.mean(inside < 160) > 0.004
