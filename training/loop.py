"""The training loop: the compiled steps, optimizers, seeds, and the state in a checkpoint."""

import functools
import time

import keras
import numpy as np
import tensorflow as tf

from models.shared.base import Batch
from models.shared.layers import products
from models.shared.noise import LATENTS_STEP, layers_draw_from
from models.shared.pixels import from_uint8
from runs.restore import assign
from support.errors import InputError
from training import distribution
from training.feed import Feed

CHUNK = 500
FIRST = 500  # images by which a model may set its initial weights


class Diverged(InputError):
    """A loss or a variable became infinite or not a number.

    Attributes:
      step: the step, counted from 1.
      losses: {name: value} at that step.
    """

    def __init__(self, step, losses):
        super().__init__(step, losses)
        self.step, self.losses = step, losses


class Loop:
    """Trains a model on uint8 images, in memory or on disk.

    A step is a function of the state and (seed, step): the order of the images comes from
    (seed, epoch), every other random number from (seed, step). The state is the variables, the
    step and the sums of the losses since the epoch began; it is enough to continue exactly.

    A player's move is made by all replicas of a strategy at once; the loop over the steps, and
    which player is due, stay outside. Several replicas take their images from the host.

    Attributes:
      step: steps made so far.
      sums: float64 sums of `names` over the steps of the current epoch.
      names: of the logged losses; known after the first call.
    """

    def __init__(
        self,
        model,
        images,
        labels,
        batch_size,
        seed,
        xla=False,
        stop_on_nan=True,
        streams=None,
        strategy=None,
    ):
        """Lets the model set its initial weights, and builds the optimizers.

        Args:
          model: a `GenerativeModel`.
          images: (N, H, W, C) uint8; labels: (N,) integers.
          batch_size: examples per step, at most N; an incomplete last batch is dropped.
          seed: of all random numbers of the run.
          xla: whether XLA compiles the steps.
          stop_on_nan: whether a loss that is not finite ends the training.
          streams: {name: `Stream`} of further data, or None.
          strategy: the `tf.distribute.Strategy` in whose scope the model was made; by default
            TensorFlow's own, of one replica.
        """
        check_players(model)
        self.model, self.seed, self.batch_size = model, seed, batch_size
        self.stop_on_nan, self.streams = stop_on_nan, streams or {}
        self.strategy = strategy or tf.distribute.get_strategy()
        with tf.device('CPU:0' if self.strategy.num_replicas_in_sync > 1 else None):
            self.feed = Feed(images, labels, self.streams, batch_size, seed)
        self.steps_per_epoch = self.feed.steps_per_epoch
        with self.strategy.scope():
            self.optimizers = self._begun()
        self.step, self.sums, self.names = 0, 0.0, []
        self._call = tf.function(self._steps, jit_compile=xla)
        self._products = xla and not tf.config.list_physical_devices('GPU')
        self._test = tf.function(self._test_batch, reduce_retracing=True)

    def _begun(self):
        """The model's optimizers, once it has its initial weights."""
        with layers_draw_from(tf.constant([self.seed, LATENTS_STEP])):
            self.model.initialise(self.feed.first(FIRST, *self._pixels))
        optimizers = self.model.optimizers()
        for player, optimizer in optimizers.items():
            optimizer.build(self.model.network(player).trainable_variables)
        return optimizers

    @property
    def epoch(self):
        """Epochs finished."""
        return self.step // self.steps_per_epoch

    def means(self):
        """{name: mean} over the steps of the current epoch."""
        steps = self.step % self.steps_per_epoch or self.steps_per_epoch
        return dict(zip(self.names, self.sums / steps, strict=True))

    def train(self, steps):
        """Makes up to `steps` more steps in one compiled call, within a window of the feed.

        Returns:
          (steps made, seconds).

        Raises:
          Diverged: at the first step with a loss that is not finite.
        """
        began, done = time.perf_counter(), self.step % self.steps_per_epoch
        first, last, orders = self.feed.window(self.epoch, done)
        start, stop = done - first, min(done + steps, last) - first
        with products(self._products):
            rows, end = self._call(orders, *(tf.constant(n) for n in (start, stop, self.step)))
        rows = rows.numpy()[start : int(end)].astype(np.float64)
        seconds = time.perf_counter() - began
        self.step += len(rows)
        # One by one, so that the lengths of the calls do not change the last bits of the sums.
        self.sums = functools.reduce(np.add, rows, self.sums if done else 0.0)
        if self.stop_on_nan and not np.isfinite(rows[-1]).all():
            raise Diverged(self.step, dict(zip(self.names, rows[-1], strict=True)))
        return len(rows), seconds

    def test(self, images, labels):
        """{name: mean over all examples} of the model's test values, with fixed randomness."""
        sums = {}
        for start in range(0, len(images), CHUNK):
            rows = np.arange(start, min(start + CHUNK, len(images)))
            more = {name: test_rows(stream, rows) for name, stream in self.streams.items()}
            more = {name: arrays for name, arrays in more.items() if arrays}
            seed = tf.constant([self.seed, start])
            for name, value in self._test((images[rows], labels[rows]), more, seed).items():
                sums[name] = sums.get(name, 0.0) + value.numpy().sum(dtype=np.float64)
        return {name: total / len(images) for name, total in sums.items()}

    def state(self):
        """The state as {name: array}.

        Raises:
          Diverged: a variable is not finite.
        """
        arrays = {f'{i:04d}': v.numpy() for i, v in enumerate(self.variables())}
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise Diverged(self.step, self.means())
        names = np.array(self.names, str)
        return arrays | {'step': np.array(self.step), 'sums': self.sums, 'names': names}

    def restore(self, arrays):
        """Restores what `state` returned.

        Raises:
          ValueError: it belongs to another model.
        """
        assign(self.variables(), arrays)
        self.step, self.sums = int(arrays['step']), arrays['sums']
        self.names = arrays['names'].tolist()

    def variables(self):
        """Every variable that training changes, the model's first, in a fixed order."""
        owned = [v for optimizer in self.optimizers.values() for v in optimizer.variables]
        return [*self.model.variables, *owned]

    def _steps(self, orders, start, stop, step):
        rows = tf.TensorArray(tf.float32, size=self.feed.steps)
        i, going = start, True
        while i < stop and going:
            taken = [order[i] for order in orders]
            row = self._step(self.strategy.run(self._batch, (taken, step + i - start)))
            rows, i = rows.write(i, row), i + 1
            going = tf.reduce_all(tf.math.is_finite(row)) or not self.stop_on_nan
        return rows.stack(), i

    def _batch(self, taken, step):
        rows = [distribution.part(rows) for rows in taken]
        return self.feed.batch(rows, step, *self._pixels)

    def _test_batch(self, examples, more, seed):
        def batch(images, labels):
            return Batch(from_uint8(images, *self._pixels), labels)

        more = {name: batch(*arrays) for name, arrays in more.items()}
        return self.model.test(batch(*examples)._replace(more=more), seed)

    @property
    def _pixels(self):
        return self.model.value_range, self.model.variable_dtype

    def _step(self, batch):
        model, players, step = self.model, self.model.players, self._first(batch.step)
        first, *others = [[p] for p in players] if model.alternate else [list(players)]
        logs = self._move_all(batch, self._seed(step, 0), first, model.own_state())
        for turn, (player,) in enumerate(others, 1):
            move = functools.partial(self._move_all, batch, self._seed(step, turn), [player])
            logs |= when_due(players[player], step, move, logs, f'{player}_loss')
        self.names = list(logs)
        return tf.stack([tf.cast(value, tf.float32) for value in logs.values()])

    def _seed(self, step, turn):
        """The seed of a player's move: one for all moves of a step, or one per move."""
        own = self.model.fresh_noise
        return tf.stack([self.seed, step * len(self.model.players) + turn if own else step])

    def _move_all(self, batch, seed, players, state=()):
        """Lets all replicas make a move on their parts of the batch; returns what it logs."""
        return self._first(self.strategy.run(self._move, (batch, seed, players, state)))

    def _first(self, values):
        """What the first replica here returned; all return the same."""
        local = self.strategy.experimental_local_results
        return tf.nest.map_structure(lambda value: local(value)[0], values)

    def _move(self, batch, seed, players, state=()):
        """Lets `players` move at once; returns everything that an evaluation logs.

        `state` are further variables, to which the evaluation may assign.
        """
        with (
            tf.GradientTape(persistent=True) as tape,
            keras.StatelessScope() as scope,
            layers_draw_from(seed),
        ):
            losses, logs = self.model.objectives(batch, seed)
        commit(scope, state)
        for player in players:
            network = self.model.network(player)
            commit(scope, network.non_trainable_variables)
            gradients = tape.gradient(
                losses[player],
                [v.value for v in network.trainable_variables],
                distribution.weight(losses[player]),
            )
            self.optimizers[player].apply(gradients, network.trainable_variables)
            self.model.after_step(player, batch.step)
        named = {f'{p}_loss' if len(losses) > 1 else 'loss': losses[p] for p in losses}
        return distribution.mean(named | logs)


def check_players(model):
    """Refuses players that the loop would move at other steps than they declare."""
    first, *others = model.players.values()
    if first != 1 or (not model.alternate and set(others) > {1}):
        raise ValueError('the first player, and all that move at once, must move on every step')


def commit(scope, variables):
    """Assigns to variables the values that they got within a `keras.StatelessScope`.

    They are means over the replicas, whose copies would drift apart otherwise.
    """
    found = [(variable, scope.get_current_value(variable)) for variable in variables]
    changed = [(variable, value) for variable, value in found if value is not None]
    values = distribution.mean([value for _, value in changed])
    for (variable, _), value in zip(changed, values, strict=True):
        variable.assign(value)


def test_rows(stream, rows):
    """Test images and labels of a `Stream` for these rows, wrapping round; None without any."""
    if stream.test_images is None:
        return None
    rows = rows % len(stream.test_images)
    return stream.test_images[rows], stream.test_labels[rows]


def when_due(every, step, move, known, name):
    """{name: loss} of a move on every `every`-th step; on other steps its known loss."""
    if every == 1:
        return {name: move()[name]}
    due = tf.equal((step + 1) % every, 0)
    return {name: tf.cond(due, lambda: move()[name], lambda: known[name])}
