"""What it costs to divide a batch among devices: bytes to be summed, images per second, a bound.

  python -m benchmarks.scale --models=vae,gan

Bytes are counted from the variables of every model. Images per second are measured on this
processor; the ways take turns, round by round. What a network leaves of the speed is computed.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
from statistics import median

import flags
from benchmarks.children import ENVIRONMENT
from benchmarks.report import origin, table
from benchmarks.throughput import words
from models.shared import declarations
from support import backend, terminal

ALONE = 'one device, --xla=off'
WAYS = {  # --distribute, logical devices of a process, processes
    ALONE: ('none', 1, 1),
    'one replica': ('mirrored', 1, 1),
    'two replicas': ('mirrored', 2, 1),
    'two processes': ('multi_worker', 1, 2),
}
NETWORKS = {'1 Gbit/s': 1e9, '10 Gbit/s': 1e10, '100 Gbit/s': 1e11}
SPEEDS = 'Images per second: medians of the rounds; ratio: the median of the ratios of each round.'
SHARES = (
    'Computed: the step of one device as measured, and after it a ring that sums the bytes of the '
    'first table over many machines, each number sent twice, at the full rate of the network.'
)


def main(argv):
    """Runs the command line `argv`; returns the exit status."""
    settings = flags.parse(argv, __doc__, define_flags)
    chosen = words(settings, 'models', declarations.names()) if settings.models else []
    print(origin(argv, 'benchmarks.scale'))
    sizes = {name: volume(name) for name in declarations.names()}
    rows = [[name, *map(megabytes, sizes[name]), megabytes(sum(sizes[name]))] for name in sizes]
    print(table(['model', 'gradients', 'statistics', 'MB a step'], rows), flush=True)
    found = {name: race(name, settings) for name in chosen}
    print(f'\n{SPEEDS}\n\n{speeds(found)}')
    print(f'\n{SHARES}\n\n{shares(found, sizes, settings.batch_size)}')
    return 0


def define_flags(table):
    """Defines this command's flags on `table`."""
    group, positive = 'What to measure', flags.Number(int, 1)
    flags.define(table, group, 'models', 'vae,gan', 'models to measure; none: count alone')
    flags.define(table, group, 'rounds', 5, 'turns of each way', positive)
    flags.define(table, group, 'steps', 50, 'steps a turn', positive)
    flags.define(table, group, 'batch_size', 64, 'images a step', flags.Number(int, 2))
    flags.define(table, group, 'threads', 2, 'threads of all processes together', positive)


def volume(name):
    """Bytes of gradients and of other variables that the replicas of a model sum up a step."""
    backend.load_tensorflow()
    from models.shared.build import build

    model = build((28, 28, 1), 10, flags.settings(name, dataset='digits'))
    trained = fixed = 0.0
    for player, every in model.players.items():
        network = model.network(player)
        trained += size(network.trainable_variables) / every
        fixed += size(network.non_trainable_variables) / every
    return trained, fixed


def size(variables):
    """Bytes of variables."""
    return sum(int(v.value.dtype.size * v.shape.num_elements()) for v in variables)


def megabytes(count):
    """Bytes as a cell."""
    return f'{count / 1e6:.2f}'


def race(name, settings):
    """{way: images per second in each round} of a model."""
    with contextlib.ExitStack() as stack:
        teams = {way: [*start(name, settings, *how, stack)] for way, how in WAYS.items()}
        for team in teams.values():
            answers(team)
        images = settings.steps * settings.batch_size
        turns = [
            {way: images / ask(team, settings.steps) for way, team in teams.items()}
            for _ in range(settings.rounds)
        ]
    return {way: [turn[way] for turn in turns] for way in WAYS}


def start(name, settings, kind, devices, count, stack):
    """Starts the processes of a way; they share the threads."""
    words = [f'--model={name}', '--dataset=digits', f'--distribute={kind}', '--xla=off']
    words += [f'--batch_size={settings.batch_size}']
    threads = str(max(1, settings.threads // count))
    own = ENVIRONMENT | {f'TF_NUM_{kind}OP_THREADS': threads for kind in ('INTRA', 'INTER')}
    ports = free_ports(count)
    for index in range(count):
        cluster = {'worker': [f'localhost:{port}' for port in ports]}
        task = {'type': 'worker', 'index': index}
        place = {'TF_CONFIG': json.dumps({'cluster': cluster, 'task': task})}
        process = subprocess.Popen(
            [sys.executable, '-m', 'benchmarks.replica', str(devices), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | own | (place if count > 1 else {}),
            text=True,
        )
        stack.callback(process.kill)
        yield process


def free_ports(count):
    """Ports of this machine that nothing listens on."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(('localhost', 0))
        return [one.getsockname()[1] for one in sockets]


def ask(team, steps):
    """Seconds of so many steps, of the slowest process."""
    for process in team:
        print(steps, file=process.stdin, flush=True)
    return max(map(float, answers(team)))


def answers(team):
    """The next line of each process; a RuntimeError where one died."""
    lines = [process.stdout.readline() for process in team]
    if not all(lines):
        raise RuntimeError('a process of the benchmark died; what it wrote is above')
    return lines


def speeds(found):
    """The table of {model: {way: images per second}}."""
    rows = []
    for name, rounds in found.items():
        for way, values in rounds.items():
            ratios = [own / one for own, one in zip(values, rounds[ALONE], strict=True)]
            spread = f'{min(values):.0f} to {max(values):.0f}'
            rows.append([name, way, f'{median(values):.0f}', spread, f'{median(ratios):.2f}'])
    return table(['model', 'way', 'images/s', 'lowest to highest', 'ratio'], rows)


def shares(found, sizes, batch):
    """The table of what networks leave of the speed of {model: {way: images per second}}."""
    rows = []
    for name, rounds in found.items():
        seconds = batch / median(rounds[ALONE])
        sent = 16 * sum(sizes[name])  # bits: each byte twice
        left = [f'{seconds / (seconds + sent / rate):.0%}' for rate in NETWORKS.values()]
        rows.append([name, f'{1000 * seconds:.1f}', *left])
    return table(['model', 'measured ms a step', *NETWORKS], rows)


if __name__ == '__main__':
    terminal.start(main)
