"""The run directory: what it holds, who may write it, what of it is whole.

    outputs/<model>-<dataset>/
      config.json  model.txt  log.csv  target.png  samples.gif  generated.png
      samples/epoch_0001.png  reconstructions/epoch_0001.png  checkpoints/step_00000156.npz

The newest whole checkpoint is the truth: rows and pictures later than it are removed.
"""

import contextlib
import csv
import fcntl
import hashlib
import io
import json
import os
import re
import shutil
import tempfile
from pathlib import Path

import numpy as np

from console import InputError

FORMAT = 3  # raised when an older run can no longer be read
KEPT = 3
UNFINISHED = '.unfinished-'
FINAL = 'final.weights.h5'
DIGEST = 32  # bytes of a SHA-256
PICTURES = ('samples', 'reconstructions')
FREE = {'data_dir', 'output_dir', 'run_name', 'overwrite', 'epochs', 'stop_on_nan'}
FREE |= {'save_every', 'save_every_minutes', 'sample_every'}


@contextlib.contextmanager
def writing(path):
    """Tells a failure to write in one line that names `path`.

    Raises:
      InputError: when the operating system refuses.
    """
    try:
        yield
    except OSError as error:
        raise InputError(
            f'{path}: cannot be written ({error.strerror or error}); '
            'make room there or choose another directory'
        ) from error


@contextlib.contextmanager
def atomic(path):
    """Yields a temporary path beside `path`, of the same suffixes, that becomes `path` at the end.

    Raises:
      InputError: when the file cannot be written; nothing of it is left.
    """
    path = Path(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(''.join(path.suffixes), UNFINISHED, path.parent)
        os.close(handle)
        try:
            yield Path(name)
            os.chmod(name, 0o644)
            os.replace(name, path)
        finally:
            Path(name).unlink(missing_ok=True)


def checkpoint_name(step):
    """File name of the checkpoint after `step` steps; names sort by step."""
    return f'step_{step:08d}.npz'


def write_arrays(path, arrays):
    """Writes {name: array} as an npz file with its SHA-256 after its end, whole or not at all."""
    with atomic(path) as temporary:
        np.savez(temporary, **arrays)
        with open(temporary, 'r+b') as file:
            file.write(hashlib.file_digest(file, 'sha256').digest())


def read_arrays(path):
    """The {name: array} that `write_arrays` wrote.

    Raises:
      ValueError: the file is damaged.
    """
    data = Path(path).read_bytes()
    if hashlib.sha256(data[:-DIGEST]).digest() != data[-DIGEST:]:
        raise ValueError(f'{path}: damaged')
    with np.load(io.BytesIO(data[:-DIGEST])) as arrays:
        return dict(arrays)


def digest(arrays):
    """The SHA-256 of {name: array}, whatever their order, in hexadecimal."""
    found = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        found.update(repr((name, array.shape, array.dtype.str)).encode())
        found.update(np.ascontiguousarray(array))
    return found.hexdigest()


def write_json(path, values):
    """Writes a dictionary as JSON, whole or not at all."""
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(values, indent=2) + '\n')


def open_run(path):
    """The run at `path`.

    Raises:
      InputError: `path` is no run, its configuration is damaged, or another version wrote it.
    """
    run = located(path)
    if not run.exists():
        raise InputError(f'{path}: not a run (no config.json); train one with train.py')
    if run.config.get('format') != FORMAT:
        raise InputError(
            f'{path}: written by an incompatible version (format {run.config.get("format")}, '
            f'this one reads {FORMAT}); train it again with --overwrite'
        )
    return run


def located(path):
    """The run at `path`, or the one of that name in outputs/ where no run lies there."""
    run, usual = Run(path), Run(Path('outputs') / path)
    return usual if usual.exists() and not run.exists() else run


def open_runs(paths):
    """The runs at comma-separated `paths`, as --runs takes them, all of one data set.

    Raises:
      InputError: none is named, one is no run, or their data differ.
    """
    if not paths:
        raise InputError('--runs: missing; give it as --runs=outputs/first,outputs/second')
    opened = [open_run(path) for path in paths.split(',')]
    name = '{dataset} (data_hash {data_hash:.12})'.format_map
    first = opened[0]
    for run in opened:
        ours, theirs = name(run.config), name(first.config)
        if ours != theirs:
            found = f'{first.path} is of {theirs}, {run.path} of {ours}'
            raise InputError(f'--runs: {found}; compare runs of one data set')
    return opened


class Run:
    """A run directory; creating the object writes nothing."""

    def __init__(self, path):
        self.path = Path(path)

    def exists(self):
        """Whether a run was begun here; a config.json too damaged to tell counts as a run's."""
        try:
            return 'format' in self.config
        except InputError:
            return (self.path / 'config.json').is_file()

    @property
    def config(self):
        """The run's configuration, a dictionary."""
        try:
            return dict(json.loads((self.path / 'config.json').read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise InputError(f'{self.path}/config.json: damaged; train with --overwrite') from error

    def begin(self, config):
        """Empties the directory of an older run, if there is one, and writes `config`.

        The old configuration goes last: without one, the rest would not be known as a run's.
        """
        for entry in self.path.iterdir():
            if entry.name not in ('.lock', 'config.json'):
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        write_json(self.path / 'config.json', {'format': FORMAT, **config})

    def settle(self, key, choose):
        """The value under `key` in the configuration; what `choose()` says if there is none yet."""
        config = self.config
        if key not in config:
            config[key] = choose()
            write_json(self.path / 'config.json', config)
        return config[key]

    def check_flags(self, flags):
        """Refuses flags that would not continue this run.

        Raises:
          InputError: names the first flag that shapes the result and differs, and both values.
        """
        old = open_run(self.path).config['flags']
        for key in sorted((old.keys() | flags.keys()) - FREE):
            if old.get(key) != flags.get(key):
                raise InputError(
                    f'--{key}={flags.get(key)}: {self.path} was begun with {old.get(key)}; '
                    'repeat that, choose another --run_name, or begin anew with --overwrite'
                )

    def check_data(self, data_hash):
        """Refuses other data under the same name.

        Raises:
          InputError: the data are not those the run was begun with.
        """
        if self.config['data_hash'] != data_hash:
            raise InputError(
                f'--dataset={self.config["flags"]["dataset"]}: not the data that {self.path} was '
                'begun with; find those, choose another --run_name, or --overwrite the run'
            )

    def foreign(self):
        """Names in the directory that a session killed before the run began would not leave."""
        return [n for n in os.listdir(self.path) if n != '.lock' and not n.startswith(UNFINISHED)]

    @contextlib.contextmanager
    def locked(self):
        """Holds the run for this process until it ends, however it may end.

        A directory in which no run was begun by then is removed again.

        Raises:
          InputError: another process trains here, the directory holds something else than a run,
            or it cannot be written.
        """
        with writing(self.path):
            if self.path.exists() and not self.exists() and self.foreign():
                raise InputError(f'{self.path}: holds other files than a run; choose --run_name')
            self.path.mkdir(parents=True, exist_ok=True)
            (self.path / '.lock').touch()
        with open(self.path / '.lock') as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(f'{self.path}: another process is training here') from None
            try:
                yield
            finally:
                if not self.exists():
                    shutil.rmtree(self.path)

    def log(self, row):
        """Appends a row {column: value} to log.csv, after the names of the columns if it is new."""
        path = self.path / 'log.csv'
        with writing(path), open(path, 'a', newline='') as file:
            writer = csv.DictWriter(file, row)
            if not file.tell():
                writer.writeheader()
            writer.writerow(row)

    def rewrite_log(self, rows):
        """Makes these the rows of log.csv, all at once."""
        with atomic(self.path / 'log.csv') as temporary, open(temporary, 'w', newline='') as file:
            if rows:
                writer = csv.DictWriter(file, rows[0])
                writer.writeheader()
                writer.writerows(rows)

    def rows(self):
        """The rows of log.csv, dictionaries of strings; an unfinished last row is left out."""
        path = self.path / 'log.csv'
        if not path.exists():
            return []
        whole = path.read_text().rpartition('\n')[0].splitlines()
        return list(csv.DictReader(whole))

    def rewind(self, step, epoch):
        """Removes what is later than `step` and the end of `epoch`, and unfinished files."""
        self.rewrite_log([row for row in self.rows() if int(row['epoch']) <= epoch])
        late = [self.picture(k, e) for k in PICTURES for e in self.epochs(k) if e > epoch]
        later = [p for p in self.checkpoints() if p.name > checkpoint_name(step)]
        for path in [*late, *later, self.final(), *self.path.rglob(f'{UNFINISHED}*')]:
            path.unlink(missing_ok=True)

    def picture(self, kind, epoch):
        """Path of an epoch's grid; `kind` is samples or reconstructions."""
        return self.path / kind / f'epoch_{epoch:04d}.png'

    def epochs(self, kind):
        """Epochs that have a grid of this kind, ascending."""
        found = (re.fullmatch(r'epoch_(\d+)\.png', p.name) for p in self.path.glob(f'{kind}/*'))
        return sorted(int(match[1]) for match in found if match)

    def final(self):
        """Path of the final weights, the last file that a finished run writes."""
        return self.path / 'checkpoints' / FINAL

    def checkpoints(self):
        """Paths of the checkpoints, newest first."""
        return sorted(self.path.glob('checkpoints/step_*.npz'), reverse=True)

    def save(self, arrays, step):
        """Writes a checkpoint of {name: array} after `step` steps and drops all but the last 3."""
        write_arrays(self.path / 'checkpoints' / checkpoint_name(step), arrays)
        for old in self.checkpoints()[KEPT:]:
            old.unlink()

    @contextlib.contextmanager
    def fitting(self):
        """Tells in one line that a checkpoint of this run does not fit its model."""
        try:
            yield
        except (ValueError, KeyError) as error:
            raise InputError(
                f'{self.path}/checkpoints: not of this model ({error}); '
                'another version wrote it, so train anew with --overwrite'
            ) from None

    def load(self, warn):
        """The newest whole checkpoint as {name: array}, or None where there is none.

        `warn` is told of each damaged one that it takes the place of.

        Raises:
          InputError: there are checkpoints, but none is whole.
        """
        damaged = []
        for path in self.checkpoints():
            try:
                arrays = read_arrays(path)
            except (OSError, ValueError):
                damaged.append(path)
                continue
            for path in damaged:
                warn(f'{path}: damaged, so the checkpoint before it is used')
            return arrays
        if damaged:
            raise InputError(f'{self.path}/checkpoints: none is whole; begin anew with --overwrite')
        return None
