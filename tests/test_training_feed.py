"""Which examples a step sees: orders, and further streams that wrap round."""

import numpy as np
import pytest

from models.shared.base import Stream
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
    return np.concatenate([feed.orders(epoch)[1].numpy().ravel() for epoch in range(epochs)])


def test_the_runs_own_data_make_the_epoch():
    feed = feed_of()
    assert feed.steps_per_epoch == 3
    own, few = (order.numpy() for order in feed.orders(0))
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
    batch = feed_of().batch(([3, 1, 0, 2], [4, 0, 4, 4]), 7, (-1.0, 1.0), 'float32')
    assert batch.step == 7
    assert batch.labels.numpy().tolist() == [3, 1, 0, 2]
    few = batch.more['few']
    assert few.labels.numpy().tolist() == [4, 0, 4, 4] and few.step == 7
    np.testing.assert_allclose(few.images.numpy().ravel(), np.array([4, 0, 4, 4]) / 127.5 - 1)
