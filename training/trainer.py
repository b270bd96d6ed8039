"""Trains one run, from its start or a checkpoint, to the last epoch or a signal."""

import shlex
import sys
import time

from tqdm import tqdm

import datasets
import pictures
from evaluation import metrics
from runs.drawing import SHOWN, columns_of, draw, grid_latents, latents_of, redraw, show
from runs.health import failure, warn
from support.backend import quiet
from support.errors import InputError
from support.files import atomic
from support.terminal import Interrupt, Progress
from training import distribution
from training.description import description
from training.devices import choose_xla
from training.events import FRAMES, Events
from training.feed import fingerprint
from training.loop import Diverged
from training.team import Team
from training.worker import Worker

CALL_SECONDS = 0.5  # per compiled call; between calls, Ctrl-C is answered
STOPPING = (
    'stopping and saving as soon as the current steps or compilation end; '
    'a second Ctrl-C quits at once'
)


class Trainer(Worker):
    """Trains `run`, writes what it becomes, and leads the other workers if there are any.

    The row and the pictures of an epoch are written before its checkpoint. Whatever is later than
    the checkpoint is removed here and made again, so a killed process leaves no trace. `begin()`
    writes a new run, once the model has taken its settings and the data.
    """

    def __init__(self, run, settings, data, arrays, begin=None, team=None):
        self.begin = begin or (lambda: None)
        super().__init__(run, settings, data, arrays, team or Team())
        self.tell_devices(arrays)
        self.target, self.labels = datasets.subset(data.test_images, data.test_labels, SHOWN)
        run.rewind(self.loop.step, self.loop.epoch)
        sources = self.model.sources(data, self.load)
        self.grid = grid_latents(self.model, settings.seed, sources)
        self.latents = latents_of(self.model, SHOWN, settings.seed, sources)
        self.events = Events(run)
        self.calls, self.call_steps = None, 1
        self.failing = failure(run)
        self.monitor = watch(run, settings, self.model, self.load) if settings.eval_every else None
        self.saved, self.saved_at = self.loop.step, time.monotonic()

    def loop_of(self, streams):
        """The `Loop` of the run, once that is written; XLA compiles steps of one device alone."""
        self.begin()  # from here on nothing is refused
        self.run.check_streams(fingerprint(streams))
        alone = self.settings.distribute == 'none'
        chosen = choose_xla(self.settings, self.model) if alone else 'off'
        xla = self.run.settle('xla', lambda: chosen)
        return super().loop_of(streams, alone and xla == 'on')

    def tell_devices(self, arrays):
        """Records on what the run is trained, and warns if it was trained on something else."""
        now = distribution.described(self.settings, self.loop.strategy.num_replicas_in_sync)
        last = self.run.note('devices', now) or distribution.ALONE
        if arrays and last != now:
            print(
                f'{self.run.path}: was trained on {last} and continues on {now}; the result is not '
                'bit for bit that of an uninterrupted run',
                file=sys.stderr,
            )

    def train(self):
        """Trains to the last epoch; returns the exit status.

        Raises:
          InputError: the loss diverged, or something cannot be written.
        """
        self.write_start()
        loop, epochs = self.loop, self.settings.epochs
        images = loop.steps_per_epoch * loop.batch_size
        progress = Progress(images, epochs, loop.step * loop.batch_size)
        with Interrupt(STOPPING) as interrupt, progress:
            try:
                while loop.epoch < epochs and not interrupt.signal:
                    self.epoch(interrupt, progress)
            except Diverged as error:
                self.write_end()
                raise InputError(self.divergence(error)) from None
        self.write_end()
        warn(self.run)
        return self.farewell(interrupt.signal)

    def epoch(self, interrupt, progress):
        """Trains to the end of the epoch or to a signal, and saves if it is time to.

        Saving comes before printing, because printing may fail: a closed pipe, a full disk.
        """
        loop, epoch, began = self.loop, self.loop.epoch + 1, time.monotonic()
        while loop.epoch < epoch and self.goes_on(interrupt):
            steps = self.call()
            progress.advance(steps * loop.batch_size, loop.means())
            if loop.epoch < epoch and self.minutes() >= self.settings.save_every_minutes:
                self.save()
        row = self.close_epoch(epoch, began) if loop.epoch == epoch else None
        if interrupt.signal or epoch % self.settings.save_every == 0 or self.done():
            self.save()
        if row:
            progress.epoch(row)

    def goes_on(self, interrupt):
        """Whether no worker got a signal; tells the others how many steps the next call has."""
        _, signal = self.team.agree(self.call_steps, interrupt.signal or 0)
        if signal:
            interrupt.signal = signal
        return not signal

    def minutes(self):
        """Minutes since the last checkpoint."""
        return (time.monotonic() - self.saved_at) / 60

    def save(self):
        """Writes a checkpoint, unless a variable is not finite.

        Raises:
          Diverged: in that case, unless --stop_on_nan=false.
        """
        self.saved_at = time.monotonic()
        try:
            self.run.save(self.loop.state(), self.loop.step)
            self.saved = self.loop.step
        except Diverged:
            if self.settings.stop_on_nan:
                raise

    def done(self):
        """Whether all epochs are trained."""
        return self.loop.epoch >= self.settings.epochs

    def call(self):
        """Makes one compiled call; returns its steps. The first compiles, so it is not timed."""
        if self.calls is None:
            with quiet():
                steps, _ = self.loop.train(1)
            self.calls = []
            return steps
        steps, seconds = self.loop.train(self.call_steps)
        self.calls.append((steps, seconds))
        self.call_steps = max(1, min(1000, round(steps * CALL_SECONDS / seconds)))
        return steps

    def images_per_second(self):
        """Speed of the calls since this was last asked; None if there were none."""
        steps, seconds = (sum(column) for column in zip((0, 0.0), *self.calls, strict=True))
        self.calls.clear()
        return round(steps * self.loop.batch_size / seconds, 1) if steps else None

    def close_epoch(self, epoch, began):
        """Tests, draws, logs; returns the row of the log."""
        test = self.loop.test(self.data.test_images, self.data.test_labels)
        samples = show(self.model, self.grid)
        if epoch % self.settings.sample_every == 0 or self.done():
            self.draw(epoch, samples)
            self.events.draw(epoch)
        row = {'epoch': epoch, **self.loop.means()}
        free = draw(self.model, self.latents) if columns_of(self.model) else samples
        row |= {'spread': metrics.spread(free, self.target)}
        row |= {f'test_{name}': value for name, value in test.items()}
        row |= self.scores(epoch)
        row |= {'images_per_second': self.images_per_second()}
        row |= {'seconds': round(time.monotonic() - began, 3)}
        self.run.log(row)
        self.events.add(row)
        self.watch()
        return row

    def watch(self):
        """Warns when the run begins to fail, once each time."""
        before, self.failing = self.failing, failure(self.run)
        if self.failing and not before:
            tqdm.write(self.failing, sys.stderr)

    def scores(self, epoch):
        """The monitor's scores, empty if they are not due; warns if classes are missing."""
        if not self.monitor:
            return {}
        if epoch % self.settings.eval_every:
            return dict.fromkeys(self.monitor.names)
        found = self.monitor.scores()
        drawn, known = found.get('eval_classes'), self.monitor.classes
        if drawn is not None and drawn < known:
            tqdm.write(f'epoch {epoch}: only {drawn} of {known} classes are drawn', sys.stderr)
        return found

    def draw(self, epoch, samples):
        """Draws the epoch's grids: the samples, reconstructions of the target."""
        pictures.save_grid(self.run.picture('samples', epoch), samples, columns_of(self.model))
        if self.model.offers('reconstruct'):
            copies = redraw(self.model, self.target, self.labels)
            pictures.save_grid(self.run.picture('reconstructions', epoch), copies)

    def write_start(self):
        """Writes what does not change: the networks as text, the target of the grids."""
        with atomic(self.run.path / 'model.txt') as path, open(path, 'w') as file:
            for network in self.model.layers:
                print(*description(network), sep='\n', file=file)
        pictures.save_grid(self.run.path / 'target.png', self.target)

    def write_end(self):
        """Writes the GIF of the samples and, after the last epoch, the final weights."""
        epochs = pictures.spaced(self.run.epochs('samples'), FRAMES)
        if epochs:
            captions = [f'epoch {epoch}' for epoch in epochs]
            pictures.save_gif(self.run.path / 'samples.gif', map(self.samples, epochs), captions)
        if self.done() and self.sound():
            with atomic(self.run.final()) as path:
                self.model.save_weights(path)

    def samples(self, epoch):
        """The samples of an epoch, as an enlarged picture."""
        height, width, _ = self.model.image_shape
        cells = pictures.load_cells(self.run.picture('samples', epoch), height, width)
        return pictures.enlarged(cells, columns_of(self.model))

    def sound(self):
        """Whether the newest checkpoint holds what was trained last."""
        return self.saved == self.loop.step

    def farewell(self, number):
        """Prints how the training ended; returns the exit status."""
        if not self.sound():
            raise InputError(
                f'--stop_on_nan=false: after step {self.saved} a weight was infinite or not a '
                f'number, so nothing later was saved; {self.left()}'
            )
        path = self.run.path
        if self.done():
            print(
                f'{path}: finished epoch {self.loop.epoch}; samples over time: {path}/samples.gif'
            )
            print(f'next: python evaluate.py {shlex.quote(f"--runs={path}")}')
            return 0
        where = f'stopped and saved in epoch {self.loop.epoch + 1}'
        print(f'{path}: {where}; the same command continues from here')
        return 128 + number

    def divergence(self, error):
        """One line on what broke, what is left and what to try."""
        losses = ', '.join(f'{name} {value:.4g}' for name, value in error.losses.items())
        return (
            f'--learning_rate={self.settings.learning_rate:g}: diverged at step {error.step} '
            f'({losses}); {self.left()}'
        )

    def left(self):
        """What is left of a diverged run, and what to try."""
        kept = self.run.checkpoints()
        last = f'the last good checkpoint is {kept[0]}' if kept else 'no checkpoint was written yet'
        return f'{last}; try a smaller --learning_rate or another --seed'


def watch(run, settings, model, load):
    """The `Monitor` of a run, imported only if something is to be scored."""
    from training.monitor import Monitor

    return Monitor(run, settings, model, load)
