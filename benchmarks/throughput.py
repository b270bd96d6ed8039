"""Measures the project beside what a user would pick instead, on the same networks and updates.

  python -m benchmarks.throughput --dataset=digits

Each contestant is a process of its own; they take turns epoch by epoch, so that a slow minute of
the machine falls on all. Prints tables and writes them to --out. The machine should do nothing
else meanwhile.
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

GROUPS = (('vae', 64), ('vae', 512), ('gan', 64), ('tutorial_dcgan', 64))  # network, images a step
NETWORKS = ('vae', 'gan', 'tutorial_dcgan')
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
    'Median of the rounds; ratio to the tutorial loop, median of the ratios round by round. The '
    'peak is that of a large matrix product in the same precision: {float32:.0f} GFLOP/s in '
    'float32, {bfloat16:.0f} in bfloat16; a training step takes {flops:.1f} MFLOP an image. '
    'Memory: most in use, in MB.'
)
NO_TORCH = ' PyTorch is not installed, so it is left out.'


def main(argv):
    """Runs the command line `argv`; returns the exit status."""
    values = flags.parse(argv, __doc__, define_flags)
    networks, parts = words(values, 'networks', NETWORKS), words(values, 'parts', PARTS)
    datasets.check(values.dataset, values.data_dir)
    report = Report(values.out, argv)
    data = [f'--dataset={values.dataset}']
    data += [f'--data_dir={values.data_dir}'] if values.data_dir else []
    if 'throughput' in parts:
        peaks = json.loads(python('-m', 'benchmarks.peak'))
        for network, batch in GROUPS:
            if network in networks:
                report.add(*throughput(network, batch, data, values, peaks))
    if 'quality' in parts:
        report.add(*quality.section([*data, f'--train_size={values.train_size}'], values.nats))
    if 'surroundings' in parts:
        report.add(*surroundings.section(data, values.train_size, values.rounds))
    if 'startup' in parts:
        report.add(*startup.section(data, values.rounds))
    return 0


def define_flags(values):
    """Defines this command's flags on `values`."""
    group = 'What to measure'
    flags.define(values, group, 'dataset', 'digits', 'as for train.py')
    flags.define(values, group, 'data_dir', None, 'as for train.py')
    flags.define(values, group, 'networks', ','.join(NETWORKS), 'whose throughput is measured')
    flags.define(values, group, 'parts', ','.join(PARTS), 'which tables are made')
    flags.define(values, group, 'rounds', 5, 'epochs of each contestant', flags.Number(int, 1))
    size = flags.Number(int, max(batch for _, batch in GROUPS))
    flags.define(values, group, 'train_size', 10000, "training images of the VAE's epoch", size)
    meaning = 'training images of an epoch of the other networks, which are slower'
    flags.define(values, group, 'gan_train_size', 10000, meaning, size)
    meaning = 'the negative ELBO on the test split that the VAE is to reach, in nats'
    flags.define(values, group, 'nats', 120.0, meaning, flags.Number(float, 0, above=True))
    flags.define(values, group, 'out', 'benchmarks/results.md', 'file of the tables')


def words(values, name, known):
    """The comma-separated words of a flag.

    Raises:
      InputError: one of them is not known.
    """
    found = values[name].value.split(',')
    for word in found:
        if word not in known:
            near = flags.nearest(word, known)
            raise InputError(f'--{name}: no {word!r}{near}; there are {", ".join(known)}')
    return found


def throughput(network, batch, data, values, peaks):
    """The section of one network and batch."""
    size = values.train_size if network == 'vae' else values.gan_train_size
    settings = [*data, f'--batch_size={batch}', f'--train_size={size}', '--epochs=1000000']
    torch = importlib.util.find_spec('torch') is not None
    present = {name: how for name, how in CONTESTANTS.items() if torch or name != 'PyTorch'}
    with started(present, network, *settings) as children:
        rounds = race(children, values.rounds)
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
    return f'{network}, {batch} images a step', note, HEADER, rows


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
