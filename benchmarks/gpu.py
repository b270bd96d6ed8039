"""Measures the project on a GPU, and says what --xla=auto should do there.

  python -m benchmarks.gpu --dataset=mnist

The post's VAE, its GAN and the DCGAN are trained in both precisions, with XLA and without, and each
of these four ways also with operations that always give the same bits (TF_DETERMINISTIC_OPS=1).
The tutorial's loop and Keras `fit` train the same networks beside them, in float32. All take turns,
epoch by epoch. Then each way is started twice, and stopped and continued once. The tables are
printed and written to --out. Run nothing else on the machine meanwhile.
"""

import os
from itertools import product
from statistics import median

import datasets
import flags
from benchmarks import resume, startup, verdict
from benchmarks.children import started
from benchmarks.report import Report
from benchmarks.throughput import race, summary, words
from support import backend, terminal
from support.errors import InputError

NETWORKS = ('vae', 'gan', 'dcgan')
REFERENCE = 'tutorial'
STARTS = 2  # of which the shorter counts, since the first one also fills caches
HEADER = ['way', 'images/s', 'lowest to highest', 'ratio', 'in the calls', 'memory of the GPU']
HEADER += ['memory of the host', 'first step', 'continued']
NOTE = (
    'Images per second are the median of {} rounds. Ratio: speed relative to the tutorial loop, '
    'the median of the ratios of each round. In the calls: images per second without log, grids '
    'and checkpoints. Memory: the most in use, in MB. First step: seconds from the command line to '
    'its end. Continued: whether two epochs of which the second was continued from a checkpoint '
    'leave the weights of two epochs in one go, bit for bit.'
)
FAILED = ' Not measured, because it failed: {}.'


WAYS = {  # (precision, xla, deterministic operations)
    verdict.way(*case): case for case in product(verdict.PRECISIONS, ('off', 'on'), (False, True))
}


def main(argv):
    """Runs the command line `argv`; returns the exit status."""
    settings = flags.parse(argv, __doc__, define_flags)
    networks = words(settings, 'networks', NETWORKS)
    datasets.check(settings.dataset, settings.data_dir)
    name = device(settings.device)
    report = Report(settings.out, argv, 'benchmarks.gpu', f'device: {name}')
    found = {}
    for network in networks:
        found[network], failures = speeds(network, settings)
        single = {way: alone(network, way, settings) for way in WAYS if way in found[network]}
        report.add(*section(network, settings, found[network], single, failures))
    report.add(*verdict.section(found))
    return 0


def define_flags(table):
    """Defines this command's flags on `table`."""
    group, positive = 'What to measure', flags.Number(int, 1)
    flags.define_word(table, group, 'device', 'gpu', ['gpu', 'cpu'], 'cpu tries the command there')
    flags.define(table, group, 'dataset', 'mnist', 'as for train.py')
    flags.define(table, group, 'data_dir', None, 'as for train.py')
    flags.define(table, group, 'networks', ','.join(NETWORKS), 'networks to measure')
    flags.define(table, group, 'batch_size', 64, 'images per step', positive)
    meaning = 'steps of an epoch, or fewer if the data set has not as many images'
    flags.define(table, group, 'steps', 900, meaning, positive)
    flags.define(table, group, 'rounds', 5, 'epochs per contestant', positive)
    flags.define(table, group, 'out', 'benchmarks/gpu.md', 'file for the tables')


def device(kind):
    """The name of the device that all processes are to use.

    Raises:
      InputError: TensorFlow sees no GPU.
    """
    if kind == 'cpu':
        os.environ['CUDA_VISIBLE_DEVICES'] = '-1'
        return 'the processor'
    tensorflow, _ = backend.load_tensorflow()
    gpus = tensorflow.config.list_physical_devices('GPU')
    if not gpus:
        remedy = 'install tensorflow[and-cuda], or try the command on the processor with '
        remedy += '--device=cpu --dataset=digits --networks=vae --rounds=1 --steps=2'
        raise InputError(f'--device=gpu: TensorFlow sees no GPU; {remedy}')
    details = tensorflow.config.experimental.get_device_details(gpus[0])
    return details.get('device_name', gpus[0].name)


def given(settings):
    """The flags of train.py that all contestants share."""
    size = settings.batch_size * settings.steps
    data = [f'--dataset={settings.dataset}']
    data += [f'--data_dir={settings.data_dir}'] if settings.data_dir else []
    return [*data, f'--batch_size={settings.batch_size}', f'--train_size={size}']


def flags_of(name):
    """The flags of train.py that make a way to train."""
    precision, xla, _ = WAYS[name]
    return [f'--precision={precision}', f'--xla={xla}']


def variables(name):
    """The variables of the environment that a way to train needs."""
    return resume.DETERMINISTIC if WAYS[name][2] else {}


def speeds(network, settings):
    """({way: answers of its epochs}, with the other contestants', {way: why it failed})."""
    own = {n: ('deterministic' if WAYS[n][2] else 'ours', flags_of(n)) for n in WAYS}
    others = {REFERENCE: ('tutorial', []), 'Keras fit': ('fit', [])}
    with started(own | others, network, *given(settings), '--epochs=1000000') as children:
        failures = {name: why for name in WAYS if (why := failure(children[name]))}
        able = {name: child for name, child in children.items() if name not in failures}
        return race(able, settings.rounds), failures


def failure(child):
    """Why a child cannot train for an epoch, the last line of what it wrote; None if it can."""
    try:
        child.ask('epoch')
    except RuntimeError as error:
        return str(error).split('\n')[-1] or str(error).split('\n')[0]


def alone(network, name, settings):
    """(whether it continues exactly, seconds to the first step) of a way to train."""
    words = [f'--model={network}', *given(settings), *flags_of(name)]
    starts = [startup.first_step(words, variables(name)) for _ in range(STARTS)]
    firsts = [stages['first step'] for stages in starts]
    return resume.exact(words, variables(name)), min(firsts)


def section(network, settings, rounds, single, failures):
    """The section of a network: a row a way, and one each for the other contestants."""
    note = NOTE.format(settings.rounds)
    if failures:
        note += FAILED.format('; '.join(f'{name} ({why})' for name, why in failures.items()))
    rows = [row(name, rounds, single.get(name)) for name in rounds]
    return f'{network}, {settings.batch_size} images per step', note, HEADER, rows


def row(name, rounds, single):
    """Cells of a way; `single` is what `alone` found, None for the other contestants."""
    answers = rounds[name]
    speeds = [verdict.rates(rounds[n], 'seconds') for n in (name, REFERENCE)]
    memory = [answers[-1][place] for place in ('device', 'peak')]
    return [
        name,
        *summary(*speeds),
        f'{median(verdict.rates(answers, "inside")):.0f}' if single else '',
        *('' if size is None else f'{size / 1e6:.0f}' for size in memory),
        *((f'{single[1]:.1f} s', 'exactly' if single[0] else 'differs') if single else ('', '')),
    ]


if __name__ == '__main__':
    terminal.start(main)
