"""Trains a model and draws samples after every epoch.

  python train.py --model=vae --dataset=mnist
  python train.py --model=vae --help

The run is saved in outputs/vae-mnist/. The same command continues a run that was stopped; a larger
--epochs continues training. With --model, --help also lists the flags of that model.
"""

if __name__ == '__main__':  # before the imports below, which take a while
    import os
    import sys

    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # python -I leaves it out
    from support import startup

    startup.begin()

import flags
from support import terminal
from training import setup


def main(argv):
    """Runs the command line `argv`; returns the exit status."""
    settings = flags.training(argv, __doc__)
    return setup.train(settings, flags.words(argv[1:]))


if __name__ == '__main__':
    terminal.start(main)
