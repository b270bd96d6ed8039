"""The project as a contestant: its trainer as train.py starts it, with log and checkpoints.

It only tests on the first 64 images, because the other contestants do not test.
"""

import time
from pathlib import Path
from types import SimpleNamespace

from runs.directory import Run
from support import backend
from support.terminal import Progress
from training import setup

TESTED = 64


class Deadline:
    """Asks the trainer to stop, as a signal does, once so many seconds are over."""

    def __init__(self, seconds):
        self.end, self.told = time.monotonic() + seconds, False

    @property
    def signal(self):
        """Whether the time is up."""
        return self.told or time.monotonic() >= self.end

    @signal.setter
    def signal(self, told):
        """What the workers agreed on."""
        self.told = told


class Trainer:
    """Trains a run in `settings.output_dir`.

    Attributes:
      inside: seconds spent in compiled calls since the beginning.
    """

    def __init__(self, settings, data, data_hash):
        run = Run(Path(settings.output_dir) / settings.run_name)
        run.path.mkdir(parents=True)
        run.begin(setup.configuration(settings, data, data_hash))
        backend.load_tensorflow()
        from training import trainer

        test = {'test_images': data.test_images[:TESTED], 'test_labels': data.test_labels[:TESTED]}
        self.trainer = trainer.Trainer(run, settings, data._replace(**test), None)
        self.trainer.write_start()
        self.model, self.loop = self.trainer.model, self.trainer.loop
        images = self.loop.steps_per_epoch * settings.batch_size
        self.progress = Progress(images, settings.epochs, 0)
        self.inside, self.call = 0.0, self.loop.train
        self.loop.train = self.timed

    def timed(self, steps):
        """A compiled call, whose seconds are added up."""
        made, seconds = self.call(steps)
        self.inside += seconds
        return made, seconds

    def epoch(self):
        """Trains for one epoch; returns the images seen."""
        before = self.loop.step
        self.trainer.epoch(SimpleNamespace(signal=None), self.progress)
        return (self.loop.step - before) * self.loop.batch_size

    def part(self, seconds):
        """Trains for so many seconds, in the midst of an epoch too; returns the images seen."""
        before, deadline = self.loop.step, Deadline(seconds)
        while not deadline.signal:
            self.trainer.epoch(deadline, self.progress)
        return (self.loop.step - before) * self.loop.batch_size
