"""The benchmark of data beyond memory: its data, its memory, its cells; and what it promises."""

import subprocess
import sys
import time

import numpy as np
import pytest

import datasets
from benchmarks import anonymous, beyond_memory, synthetic

MEGABYTES = 200
HOLD = f"""
import mmap, sys, time
own = bytearray(b'1') * ({MEGABYTES} * 10**6)
with open(sys.argv[1]) as file:
    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    sum(mapped[i] for i in range(0, len(mapped), 4096))
print(flush=True)
time.sleep(60)
"""


def test_mapped_pages_are_not_counted(tmp_path):
    (tmp_path / 'file').write_bytes(b'1' * MEGABYTES * 10**6)
    command = [sys.executable, '-c', HOLD, str(tmp_path / 'file')]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        found = anonymous.anonymous(process.pid)
        process.kill()
    assert MEGABYTES * 10**6 < found < 1.5 * MEGABYTES * 10**6
    assert anonymous.anonymous(process.pid) == 0


def test_a_command_is_stopped_once_and_one_that_fails_is_told():
    script = 'import signal, sys, time; signal.signal(signal.SIGINT, lambda *_: sys.exit(130)); '
    script += 'print(); time.sleep(60)'
    waits, began = [sys.executable, '-c', script], time.monotonic()
    assert anonymous.watched(waits, lambda: time.monotonic() - began > 1) > 10**6
    with pytest.raises(RuntimeError, match='ended with status 3'):
        anonymous.watched([sys.executable, '-c', 'raise SystemExit(3)'])


def test_the_squares_of_a_class_have_colours_in_common(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    synthetic.prepare(str(tmp_path / 'large'), 60)
    data = datasets.load(str(tmp_path / 'large'))
    images = np.concatenate([data.train_images, data.test_images]).astype(int)
    labels = np.concatenate([data.train_labels, data.test_labels])
    assert images.shape == (60, 64, 64, 3) and np.bincount(labels).tolist() == [6] * 10
    np.testing.assert_array_equal(images[:, ::8, ::8], images[:, 7::8, 7::8])
    one, same = images[labels == 3][:2]
    other = images[labels == 4][0]
    assert 0 < np.abs(one - same).mean() < np.abs(one - other).mean()


def test_cells_hide_places():
    words = ['train.py', '--model=vae', '--dataset=/a', '--output_dir=/b', '--epochs=1']
    expected = ['`train.py --model=vae --epochs=1`', '1500', 'an epoch']
    assert beyond_memory.cells(words, 1.5e9, 'an epoch') == expected


@pytest.mark.slow
def test_memory_does_not_grow_with_the_data(tmp_path, monkeypatch):
    """550 MB of images train in hardly more memory than 25 MB do."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    folder = str(tmp_path / 'large')
    synthetic.prepare(folder, 50_000)
    datasets.load(folder)
    shared = ['train.py', '--model=vae', f'--dataset={folder}', '--epochs=1']
    shared += [f'--output_dir={tmp_path}']
    few, all_of_them = (
        anonymous.watched(
            beyond_memory.python([*shared, f'--train_size={size}', f'--run_name={size}'])
        )
        for size in (2000, 10**9)
    )
    assert all_of_them - few < 300e6
