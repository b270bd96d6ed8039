"""The run directory by itself: atomic files, the log, checkpoints, the lock."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import harness
import numpy as np
import pytest

from runs import directory
from runs.directory import FORMAT, Run, open_run
from support import files
from support.errors import InputError
from support.files import UNFINISHED, atomic

ROOT = Path(directory.__file__).parents[1]
ARRAYS = {'0000': np.arange(24, dtype=np.float32).reshape(4, 6), 'step': np.array(7)}


@pytest.fixture
def run(tmp_path):
    """A run that has just begun."""
    path = tmp_path / 'run'
    path.mkdir()
    run = Run(path)
    run.begin(harness.configuration({'seed': 1, 'epochs': 3, 'model': 'vae'}))
    return run


def names(path):
    return sorted(entry.relative_to(path).as_posix() for entry in path.rglob('*'))


def refusal(function, *args):
    with pytest.raises(InputError) as caught:
        function(*args)
    assert '\n' not in str(caught.value)
    return str(caught.value)


def enter(context):
    with context:
        pass


def edit(run, **changes):
    """Writes the configuration anew, None taking a key away; returns the run as others find it."""
    values = {name: value for name, value in (run.config | changes).items() if value is not None}
    (run.path / 'config.json').write_text(json.dumps(values))
    return Run(run.path)


# Atomic files


def test_atomic_replaces_a_file_when_all_is_written(tmp_path):
    path = tmp_path / 'a' / 'words.txt'
    for words in ('old', 'new'):
        with atomic(path) as temporary:
            temporary.write_text(words)
    assert path.read_text() == 'new'
    assert names(tmp_path) == ['a', 'a/words.txt']


def test_atomic_leaves_the_old_file_when_writing_fails(tmp_path):
    path = tmp_path / 'words.txt'
    path.write_text('old')
    with pytest.raises(ZeroDivisionError), atomic(path) as temporary:
        temporary.write_text('half')
        _ = 1 / 0
    assert path.read_text() == 'old'
    assert names(tmp_path) == ['words.txt']


def test_atomic_tells_of_a_full_disk_in_a_line_and_leaves_nothing(tmp_path):
    def fill():
        with atomic(tmp_path / 'words.txt') as temporary:
            temporary.write_text('half')
            raise OSError(28, 'No space left on device')

    assert refusal(fill).startswith(f'{tmp_path}/words.txt: cannot be written (No space left')
    assert names(tmp_path) == []


@pytest.mark.parametrize(('umask', 'mode'), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_atomic_keeps_the_suffixes_and_heeds_the_umask(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        with atomic(tmp_path / 'final.weights.h5') as temporary:
            assert temporary.name.endswith('.weights.h5')
            assert temporary.name.startswith(UNFINISHED)
    finally:
        os.umask(before)
    assert (tmp_path / 'final.weights.h5').stat().st_mode & 0o777 == mode


def test_a_file_where_a_directory_should_be_is_refused(tmp_path):
    (tmp_path / 'file').touch()
    file, inside = Run(tmp_path / 'file'), Run(tmp_path / 'file' / 'run')
    for context in (atomic(file.path / 'a.txt'), file.locked(), inside.locked()):
        assert 'cannot be written' in refusal(enter, context)


# Configuration


def test_the_digest_is_of_names_shapes_types_and_numbers_alone():
    digest = files.digest(ARRAYS)
    assert digest == files.digest(dict(reversed(ARRAYS.items())))
    numbers = ARRAYS['0000']
    others = numbers + 1, numbers.reshape(6, 4), numbers.astype(np.float64), numbers.view(np.int32)
    changed = [files.digest(ARRAYS | {'0000': other}) for other in others]
    renamed = files.digest({'0001': numbers, 'step': ARRAYS['step']})
    assert len({digest, renamed, *changed}) == 6


def test_a_run_exists_once_it_was_begun(run, tmp_path):
    assert run.exists()
    assert run.config['format'] == FORMAT
    assert not Run(tmp_path).exists()
    assert 'not a run' in refusal(open_run, tmp_path)


def test_beginning_anew_leaves_nothing_of_the_old_run(run):
    run.log({'epoch': 1})
    run.save(ARRAYS, 7)
    run.begin({'settings': {'seed': 2}})
    assert names(run.path) == ['config.json']
    assert run.config['settings'] == {'seed': 2}


def test_beginning_anew_takes_a_link_away_and_leaves_what_it_leads_to(run, tmp_path):
    (tmp_path / 'large disk').mkdir()
    (tmp_path / 'large disk' / 'thesis.txt').touch()
    (run.path / 'checkpoints').symlink_to(tmp_path / 'large disk')
    (run.path / 'samples').mkdir()
    run.begin(run.config)
    assert names(run.path) == ['config.json']
    assert names(tmp_path / 'large disk') == ['thesis.txt']


DAMAGED = '', '{"format": 1', '[1]', '\0', '["\\ud800"]', '{"format": ' + '[' * 100_000


@pytest.mark.parametrize('text', DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_configuration_is_told_and_left_to_the_user(run, text):
    (run.path / 'config.json').write_text(text)
    (run.path / 'thesis.txt').touch()
    for function, *args in (open_run, run.path), (enter, Run(run.path).locked()):
        words = refusal(function, *args)
        assert words.startswith(f'{run.path}/config.json: damaged')
        assert words.endswith(f'or delete {run.path} by hand')
    assert names(run.path) == ['config.json', 'thesis.txt']


WRONG = [
    *({name: None} for name in ('model', 'dataset', 'image_shape', 'class_names', 'threads')),
    *({'threads': value} for value in ('2', 0, True, 2.5, 10**9)),
    *({'image_shape': value} for value in ([28, 28], [28, 28, 2], '28', [28, 10**9, 1])),
    *({'class_names': value} for value in ([], ['0', 1], 'ab')),
    *({'dataset': value} for value in ('', 'a\nb', 3)),
    {'versions': {'python': [[[1]]]}},
    {'xla': 'maybe'},
    *({'settings': value} for value in ({}, {'dataset': 'digits'})),
    *({'command': value} for value in (None, '--model=vae', [1])),
]


@pytest.mark.parametrize('changes', WRONG, ids=str)
def test_a_configuration_with_something_of_another_kind_is_told(run, changes):
    words = refusal(open_run, edit(run, **changes).path)
    assert words.startswith(f'{run.path}/config.json: damaged: ')
    assert words.endswith('fix it, or start from the beginning with --overwrite')


@pytest.mark.parametrize('value', [[], '0', True, None, 0, 'deep'])
def test_a_flag_of_another_kind_is_told(run, value):
    settings = run.config['settings'] | {'train_size': value if value != 'deep' else [[]]}
    told = refusal(open_run, edit(run, settings=settings).path)
    assert 'train_size has an invalid value' in told


SHAPING = [
    *(('latent_dim', value) for value in (None, '100', 0, 10**30, float('nan'), True)),
    *(('seed', value) for value in (None, -1, 1.5, 2**31, False)),
    *(('precision', value) for value in (None, 'float16', ['float32'])),
]


@pytest.mark.parametrize(('name', 'value'), SHAPING)
def test_a_shared_flag_that_no_model_could_be_built_by_is_told(run, name, value):
    settings = run.config['settings'] | {name: value}
    told = refusal(open_run, edit(run, settings=settings).path)
    assert f'{name} has an invalid value' in told


def test_an_older_format_is_told(run):
    words = refusal(open_run, edit(run, format=FORMAT - 1, flags={}).path)
    assert f'(format {FORMAT - 1}, this one reads {FORMAT}); train it again' in words


def test_the_run_of_a_newer_version_is_refused_and_left_alone(run):
    newer = edit(run, format=FORMAT + 1)
    for function, *args in (open_run, run.path), (enter, newer.locked()):
        words = refusal(function, *args)
        assert f'newer version (format {FORMAT + 1}, this one reads {FORMAT})' in words
        assert 'overwrite' not in words
    assert names(run.path) == ['config.json']


def test_a_setting_is_chosen_once(run):
    assert run.settle('xla', lambda: 'on') == 'on'
    assert Run(run.path).settle('xla', lambda: 'off') == 'on'


def test_flags_that_shape_the_result_may_not_change(run):
    settings, free = run.config['settings'], {'epochs', 'save_every'}
    kept = run.config['settings']
    run.check_settings(kept, settings | {'epochs': 9, 'save_every': 2}, free)
    words = refusal(run.check_settings, kept, settings | {'seed': 2}, free)
    assert words.startswith('--seed=2: ')
    assert 'started with 1;' in words
    assert refusal(run.check_settings, kept, settings | {'rate': 5}, free).startswith('--rate=5:')


def test_other_data_under_the_same_name_are_refused(run):
    run.check_data('a1')
    assert refusal(run.check_data, 'xyz').startswith('--dataset=digits: not the data')


# The log


def test_the_log_names_its_columns_once(run):
    run.log({'epoch': 1, 'loss': 0.5})
    run.log({'epoch': 2, 'loss': None})
    assert (run.path / 'log.csv').read_text().splitlines() == ['epoch,loss', '1,0.5', '2,']
    assert run.rows() == [{'epoch': '1', 'loss': '0.5'}, {'epoch': '2', 'loss': ''}]


@pytest.mark.parametrize('torn', ['2', '2,0.4', '2,0.'])
def test_a_torn_last_row_is_left_out(run, torn):
    run.log({'epoch': 1, 'loss': 0.5})
    with open(run.path / 'log.csv', 'a') as file:
        file.write(torn)
    assert run.rows() == [{'epoch': '1', 'loss': '0.5'}]
    run.rewind(1, 1)
    run.log({'epoch': 2, 'loss': 0.25})
    assert [row['loss'] for row in run.rows()] == ['0.5', '0.25']


@pytest.mark.parametrize('torn', ['', 'ep', 'epoch,loss'])
def test_a_torn_heading_is_written_anew(run, torn):
    (run.path / 'log.csv').write_text(torn)
    run.rewind(0, 0)
    run.log({'epoch': 1, 'loss': 0.5})
    assert list(csv.DictReader((run.path / 'log.csv').open())) == run.rows()
    assert run.rows() == [{'epoch': '1', 'loss': '0.5'}]


def test_rows_with_other_columns_get_the_columns_of_both(run):
    run.log({'epoch': 1, 'loss': 0.5})
    run.log({'epoch': 2, 'kl': 3, 'loss': 0.25})
    run.log({'epoch': 3, 'kl': 4})
    heading, *lines = (run.path / 'log.csv').read_text().splitlines()
    assert (heading, lines) == ('epoch,loss,kl', ['1,0.5,', '2,0.25,3', '3,,4'])
    assert [row['kl'] for row in run.rows()] == ['', '3', '4']


NO_LOGS = (
    'epoch,loss\n1,0.5,3\n',
    'epoch,loss\n1\n',
    'epoch,loss\none,0.5\n',
    'epoch,loss\n-1,0.5\n',
    'epoch,loss\n1,half\n',
    'loss\n0.5\n',
    '\n1,2\n',
    f'epoch,loss\n{"1" * 5000},0.5\n',
    f'epoch,loss\n1,{"1" * 200_000}\n',
    b'epoch,l\xffss\n1,0.5\n',
)


@pytest.mark.parametrize('text', NO_LOGS, ids=range(len(NO_LOGS)))
def test_a_damaged_log_is_told_and_nothing_removed(trained, text):
    (trained.path / 'log.csv').write_bytes(text if isinstance(text, bytes) else text.encode())
    before = names(trained.path)
    words = refusal(trained.rewind, 5, 1)
    assert words.startswith(f'{trained.path}/log.csv: damaged in line ')
    assert names(trained.path) == before


# What cannot be read


def forbid(path):
    """Makes a path unreadable, also for root: a link to itself."""
    path.unlink(missing_ok=True)
    path.symlink_to(path.name)


def lose(path):
    """Makes a path a link that leads nowhere, as to a disk that is away."""
    path.unlink(missing_ok=True)
    path.symlink_to('/nowhere/at/all')


def replace(path):
    path.unlink(missing_ok=True)
    path.mkdir()


@pytest.mark.parametrize('spoil', [forbid, lose, replace])
@pytest.mark.parametrize('name', ['config.json', 'log.csv', 'checkpoints/step_00000020.npz'])
def test_what_cannot_be_read_is_told_as_that_and_nothing_removed(trained, name, spoil):
    path = trained.path / name
    spoil(path)
    before = names(trained.path)

    def go_on():
        with Run(trained.path).locked():
            found = open_run(trained.path)
            found.rows()
            found.load(print)

    words = refusal(go_on)
    assert words.startswith(f'{path}: cannot be read (')
    assert 'damaged' not in words and 'overwrite' not in words
    assert [n for n in names(trained.path) if n != '.lock'] == before


@pytest.mark.parametrize('spoil', [forbid, lose])
def test_checkpoints_on_a_disk_that_is_away_are_no_reason_to_begin_anew(trained, spoil):
    (trained.path / 'checkpoints').rename(trained.path / 'away')
    spoil(trained.path / 'checkpoints')
    assert refusal(trained.load, print).startswith(f'{trained.path}/checkpoints: cannot be read (')


def test_a_file_in_the_place_of_the_checkpoints_is_told(run):
    (run.path / 'checkpoints').touch()
    assert refusal(run.load, print) == f'{run.path}/checkpoints: not a directory; move it away'


# Rewinding


@pytest.fixture
def trained(run):
    """A run of four epochs of five steps."""
    for epoch in range(1, 5):
        run.log({'epoch': epoch, 'loss': 1 / epoch})
        run.save(ARRAYS, 5 * epoch)
        for kind in directory.PICTURES:
            run.picture(kind, epoch).parent.mkdir(exist_ok=True)
            run.picture(kind, epoch).touch()
    run.final().touch()
    return run


def test_rewinding_removes_what_is_later(trained):
    trained.rewind(12, 2)
    assert [row['epoch'] for row in trained.rows()] == ['1', '2']
    assert trained.epochs('samples') == trained.epochs('reconstructions') == [1, 2]
    assert [path.name for path in trained.checkpoints()] == ['step_00000010.npz']
    assert not trained.final().exists()


def test_rewinding_to_the_end_removes_nothing_but_the_final_weights(trained):
    before = names(trained.path)
    trained.rewind(20, 4)
    assert set(before) - set(names(trained.path)) == {'checkpoints/final.weights.h5'}


def test_rewinding_sweeps_unfinished_files(trained):
    for place in ('', 'samples', 'checkpoints'):
        (trained.path / place / f'{UNFINISHED}x.png').touch()
    trained.rewind(20, 4)
    assert not [name for name in names(trained.path) if UNFINISHED in name]


def test_rewinding_sweeps_what_a_killed_export_left(trained):
    directory = trained.path / f'{UNFINISHED}abc' / 'model' / 'variables'
    directory.mkdir(parents=True)
    (directory / 'variables.index').touch()
    trained.rewind(20, 4)
    assert not [name for name in names(trained.path) if UNFINISHED in name]


def test_rewinding_never_leaves_the_log_without_its_rows(trained, monkeypatch):
    rows = trained.rows()
    monkeypatch.setattr(os, 'replace', lambda *_: 1 / 0)  # what happens before the last moment
    with pytest.raises(ZeroDivisionError):
        trained.rewind(20, 4)
    assert trained.rows() == rows


# Checkpoints


def load(run):
    warnings = []
    return run.load(warnings.append), warnings


def test_the_last_three_checkpoints_are_kept(run):
    for step in (5, 10, 15, 20):
        run.save(ARRAYS, step)
    steps = [int(path.stem[5:]) for path in run.checkpoints()]
    assert steps == [20, 15, 10]


def test_steps_beyond_the_digits_of_the_name_still_sort(run):
    for step in (99_999_999, 5):
        run.save({'step': np.array(step)}, step)
    assert load(run)[0]['step'] == 99_999_999


def test_the_newest_checkpoint_is_loaded(run):
    assert load(run) == (None, [])
    run.save(ARRAYS | {'step': np.array(3)}, 3)
    run.save(ARRAYS, 7)
    arrays, warnings = load(run)
    assert warnings == []
    assert arrays.keys() == ARRAYS.keys()
    assert all((arrays[name] == ARRAYS[name]).all() for name in ARRAYS)


@pytest.mark.parametrize('mask', [1, 255])
def test_no_flipped_byte_passes(run, mask):
    """Whichever byte it is: in an array, in zip's headers, in the digest."""
    run.save({'step': np.array(3)}, 3)
    run.save(ARRAYS, 7)
    newest = run.checkpoints()[0]
    data = newest.read_bytes()
    for place in range(len(data)):
        newest.write_bytes(data[:place] + bytes([data[place] ^ mask]) + data[place + 1 :])
        arrays, warnings = load(run)
        assert arrays['step'] == 3, place
        assert warnings == [f'{newest}: damaged; the checkpoint before it is used instead']


def test_no_truncated_checkpoint_passes(run):
    run.save({'step': np.array(3)}, 3)
    run.save(ARRAYS, 7)
    newest = run.checkpoints()[0]
    data = newest.read_bytes()
    for length in range(len(data)):
        newest.write_bytes(data[:length])
        arrays, warnings = load(run)
        assert arrays['step'] == 3
        assert warnings == [f'{newest}: damaged; the checkpoint before it is used instead']


def test_without_a_whole_checkpoint_there_is_one_line_and_no_warning(run):
    for step in (3, 7):
        run.save(ARRAYS, step)
    for path in run.checkpoints():
        path.write_bytes(b'')
    warnings = []
    assert 'all are damaged' in refusal(run.load, warnings.append)
    assert warnings == []


@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_a_checkpoint_that_is_whole_and_not_finite_gives_way_to_the_one_before(run, value):
    run.save({'step': np.array(3)}, 3)
    run.save(ARRAYS | {'0001': np.array([0.5, value], np.float32)}, 7)
    newest = run.checkpoints()[0]
    arrays, warnings = load(run)
    assert arrays['step'] == 3
    reason = 'holds a weight that is infinite or not a number'
    assert warnings == [f'{newest}: {reason}; the checkpoint before it is used instead']


def test_a_loss_that_was_infinite_spoils_no_checkpoint(run):
    run.save(ARRAYS | {'sums': np.array([np.inf])}, 7)
    assert load(run)[0]['step'] == 7


@pytest.mark.parametrize('step', [None, 'seven', 7.5, [7]])
def test_arrays_without_a_step_are_no_checkpoint(run, step):
    arrays = {'0000': ARRAYS['0000']} | ({} if step is None else {'step': np.array(step)})
    run.save(arrays, 7)
    assert 'all are damaged' in refusal(run.load, print)


# The lock


def test_a_second_process_is_refused(run):
    with run.locked():
        script = 'import sys\nfrom runs.directory import Run\nwith Run(sys.argv[1]).locked(): pass'
        command = [sys.executable, '-c', script, str(run.path)]
        other = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert other.returncode == 1
    assert 'another process is training here' in other.stderr


def test_the_lock_ends_with_the_block(run):
    for _ in range(2):
        enter(run.locked())


def test_a_directory_in_which_nothing_was_begun_is_removed(tmp_path):
    enter(Run(tmp_path / 'run').locked())
    assert names(tmp_path) == []


def test_an_empty_directory_of_the_users_is_left_as_it_was(tmp_path):
    enter(Run(tmp_path).locked())
    assert tmp_path.exists()
    assert names(tmp_path) == []


LOSSES = {
    'emptied': lambda path: (path / 'config.json').write_text(''),
    'removed': lambda path: (path / 'config.json').unlink(),
    'moved': lambda path: (path / 'config.json').rename(path / 'old.json'),
    'moved as a whole': lambda path: path.rename(path.parent / 'other'),
}


@pytest.mark.parametrize('loss', LOSSES)
def test_a_run_that_loses_its_configuration_as_it_trains_goes_on_from_its_checkpoint(run, loss):
    before = run.config
    with run.locked():
        LOSSES[loss](run.path)
        run.save(ARRAYS, 7)
    found = open_run(run.path)
    assert found.config == before
    assert load(found)[0]['step'] == 7


@pytest.mark.parametrize('loss', LOSSES)
def test_a_run_that_lost_its_configuration_and_saved_no_more_keeps_its_checkpoints(run, loss):
    run.save(ARRAYS, 7)
    with run.locked():
        LOSSES[loss](run.path)
    assert len(list(run.path.parent.rglob('step_00000007.npz'))) == 1


def test_a_process_killed_before_it_began_stops_no_later_one(tmp_path):
    run = Run(tmp_path / 'run')
    run.path.mkdir()
    (run.path / '.lock').touch()
    (run.path / f'{UNFINISHED}a.json').touch()
    with run.locked():
        run.begin({})
    assert names(run.path) == ['.lock', 'config.json']


STRANGE = {'hidden_size': 768}, {'format': 'png'}, {'format': 2, 'flags': {}}, {'format': True}


@pytest.mark.parametrize('file', ['notes.txt', 'config.json'])
@pytest.mark.parametrize('values', STRANGE, ids=str)
def test_a_directory_of_somebody_else_is_refused_and_left_alone(tmp_path, file, values):
    (tmp_path / file).write_text(json.dumps(values))
    assert 'files that are not a run' in refusal(enter, Run(tmp_path).locked())
    assert 'not a run' in refusal(open_run, tmp_path)
    assert names(tmp_path) == [file]
