"""The run directory: its files, the lock on it, and checks for damage.

    outputs/<model>-<dataset>/
      config.json  model.txt  log.csv  target.png  samples.gif  generated.png
      samples/epoch_0001.png  reconstructions/epoch_0001.png  checkpoints/step_00000156.npz

The newest undamaged checkpoint decides: rows and pictures later than it are removed.
"""

import contextlib
import csv
import fcntl
import functools
import io
import re
from pathlib import Path

import numpy as np

from runs import schema
from support.errors import InputError, reading
from support.files import (
    UNFINISHED,
    atomic,
    names,
    read_arrays,
    read_json,
    remove,
    write_arrays,
    write_json,
    writing,
)

FORMAT = 4  # raised when an older run can no longer be read
KEPT = 3
FINAL = 'final.weights.h5'
CONFIG, LOG, LOCK = 'config.json', 'log.csv', '.lock'
PICTURES = ('samples', 'reconstructions')


def checkpoint_name(step):
    """File name of the checkpoint after `step` steps; names sort by step."""
    return f'step_{step:08d}.npz'


def check_checkpoint(path, arrays):
    """Raises ValueError if {name: array} has no step, or a variable that is not finite."""
    if 'step' not in arrays or arrays['step'].shape or arrays['step'].dtype.kind not in 'iu':
        raise ValueError(f'{path}: not a checkpoint')
    variables = [a for name, a in arrays.items() if name.isdecimal() and a.dtype.kind == 'f']
    if not all(np.isfinite(array).all() for array in variables):
        raise ValueError(f'{path}: holds a weight that is infinite or not a number')


def open_run(path):
    """The run at `path`, as --run takes it.

    Raises:
      InputError: `path` is empty or not a run, its configuration is damaged, or another version
        wrote it.
    """
    if not path:
        raise InputError('--run: missing; for example: --run=outputs/vae-mnist')
    run = located(path)
    _ = run.config
    return run


def located(path):
    """The run at `path`; if there is none, the run of that name in outputs/."""
    run, usual = Run(path), Run(Path('outputs') / path)
    return usual if usual.exists() and not run.exists() else run


def open_runs(paths):
    """The runs at comma-separated `paths`, as --runs takes them, all of one data set.

    Raises:
      InputError: as `open_all`.
    """
    return open_all(paths.split(',') if paths else [])


def open_all(paths):
    """The runs at `paths`, all of one data set.

    Raises:
      InputError: no path is given, one is not a run, or their data differ.
    """
    if not paths:
        raise InputError('--runs: missing; for example: --runs=outputs/first,outputs/second')
    opened = [open_run(path) for path in paths]
    name = '{dataset} (data_hash {data_hash:.12})'.format_map
    first = opened[0]
    for run in opened:
        ours, theirs = name(run.config), name(first.config)
        if ours != theirs:
            found = f'{first.path} was trained on {theirs}, {run.path} on {ours}'
            raise InputError(f'--runs: {found}; choose runs of one data set')
    return opened


class Run:
    """A run directory; creating the object writes nothing."""

    def __init__(self, path):
        self.path = Path(path)

    def exists(self):
        """Whether a run of this project was started here.

        Raises:
          InputError: the configuration cannot be read, is damaged, or a newer version wrote it.
        """
        return self._kept() is not None

    def _kept(self):
        """The configuration, or None if it is missing or does not belong to a run."""
        path = self.path / CONFIG
        try:
            found = read_json(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except ValueError:
            remedy = f'fix it, or delete {self.path} by hand'
            fault = 'damaged, or not the configuration of a run'
            raise InputError(f'{path}: {fault}; {remedy}') from None
        if not schema.is_ours(found):
            return None
        if found['format'] > FORMAT:
            raise InputError(
                f'{self.path}: written by a newer version (format {found["format"]}, this one '
                f'reads {FORMAT}); use that version, or choose another --run_name'
            )
        return found

    @functools.cached_property
    def config(self):
        """The run's configuration, a dictionary whose values were all checked.

        Raises:
          InputError: there is none, it is damaged, or another version wrote it.
        """
        found = self._kept()
        if found is None:
            raise InputError(f'{self.path}: not a run (no {CONFIG}); train one with train.py')
        if found['format'] != FORMAT:
            raise InputError(
                f'{self.path}: written by an incompatible version (format {found["format"]}, '
                f'this one reads {FORMAT}); train it again with --overwrite'
            )
        fault = schema.fault(found)
        if fault:
            remedy = 'fix it, or start from the beginning with --overwrite'
            raise InputError(f'{self.path}/{CONFIG}: damaged: {fault}; {remedy}')
        return found

    def begin(self, config):
        """Deletes what an older run left in the directory, and writes `config`.

        The old configuration is replaced last: without it, the rest would not be recognised as a
        run.
        """
        for name in names(self.path):
            if name not in (LOCK, CONFIG):
                remove(self.path / name)
        self._keep({'format': FORMAT, **config})

    def _keep(self, config):
        self.config = config
        write_json(self.path / CONFIG, config)

    def settle(self, key, choose):
        """The value of `key` in the configuration; if there is none yet, `choose()` sets it."""
        if key not in self.config:
            self._keep({**self.config, key: choose()})
        return self.config[key]

    def note(self, key, value):
        """Records a value that may change from start to start; returns the last one, or None."""
        last = self.config.get(key)
        if last != value:
            self._keep({**self.config, key: value})
        return last

    def check_settings(self, kept, settings, changeable):
        """Refuses settings that would not continue this run; the flags `changeable` may differ.

        `kept` are the settings it was started with; options that its model got since then have
        their defaults.

        Raises:
          InputError: names the first flag that affects the result and differs, and both values.
        """
        for key in sorted((kept.keys() | settings.keys()) - changeable):
            if kept.get(key) != settings.get(key):
                raise InputError(
                    f'--{key}={settings.get(key)}: {self.path} was started with {kept.get(key)}; '
                    'use that, choose another --run_name, or start from the beginning with '
                    '--overwrite'
                )

    def check_data(self, data_hash):
        """Refuses other data under the same name.

        Raises:
          InputError: the data are not those the run was started with.
        """
        if self.config['data_hash'] != data_hash:
            raise InputError(
                f'--dataset={self.config["settings"]["dataset"]}: not the data that {self.path} '
                'was started with; restore those, choose another --run_name, or start from the '
                'beginning with --overwrite'
            )

    def check_streams(self, fingerprint):
        """Records the fingerprint of the model's further data, or None; a continued run must match.

        Raises:
          InputError: they are not those the run was started with.
        """
        if self.settle('streams_hash', lambda: fingerprint) != fingerprint:
            raise InputError(
                f'{self.path}: was started with other further data; restore those, choose another '
                '--run_name, or start from the beginning with --overwrite'
            )

    def foreign(self):
        """Names in the directory, except those that a process killed before the start may leave."""
        return [n for n in names(self.path) if n != LOCK and not n.startswith(UNFINISHED)]

    @contextlib.contextmanager
    def locked(self):
        """Locks the run for this process. The lock ends with the process, however it ends.

        A directory that was created here is removed again if no run was started in it.

        Raises:
          InputError: another process trains here, the directory holds other files than a run, or
            it cannot be written.
        """
        lock = self.path / LOCK
        with contextlib.ExitStack() as held:
            with writing(self.path):
                made = not self.path.exists()
                self.path.mkdir(parents=True, exist_ok=True)
                if not self.exists() and self.foreign():
                    raise InputError(
                        f'{self.path}: holds files that are not a run; choose another --run_name'
                    )
                if not lock.exists():  # a finished run may be on a read-only disk
                    lock.touch()
                file = held.enter_context(open(lock))
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                fault = 'another process is training here'
                remedy = 'wait until it ends or choose another --run_name'
                raise InputError(f'{self.path}: {fault}; {remedy}') from None
            try:
                yield
            finally:
                if not self.foreign():
                    remove(self.path if made else lock)

    def log(self, row):
        """Appends a row {column: value} to log.csv.

        If its columns differ from those of the log, all rows get the columns of both.
        """
        path = self.path / LOG
        heading = io.StringIO(newline='')
        csv.writer(heading).writerow(row)
        if self._heading() != heading.getvalue().encode():
            self.rewrite_log([*self.rows(), row])
            return
        with writing(path), open(path, 'a', newline='') as file:
            csv.DictWriter(file, row).writerow(row)

    def _heading(self):
        """The first line of log.csv; empty if there is none yet."""
        path = self.path / LOG
        try:
            with reading(path), open(path, 'rb') as file:
                return file.readline()
        except FileNotFoundError:
            return b''

    def rewrite_log(self, rows):
        """Replaces all rows of log.csv at once; a column that a row lacks stays empty."""
        columns = list(dict.fromkeys(name for row in rows for name in row))
        path = self.path / LOG
        with atomic(path) as temporary, open(temporary, 'w', newline='', encoding='utf-8') as file:
            if rows:
                writer = csv.DictWriter(file, columns)
                writer.writeheader()
                writer.writerows(rows)

    def rows(self):
        """The rows of log.csv, dictionaries of strings; an unfinished last row is left out.

        Raises:
          InputError: the log cannot be read, or is damaged.
        """
        path, found, line = self.path / LOG, [], 1
        try:
            with reading(path):
                text = path.read_text('utf-8')
            reader = csv.DictReader(text.rpartition('\n')[0].splitlines())
            for row in reader:
                line = reader.line_num
                if not schema.is_row(row):
                    raise ValueError('no row')
                found.append(row)
        except FileNotFoundError:
            return []
        except (ValueError, csv.Error):
            remedy = 'fix it, or delete it to continue without its rows'
            raise InputError(f'{path}: damaged in line {line}; {remedy}') from None
        return found

    def rewind(self, step, epoch):
        """Removes everything later than `step` and the end of `epoch`, and unfinished files."""
        self.rewrite_log([row for row in self.rows() if int(row['epoch']) <= epoch])
        late = [self.picture(k, e) for k in PICTURES for e in self.epochs(k) if e > epoch]
        later = [p for p in self.checkpoints() if p.name > checkpoint_name(step)]
        for path in [*late, *later, self.final()]:
            with writing(path):
                path.unlink(missing_ok=True)
        for path in [*self.path.rglob(f'{UNFINISHED}*')]:
            remove(path)

    def picture(self, kind, epoch):
        """Path of an epoch's grid; `kind` is samples or reconstructions."""
        return self.path / kind / f'epoch_{epoch:04d}.png'

    def epochs(self, kind):
        """Epochs that have a grid of this kind, ascending."""
        found = (re.fullmatch(r'epoch_(\d{4,9})\.png', name) for name in names(self.path / kind))
        return sorted(int(match[1]) for match in found if match)

    def final(self):
        """Path of the final weights, the last file that a finished run writes."""
        return self.path / 'checkpoints' / FINAL

    def checkpoints(self):
        """Paths of the checkpoints, newest first."""
        path = self.path / 'checkpoints'
        found = (name for name in names(path) if re.fullmatch(r'step_\d+\.npz', name))
        return [path / name for name in sorted(found, reverse=True)]

    def save(self, arrays, step):
        """Writes a checkpoint of {name: array} after `step` steps and drops all but the last 3."""
        write_arrays(self.path / 'checkpoints' / checkpoint_name(step), arrays)
        for old in self.checkpoints()[KEPT:]:
            remove(old)
        if not self._is_kept():
            self._keep(self.config)

    def _is_kept(self):
        """Whether config.json is unchanged: someone may have deleted it during training."""
        try:
            return self._kept() == self.config
        except InputError:
            return False

    @contextlib.contextmanager
    def fitting(self):
        """Reports in one line that a checkpoint of this run does not fit its model."""
        try:
            yield
        except (ValueError, KeyError) as error:
            raise InputError(
                f'{self.path}/checkpoints: do not fit this model ({error}); '
                'another version wrote them, so start from the beginning with --overwrite'
            ) from None

    def named(self, step):
        """The checkpoint after `step` steps as {name: array}, which another process has found.

        Raises:
          InputError: it is not here, or damaged.
        """
        path = self.path / 'checkpoints' / checkpoint_name(step)
        try:
            return read_arrays(path)
        except (FileNotFoundError, ValueError):
            remedy = 'give all machines the same --output_dir, on a disk that they share'
            raise InputError(f'{path}: the chief continues from it; {remedy}') from None

    def load(self, warn):
        """The newest undamaged checkpoint as {name: array}, or None if there are none at all.

        `warn` is called with a line for each newer checkpoint that is damaged.

        Raises:
          InputError: a checkpoint cannot be read, or all are damaged.
        """
        faults = []
        for path in self.checkpoints():
            try:
                arrays = read_arrays(path)
                check_checkpoint(path, arrays)
            except FileNotFoundError:  # a process that trains has dropped it meanwhile
                continue
            except ValueError as error:
                faults.append(error)
                continue
            for fault in faults:
                warn(f'{fault}; the checkpoint before it is used instead')
            return arrays
        if faults:
            remedy = 'start from the beginning with --overwrite'
            raise InputError(f'{self.path}/checkpoints: all are damaged; {remedy}')
        return None
