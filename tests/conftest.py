"""What several test files share: runs that the train command made."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope='session')
def tiny_runs(tmp_path_factory):
    """{model: directory of its run}: a VAE and a GAN, two epochs on 256 digits; not to be changed.

    Digits are 28x28 and grey; both runs have seed 0 and the same data.
    """
    base = tmp_path_factory.mktemp('tiny')
    environment = os.environ | {'XDG_CACHE_HOME': str(base / 'cache')}
    shared = ['--dataset=digits', '--train_size=256', '--batch_size=64', '--epochs=2']
    for model in ('vae', 'gan'):
        command = [sys.executable, 'train.py', f'--model={model}', f'--output_dir={base}', *shared]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    return {model: base / f'{model}-digits' for model in ('vae', 'gan')}
