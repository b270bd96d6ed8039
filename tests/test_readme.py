"""Training, sampling and evaluating from Python, as the README shows it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import evaluation
import flags
import runs
import training
from support.errors import InputError

ROOT = Path(__file__).parent.parent


def blocks():
    """The README's blocks of Python."""
    return re.findall('```python\n(.*?)```', (ROOT / 'README.md').read_text(), re.S)


def test_the_lines_of_the_readme(tmp_path, monkeypatch, capsys):
    """They are executed as they stand there, but with less to train."""
    [lines] = [block for block in blocks() if 'training.train' in block]
    assert 'epochs=5' in lines and 'num_samples=2000' in lines
    lines = lines.replace('epochs=5', 'epochs=1, train_size=256')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    monkeypatch.setattr('evaluation.judges.classifier.EPOCHS', 1)
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
    assert 'epoch 1 of 1 is done' in capsys.readouterr().out
    np.testing.assert_array_equal(runs.sample('outputs/vae-digits', 3, seed=1), found['images'][:3])
    with pytest.raises(InputError, match='--num_samples=50: too few for fid'):
        evaluation.evaluate([again], ['fid'], num_samples=50)
    with pytest.raises(InputError, match='--epochs=0'):
        flags.settings('vae', dataset='digits', epochs=0)


def test_the_model_of_the_readme_trains_and_draws(tmp_path):
    """In a copy of the project, so that no other test meets it."""
    [text] = [b for b in blocks() if 'class Model' in b]
    project = tmp_path / 'project'
    shutil.copytree(ROOT, project, ignore=shutil.ignore_patterns('.*', 'outputs', 'docs', 'tests'))
    (project / 'models' / 'tiny.py').write_text(text)
    small = ['--dataset=digits', '--train_size=128', '--epochs=1', '--units=8']
    train = [sys.executable, 'train.py', '--model=tiny', *small]
    generate = [sys.executable, 'generate.py', '--run=tiny-digits', '--num=3', '--out=tiny.npz']
    for command in train, generate:
        done = subprocess.run(command, cwd=project, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    with np.load(project / 'tiny.npz') as arrays:
        assert arrays['images'].shape == (3, 28, 28, 1)
