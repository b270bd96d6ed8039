"""Measures the speed of the project against its alternatives, on the same networks and updates.

  python -m benchmarks.throughput --dataset=digits

Each contestant runs in its own process. They take turns epoch by epoch, so that a slow minute of
the machine affects all of them. The tables are printed and written to --out. Run nothing else on
the machine meanwhile.
"""

import importlib.util
import json
from statistics import median

import datasets
import flags
from benchmarks import quality, startup, surroundings
from benchmarks.children import python, started
from benchmarks.report import Report
from support import terminal
from support.errors import InputError

GROUPS = (  # (network, batch size)
    ('vae', 64),
    ('vae', 512),
    ('gan', 64),
    ('tutorial_dcgan', 64),
    ('pixelcnn', 16),
)
NETWORKS = ('vae', 'gan', 'tutorial_dcgan', 'pixelcnn')
PARTS = ('throughput', 'quality', 'surroundings', 'startup')
REFERENCE = 'tutorial'
CONTESTANTS = {  # (file, flags of its own)
    'ours': ('ours', []),
    'ours, bfloat16': ('ours', ['--precision=bfloat16']),
    REFERENCE: ('tutorial', []),
    'Keras fit': ('fit', []),
    'PyTorch': ('pytorch', []),
}
HEADER = ['contestant', 'images/s', 'lowest to highest', 'ratio', 'share of peak', 'memory']
NOTE = (
    'Images per second are the median of the rounds. Ratio: speed relative to the tutorial loop, '
    'the median of the ratios of each round. The peak is that of a large matrix product in the '
    'same precision: {float32:.0f} GFLOP/s in float32, {bfloat16:.0f} in bfloat16; a training step '
    'takes {flops:.1f} MFLOP per image. Memory: the most in use, in MB.'
)
NO_TORCH = ' PyTorch is not installed, so it is left out.'


def main(argv):
    """Runs the command line `argv`; returns the exit status."""
    settings = flags.parse(argv, __doc__, define_flags)
    networks, parts = words(settings, 'networks', NETWORKS), words(settings, 'parts', PARTS)
    datasets.check(settings.dataset, settings.data_dir)
    report = Report(settings.out, argv, 'benchmarks.throughput')
    data = [f'--dataset={settings.dataset}']
    data += [f'--data_dir={settings.data_dir}'] if settings.data_dir else []
    if 'throughput' in parts:
        peaks = json.loads(python('-m', 'benchmarks.peak'))
        for network, batch in GROUPS:
            if network in networks:
                report.add(*throughput(network, batch, data, settings, peaks))
    if 'quality' in parts:
        report.add(*quality.section([*data, f'--train_size={settings.train_size}'], settings.nats))
    if 'surroundings' in parts:
        report.add(*surroundings.section(data, settings.train_size, settings.rounds))
    if 'startup' in parts:
        report.add(*startup.section(data, settings.rounds))
    return 0


def define_flags(table):
    """Defines this command's flags on `table`."""
    group = 'What to measure'
    flags.define(table, group, 'dataset', 'digits', 'as for train.py')
    flags.define(table, group, 'data_dir', None, 'as for train.py')
    flags.define(table, group, 'networks', ','.join(NETWORKS), 'networks to measure')
    flags.define(table, group, 'parts', ','.join(PARTS), 'tables to make')
    flags.define(table, group, 'rounds', 5, 'epochs per contestant', flags.Number(int, 1))
    size = flags.Number(int, max(batch for _, batch in GROUPS))
    flags.define(table, group, 'train_size', 10000, 'training images per epoch of the VAE', size)
    meaning = 'training images per epoch of the other networks, which are slower'
    flags.define(table, group, 'gan_train_size', 10000, meaning, size)
    meaning = 'negative ELBO on the test split that the VAE must reach, in nats'
    flags.define(table, group, 'nats', 120.0, meaning, flags.Number(float, 0, above=True))
    flags.define(table, group, 'out', 'benchmarks/results.md', 'file for the tables')


def words(settings, name, known):
    """The comma-separated words of a flag.

    Raises:
      InputError: one of them is not known.
    """
    found = settings[name].value.split(',')
    for word in found:
        if word not in known:
            near = flags.nearest(word, known)
            raise InputError(f'--{name}: {word!r} is unknown{near}; choose from {", ".join(known)}')
    return found


def throughput(network, batch, data, settings, peaks):
    """The section of one network and batch."""
    size = settings.train_size if network == 'vae' else settings.gan_train_size
    given = [*data, f'--batch_size={batch}', f'--train_size={size}', '--epochs=1000000']
    torch = importlib.util.find_spec('torch') is not None
    present = {name: how for name, how in CONTESTANTS.items() if torch or name != 'PyTorch'}
    with started(present, network, *given) as children:
        rounds = race(children, settings.rounds)
        flops = children[REFERENCE].flops
    note = NOTE.format(flops=flops / 1e6, **peaks) + ('' if torch else NO_TORCH)
    speeds = {name: [a['images'] / a['seconds'] for a in rounds[name]] for name in rounds}
    rows = []
    for name in rounds:
        peak = peaks['bfloat16' if name.endswith('bfloat16') else 'float32'] * 1e9
        share = median(speeds[name]) * flops / peak
        # The PyTorch process also holds TensorFlow, for the networks that it translates.
        memory = '' if name == 'PyTorch' else f'{rounds[name][-1]["peak"] / 1e6:.0f}'
        rows.append([name, *summary(speeds[name], speeds[REFERENCE]), f'{share:.0%}', memory])
    return f'{network}, {batch} images per step', note, HEADER, rows


def race(children, rounds):
    """{name: answers of its epochs}, in turns; a first epoch, which compiles, does not count."""
    for child in children.values():
        child.ask('epoch')
    turns = [{name: child.ask('epoch') for name, child in children.items()} for _ in range(rounds)]
    return {name: [turn[name] for turn in turns] for name in children}


def summary(speeds, reference):
    """Cells: median, lowest to highest, median of the ratios to `reference`."""
    ratios = [own / other for own, other in zip(speeds, reference, strict=True)]
    extent = f'{min(speeds):.0f} to {max(speeds):.0f}'
    return [f'{median(speeds):.0f}', extent, f'{median(ratios):.2f}']


if __name__ == '__main__':
    terminal.start(main)
