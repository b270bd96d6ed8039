"""The run directory by itself: atomic files, the log, checkpoints, the lock."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import runs
from console import InputError
from runs import FORMAT, UNFINISHED, Run, atomic, open_run

ROOT = Path(runs.__file__).parent
ARRAYS = {'0000': np.arange(24, dtype=np.float32).reshape(4, 6), 'step': np.array(7)}


@pytest.fixture
def run(tmp_path):
    """A run that has just begun."""
    path = tmp_path / 'run'
    path.mkdir()
    run = Run(path)
    run.begin({'flags': {'seed': 1, 'epochs': 3, 'model': 'vae'}, 'data_hash': 'abc'})
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


def test_atomic_keeps_the_suffixes_and_lets_others_read(tmp_path):
    with atomic(tmp_path / 'final.weights.h5') as temporary:
        assert temporary.name.endswith('.weights.h5')
        assert temporary.name.startswith(UNFINISHED)
    assert (tmp_path / 'final.weights.h5').stat().st_mode & 0o777 == 0o644


def test_a_file_where_a_directory_should_be_is_refused(tmp_path):
    (tmp_path / 'file').touch()
    file, inside = Run(tmp_path / 'file'), Run(tmp_path / 'file' / 'run')
    for context in (atomic(file.path / 'a.txt'), file.locked(), inside.locked()):
        assert 'cannot be written' in refusal(enter, context)


# Configuration


def test_the_digest_is_of_names_shapes_types_and_numbers_alone():
    digest = runs.digest(ARRAYS)
    assert digest == runs.digest(dict(reversed(ARRAYS.items())))
    numbers = ARRAYS['0000']
    others = numbers + 1, numbers.reshape(6, 4), numbers.astype(np.float64), numbers.view(np.int32)
    changed = [runs.digest(ARRAYS | {'0000': other}) for other in others]
    renamed = runs.digest({'0001': numbers, 'step': ARRAYS['step']})
    assert len({digest, renamed, *changed}) == 6


def test_a_run_exists_once_it_was_begun(run, tmp_path):
    assert run.exists()
    assert run.config['format'] == FORMAT
    assert not Run(tmp_path).exists()
    assert 'not a run' in refusal(open_run, tmp_path)


def test_beginning_anew_leaves_nothing_of_the_old_run(run):
    run.log({'epoch': 1})
    run.save(ARRAYS, 7)
    run.begin({'flags': {'seed': 2}})
    assert names(run.path) == ['config.json']
    assert run.config['flags'] == {'seed': 2}


@pytest.mark.parametrize('text', ['', '{"format": 1', '[1]', '\0'])
def test_a_damaged_configuration_is_told(run, text):
    (run.path / 'config.json').write_text(text)
    assert run.exists()
    assert 'config.json: damaged' in refusal(open_run, run.path)


def test_another_format_is_told(run):
    runs.write_json(run.path / 'config.json', run.config | {'format': FORMAT + 1})
    words = refusal(open_run, run.path)
    assert f'format {FORMAT + 1}' in words
    assert f'reads {FORMAT}' in words


def test_a_setting_is_chosen_once(run):
    assert run.settle('xla', lambda: 'on') == 'on'
    assert Run(run.path).settle('xla', lambda: 'off') == 'on'


def test_flags_that_shape_the_result_may_not_change(run):
    run.check_flags({'seed': 1, 'epochs': 9, 'model': 'vae', 'save_every': 2})
    words = refusal(run.check_flags, {'seed': 2, 'epochs': 3, 'model': 'vae'})
    assert words.startswith('--seed=2: ')
    assert 'begun with 1;' in words
    assert refusal(run.check_flags, {'seed': 1, 'model': 'vae', 'rate': 5}).startswith('--rate=5:')


def test_other_data_under_the_same_name_are_refused(run):
    runs.write_json(run.path / 'config.json', run.config | {'flags': {'dataset': 'digits'}})
    run.check_data('abc')
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


# Rewinding


@pytest.fixture
def trained(run):
    """A run of four epochs of five steps."""
    for epoch in range(1, 5):
        run.log({'epoch': epoch, 'loss': 1 / epoch})
        run.save(ARRAYS, 5 * epoch)
        for kind in runs.PICTURES:
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
        assert warnings == [f'{newest}: damaged, so the checkpoint before it is used']


def test_no_truncated_checkpoint_passes(run):
    run.save({'step': np.array(3)}, 3)
    run.save(ARRAYS, 7)
    newest = run.checkpoints()[0]
    data = newest.read_bytes()
    for length in range(len(data)):
        newest.write_bytes(data[:length])
        arrays, warnings = load(run)
        assert arrays['step'] == 3
        assert warnings == [f'{newest}: damaged, so the checkpoint before it is used']


def test_without_a_whole_checkpoint_there_is_one_line_and_no_warning(run):
    for step in (3, 7):
        run.save(ARRAYS, step)
    for path in run.checkpoints():
        path.write_bytes(b'')
    warnings = []
    assert 'none is whole' in refusal(run.load, warnings.append)
    assert warnings == []


# The lock


def test_a_second_process_is_refused(run):
    with run.locked():
        script = 'import runs, sys\nwith runs.Run(sys.argv[1]).locked(): pass'
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


def test_a_process_killed_before_it_began_stops_no_later_one(tmp_path):
    run = Run(tmp_path / 'run')
    run.path.mkdir()
    (run.path / '.lock').touch()
    (run.path / f'{UNFINISHED}a.json').touch()
    with run.locked():
        run.begin({})
    assert names(run.path) == ['.lock', 'config.json']


@pytest.mark.parametrize('file', ['notes.txt', 'config.json'])
def test_a_directory_of_somebody_else_is_refused_and_left_alone(tmp_path, file):
    (tmp_path / file).write_text(json.dumps({'hidden_size': 768}))
    assert 'other files than a run' in refusal(enter, Run(tmp_path).locked())
    assert names(tmp_path) == [file]
