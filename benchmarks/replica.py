"""One process of `benchmarks.scale`: it makes steps for each line that it reads, and times them.

  python -m benchmarks.replica DEVICES --model=vae --dataset=digits --distribute=mirrored ...

A line is a number of steps, the answer the seconds that they took.
"""

import sys

import flags
from benchmarks.child import claim_output
from support import backend
from training import setup


def main(devices, *argv):
    """Answers lines until there are no more; `devices` are those the processor is divided into."""
    answers = claim_output()
    settings = flags.training(['train.py', *argv], '')
    loop = make(settings, int(devices))
    with backend.quiet():
        loop.train(1)
    print('ready', file=answers, flush=True)
    for line in sys.stdin:
        print(timed(loop, int(line)), file=answers, flush=True)


def make(settings, devices):
    """The loop of these settings."""
    tf, _ = backend.load_tensorflow()
    (processor,) = tf.config.list_physical_devices('CPU')
    parts = [tf.config.LogicalDeviceConfiguration()] * devices
    tf.config.set_logical_device_configuration(processor, parts)
    from training import distribution
    from training.team import Team
    from training.worker import Worker

    distribution.strategy_of(settings.distribute)  # before the data, which may use TensorFlow
    data, _ = setup.load(settings)
    return Worker(None, settings, data, None, Team()).loop


def timed(loop, steps):
    """Seconds of so many steps, in calls of at most what is left of an epoch."""
    seconds = 0.0
    while steps:
        made, passed = loop.train(steps)
        steps, seconds = steps - made, seconds + passed
    return seconds


if __name__ == '__main__':
    main(*sys.argv[1:])
