"""Training, sampling and evaluating from Python, as the README shows it."""

import re
from pathlib import Path

import numpy as np
import pytest

import evaluation
import flags
import runs
import training
from support.errors import InputError

README = Path(__file__).parent.parent / 'README.md'


def test_the_lines_of_the_readme(tmp_path, monkeypatch, capsys):
    """They are executed as they stand there, but with less to train."""
    [lines] = [
        b
        for b in re.findall('```python\n(.*?)```', README.read_text(), re.S)
        if 'training.train' in b
    ]
    assert 'epochs=5' in lines and 'num_samples=2000' in lines
    lines = lines.replace('epochs=5', 'epochs=1, train_size=256')
    monkeypatch.chdir(tmp_path)
    found = {}
    exec(lines.replace('num_samples=2000', 'num_samples=200'), found)
    assert found['images'].shape == (64, 28, 28, 1) and found['images'].dtype == np.uint8
    assert found['run'].config['command'] == []
    assert [*found['scores']] == ['training images', 'vae-digits']
    assert (
        found['scores']['vae-digits']['fid']['fid']
        > found['scores']['training images']['fid']['fid']
    )
    again = training.train(found['settings'])
    assert again.path == found['run'].path
    assert 'all 1 epochs are done' in capsys.readouterr().out
    np.testing.assert_array_equal(runs.sample('outputs/vae-digits', 3, seed=1), found['images'][:3])
    with pytest.raises(InputError, match='--num_samples=50: too few for fid'):
        evaluation.evaluate([again], ['fid'], num_samples=50)
    with pytest.raises(InputError, match='--epochs=0'):
        flags.settings('vae', dataset='digits', epochs=0)
