"""A contestant in its own process: it trains one epoch for each line `epoch` that it reads.

  python -m benchmarks.child CONTESTANT NETWORK --dataset=digits ...

On a line `part 30` it trains for 30 seconds, on `test` it answers with the negative ELBO of the
test split, on `fid` with the FID of its samples. Answers are lines of JSON.
"""

import importlib
import json
import os
import resource
import sys
import time
from pathlib import Path

import flags
from models.shared import declarations
from training import setup

UNIT = 1 if sys.platform == 'darwin' else 1024  # of ru_maxrss, in bytes
CHUNK = 500


def main(contestant, network, *argv):
    """Answers lines until there are no more."""
    answers = claim_output()
    settings, data, data_hash = prepare(network, argv)
    if network == 'tutorial_dcgan':  # where `build` looks for it
        sys.modules[f'models.{network}'] = importlib.import_module(f'benchmarks.{network}')
    module = importlib.import_module(f'benchmarks.{contestant}')
    trainer = module.Trainer(settings, data, data_hash)
    commands = {
        'epoch': lambda: epoch(trainer),
        'part': lambda seconds: part(trainer, float(seconds)),
        'test': lambda: test(trainer.model, data),
        'fid': lambda: fid(trainer.model, settings, data_hash),
    }
    print(json.dumps(cost(trainer.model)), file=answers, flush=True)
    for line in sys.stdin:
        word, *values = line.split()
        print(json.dumps(commands[word](*values)), file=answers, flush=True)


def claim_output():
    """The standard output as it was; what else is written there from now on is dropped."""
    answers = os.fdopen(os.dup(1), 'w')
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return answers


def prepare(network, argv):
    """Settings, data and hash of a run of `network`, a model of the project or `tutorial_dcgan`."""
    known = network if network in declarations.names() else 'gan'
    settings = flags.training(['train.py', f'--model={known}', *argv], '')
    settings.model = network
    return settings, *setup.load(settings)


def cost(model):
    """Operations of a training step an image."""
    from benchmarks.flops import flops

    return {'flops': flops(model)}


def epoch(trainer):
    """Trains for an epoch.

    Returns:
      images, seconds, of these seconds those inside compiled calls (None: not known), the memory
      now and at most so far, and the most of a GPU's (None: there is none), in bytes.
    """
    before, began = getattr(trainer, 'inside', None), time.perf_counter()
    images = trainer.epoch()
    seconds = time.perf_counter() - began
    inside = None if before is None else trainer.inside - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT
    found = {'images': images, 'seconds': seconds, 'inside': inside}
    return found | {'resident': resident() or peak, 'peak': peak, 'device': on_device()}


def part(trainer, seconds):
    """Trains for so many seconds, or a little longer; returns images and seconds."""
    began = time.perf_counter()
    images = trainer.part(seconds)
    return {'images': images, 'seconds': time.perf_counter() - began}


def fid(model, settings, data_hash):
    """The FID of the model's samples."""
    from benchmarks import judging

    bench = judging.bench_of(settings.dataset, settings.data_dir, data_hash)
    return {'fid': judging.fid(model, bench)}


def resident():
    """Bytes of memory in use, or None where the system does not tell."""
    table = Path('/proc/self/statm')
    return int(table.read_text().split()[1]) * resource.getpagesize() if table.exists() else None


def on_device():
    """The most bytes of the GPU's memory in use so far, or None without a GPU."""
    import tensorflow as tf

    if not tf.config.list_physical_devices('GPU'):
        return None
    return tf.config.experimental.get_memory_info('GPU:0')['peak']


def test(model, data):
    """Negative ELBO of the test split, in nats, with the same noise each time."""
    import tensorflow as tf

    from models.shared.base import Batch
    from models.shared.pixels import from_uint8

    total, images = 0.0, data.test_images
    for start in range(0, len(images), CHUNK):
        part = from_uint8(images[start : start + CHUNK], model.value_range)
        values = model.test(Batch(part, None), tf.constant([0, start]))
        total += float(tf.reduce_sum(values['negative_elbo']))
    return {'negative_elbo': total / len(images)}


if __name__ == '__main__':
    main(*sys.argv[1:])
