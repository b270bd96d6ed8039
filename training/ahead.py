"""Work that is done in a thread before its result is asked for."""

from concurrent.futures import ThreadPoolExecutor


class Ahead:
    """Calls `work(*key)`; a thread does the work for the next key meanwhile.

    `following(*key)` is the key that is likely to be asked for next. Any other is worked on when it
    is asked for. An exception in the thread is raised where the result is taken.
    """

    def __init__(self, work, following):
        self.work, self.following = work, following
        self.thread = ThreadPoolExecutor(1)
        self.key = self.future = None

    def __call__(self, *key):
        """The result for a key."""
        future = self.future if key == self.key else self.thread.submit(self.work, *key)
        result = future.result()
        self.key = self.following(*key)
        self.future = self.thread.submit(self.work, *self.key)
        return result
