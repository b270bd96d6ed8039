"""Whether a run that was stopped and continued equals, bit for bit, one that was not."""

import tempfile
from pathlib import Path

from benchmarks.children import python
from runs.directory import Run
from support.files import digest, read_arrays

DETERMINISTIC = {'TF_DETERMINISTIC_OPS': '1'}


def exact(words, variables):
    """Trains two epochs in one go, and one and one; returns whether they left the same state.

    Args:
      words: flags of train.py.
      variables: {name: value} of the environment.
    """
    whole, parts = (state_after(words, variables, stops) for stops in ([2], [1, 2]))
    return whole == parts


def state_after(words, variables, stops):
    """The digest of the state of a run after it was trained to each of these epochs in turn."""
    with tempfile.TemporaryDirectory() as home:
        place = [f'--output_dir={home}', '--run_name=run']
        for epochs in stops:
            python('train.py', *words, *place, f'--epochs={epochs}', **variables)
        return digest(read_arrays(Run(Path(home, 'run')).checkpoints()[0]))
