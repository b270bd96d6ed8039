"""Runs train.py with its flags, and leaves after the first step; for benchmarks/startup.py."""

import train
from benchmarks.stages import leave, reach
from support import backend, terminal


def leave_after_a_call(load):
    """A `backend.load_tensorflow` that also has Loop.train end the process when it returns."""

    def loading():
        reach('flags and data')
        loaded = load()
        reach('TensorFlow and Keras')
        from training.loop import Loop

        call = Loop.train
        Loop.train = lambda loop, steps: (reach('networks'), call(loop, steps), end())
        return loaded

    return loading


def end():
    """Leaves after the first step."""
    reach('first step')
    leave()


if __name__ == '__main__':
    backend.load_tensorflow = leave_after_a_call(backend.load_tensorflow)
    terminal.start(train.main)
