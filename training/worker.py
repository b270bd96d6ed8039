"""One process of a training: its model, its data and its loop."""

import datasets
from models.shared.build import build
from support.errors import InputError
from support.terminal import Interrupt
from training import distribution
from training.loop import Diverged, Loop


class Worker:
    """Makes the steps of `run` with `settings` on `data`, a `datasets.Dataset`, from `arrays`.

    `arrays` are a checkpoint, or None at the start. A worker that is not the chief writes nothing.
    """

    def __init__(self, run, settings, data, arrays, team):
        self.run, self.settings, self.data, self.team = run, settings, data, team
        self.strategy = distribution.strategy_of(settings.distribute)
        with self.strategy.scope():
            self.model = build(data.train_images.shape[1:], len(data.class_names), settings)
            distribution.prepare(self.model, settings)
        self.loop = self.loop_of(self.streams())
        if arrays:
            with run.fitting():
                self.loop.restore(arrays)

    def streams(self):
        """The model's further streams; raises InputError where they cannot be trained on."""
        streams = self.model.streams(self.data, self.load)
        for name, stream in streams.items():
            if not len(stream.images) or len(stream.images) != len(stream.labels):
                fault = f'its data stream {name} has no examples, or not one label per image'
                raise InputError(f'--model={self.settings.model}: {fault}; fix its streams()')
        return streams

    def load(self, name):
        """Another data set for the model, with images of the same size as the run's."""
        side = self.model.image_shape[0]
        return datasets.load(name, self.settings.data_dir, side)

    def loop_of(self, streams, xla=False):
        """The `Loop` of the run."""
        settings, data = self.settings, self.data
        return Loop(
            self.model,
            data.train_images,
            data.train_labels,
            settings.batch_size,
            settings.seed,
            xla,
            settings.stop_on_nan,
            streams,
            self.strategy,
        )

    def follow(self):
        """Makes the steps that the chief makes, until it ends; returns the exit status."""
        status = 0
        with Interrupt('') as interrupt:
            while True:
                steps, signal = self.team.agree(0, interrupt.signal or 0)
                if not steps:
                    self.team.leave()
                    return status
                status = 128 + signal if signal else self.make(steps)

    def make(self, steps):
        """Makes a call of so many steps; returns 1 if the loss diverged, which the chief tells."""
        try:
            self.loop.train(steps)
        except Diverged:
            return 1
        return 0
