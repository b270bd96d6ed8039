"""Work on many items by all cores, in the order of the items."""

import collections
from concurrent.futures import ThreadPoolExecutor

from support.backend import cores


def in_order(work, items):
    """Yields `work(item)` of each item in turn; threads work on two items a core at once.

    PIL and NumPy let other threads run while they decode, resize and copy. An exception is raised
    when its item's turn comes.
    """
    with ThreadPoolExecutor(cores()) as threads:
        begun = collections.deque()
        for item in items:
            begun.append(threads.submit(work, item))
            if len(begun) > 2 * cores():
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
