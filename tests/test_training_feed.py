"""Which examples a step sees: orders, further streams that wrap round, windows of large data."""

import threading

import numpy as np
import pytest

from models.shared.base import Stream
from training import feed as feeds
from training.ahead import Ahead
from training.feed import Feed

BATCH = 4


def numbered(count):
    """Images of one pixel that tell their number, and labels that do, too."""
    numbers = np.arange(count)
    return numbers.astype(np.uint8).reshape(-1, 1, 1, 1), numbers


def feed_of(own=14, further=5, seed=0):
    images, labels = numbered(further)
    return Feed(*numbered(own), {'few': Stream(images, labels)}, BATCH, seed)


def seen(feed, epochs):
    """Numbers of the further stream's examples, in the order of the steps."""
    return np.concatenate([feed.orders(epoch)[1].ravel() for epoch in range(epochs)])


def test_the_runs_own_data_make_the_epoch():
    feed = feed_of()
    assert feed.steps_per_epoch == 3
    own, few = feed.orders(0)
    assert own.shape == few.shape == (3, BATCH)
    assert len(np.unique(own)) == 12 and own.max() < 14
    assert not np.array_equal(own, feed.orders(1)[0])


@pytest.mark.parametrize('further', [1, 3, 5, 40])
def test_a_further_stream_shows_each_example_once_a_round(further):
    numbers = seen(feed_of(further=further), 20)
    rounds = numbers[: len(numbers) // further * further].reshape(-1, further)
    np.testing.assert_array_equal(np.sort(rounds), np.tile(np.arange(further), (len(rounds), 1)))
    assert further < 5 or len(np.unique(rounds, axis=0)) > 1


def test_orders_depend_on_the_seed_and_on_the_stream():
    one, other = feed_of(own=12, further=12), feed_of(own=12, further=12, seed=1)
    assert not np.array_equal(one.orders(0)[1], other.orders(0)[1])
    for epoch in range(4):  # as long as the run's own data, and yet in another order
        assert not np.array_equal(*one.orders(epoch))
    np.testing.assert_array_equal(one.orders(3)[1], feed_of(own=12, further=12).orders(3)[1])


def test_a_batch_holds_images_and_labels_of_every_stream():
    feed = feed_of()
    feed.window(0, 0)
    batch = feed.batch(([3, 1, 0, 2], [4, 0, 4, 4]), 7, (-1.0, 1.0), 'float32')
    assert batch.step == 7
    assert batch.labels.numpy().tolist() == [3, 1, 0, 2]
    few = batch.more['few']
    assert few.labels.numpy().tolist() == [4, 0, 4, 4] and few.step == 7
    np.testing.assert_allclose(few.images.numpy().ravel(), np.array([4, 0, 4, 4]) / 127.5 - 1)


def shown(feed, epoch, step):
    """Labels and pixels of every stream that a step of an epoch sees."""
    first, last, orders = feed.window(epoch, step)
    assert first <= step < last <= feed.steps_per_epoch
    own = feed.batch([order[step - first] for order in orders], step, (0.0, 255.0), 'float32')
    few = own.more['few']
    return [np.array(x).ravel() for x in (own.labels, own.images, few.labels, few.images)]


@pytest.mark.parametrize('least', [0, 10])  # bytes that stay on disk: of both streams, of one
@pytest.mark.parametrize('steps', [1, 2, 3, 5])
def test_a_step_sees_the_same_examples_in_windows(monkeypatch, least, steps):
    monkeypatch.setattr(feeds, 'fits', lambda images: images.nbytes < least)
    monkeypatch.setattr(feeds, 'WINDOW', steps * BATCH * (1 if least else 2))
    feed = feed_of(own=22)  # five steps an epoch
    assert feed.steps == steps
    for epoch, step in [(0, 0), (0, 1), (0, 4), (1, 0), (1, 3), (1, 2), (4, 1)]:
        own, few = (order[step] for order in feed.orders(epoch))
        for found, expected in zip(shown(feed, epoch, step), (own, own, few, few), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_each_window_is_read_once_and_the_next_one_ahead(monkeypatch):
    monkeypatch.setattr(feeds, 'fits', lambda images: False)
    monkeypatch.setattr(feeds, 'WINDOW', 2 * 2 * BATCH)
    feed, read = feed_of(own=22), []
    work = feed.read.work
    feed.read.work = lambda *key: read.append(key) or work(*key)
    for step in range(5):
        feed.window(0, step)
    feed.read.future.result()
    assert read == [(0, 0), (0, 1), (0, 2), (1, 0)]


def test_what_is_asked_for_next_is_done_already_and_anything_else_on_demand():
    done, main = [], threading.get_ident()

    def work(number):
        assert threading.get_ident() != main
        done.append(number)
        return 10 * number

    ahead = Ahead(work, lambda number: (number + 1,))
    assert ahead(1) == 10
    ahead.future.result()
    assert done == [1, 2]
    assert [ahead(2), ahead(7)] == [20, 70]
    ahead.future.result()
    assert done == [1, 2, 3, 7, 8]


def test_what_fails_ahead_fails_where_it_is_asked_for():
    ahead = Ahead(lambda number: 1 / number, lambda number: (number - 1,))
    assert ahead(1) == 1.0
    with pytest.raises(ZeroDivisionError):
        ahead(0)
    assert ahead(2) == 0.5
