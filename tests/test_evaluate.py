"""evaluate.py on two tiny runs: the tables, the files, what is taken again and what refused."""

import csv
import json
import re
import shutil

import numpy as np
import pytest

import datasets
import evaluate
import pictures
from evaluation import likelihoods, measuring, results, rows, scores
from runs.directory import Run
from support import backend
from support.errors import InputError

tf, _ = backend.load_tensorflow()

from evaluation.judges import classifier as judges

FEW = '--num_samples=200'
CONDITIONS = {'version', 'data_hash', 'features', 'classifier', 'accuracy', 'num_samples', 'seed'}
CONDITIONS |= {'step', 'checkpoint', 'test_images'}
PICTURES = ('neighbours.png', 'pairs.png', 'latent.png')


@pytest.fixture(scope='module')
def digits():
    data = datasets.load('digits')
    images, labels = datasets.subset(data.train_images, data.train_labels, 3000)
    return data._replace(train_images=images, train_labels=labels)


@pytest.fixture(scope='module')
def cheap(tmp_path_factory):
    """A cache of its own, a classifier of one epoch, and few draws for the bound."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('XDG_CACHE_HOME', str(tmp_path_factory.mktemp('cache')))
        patch.setattr(judges, 'EPOCHS', 1)
        patch.setattr(likelihoods, 'DRAWS', 60)
        patch.setattr(likelihoods, 'BOUNDED', 20)
        yield


@pytest.fixture(scope='module')
def evaluated(tiny_runs, tmp_path_factory, cheap):
    """Copies of the tiny runs after one call of the command, and its two tables."""
    place = tmp_path_factory.mktemp('evaluated')
    paths = {name: shutil.copytree(path, place / name) for name, path in tiny_runs.items()}
    for suffix in ('md', 'csv'):
        assert call(paths.values(), '--metrics=all', f'--out={place}/table.{suffix}') == 0
    return paths, (place / 'table.md').read_text(), place / 'table.csv'


@pytest.fixture
def copies(evaluated, tmp_path):
    """Copies of them, to be changed."""
    return {name: shutil.copytree(path, tmp_path / name) for name, path in evaluated[0].items()}


def call(paths, *words):
    return evaluate.main(['evaluate.py', f'--runs={",".join(map(str, paths))}', FEW, *words])


def result(path):
    return json.loads((path / 'evaluation.json').read_text())


# The command


def test_the_table_has_the_real_images_and_a_row_a_run(evaluated):
    _, table, _ = evaluated
    rows = [line for line in table.splitlines() if line.startswith('| ') and '---' not in line]
    real = ['training images', 'k-means centroids']
    names = [row.split('|')[1].strip() for row in rows]
    assert names == ['run', *real, 'vae', 'gan']
    assert {row.count('|') for row in rows} == {rows[0].count('|')}
    assert '200 samples against 200 test images.\nWith so few, FID is too high' in table
    assert 'no encoder' not in table
    assert table.count('+-: standard') == 5


def inapplicable(name, row):
    raise rows.NotApplicable('in this test')


def test_by_default_it_takes_the_scores_that_answer_the_question(copies, monkeypatch, capsys):
    monkeypatch.setattr(scores, 'measure', inapplicable)  # the others are taken already
    assert call(copies.values()) == 0
    shown = capsys.readouterr()
    head = shown.out.splitlines()[0]
    for title in ('classes', 'FID', 'precision', 'recall', 'sharpness', '-ELBO, grey'):
        assert f' {title}' in head
    assert 'KID' not in head and 'no elbo' not in shown.out
    names = 'coverage, class_accuracy, fid, precision_recall, sharpness, elbo'
    told = f'scores: {names}; 200 samples per run\n'
    assert shown.err == told


def test_a_note_tells_why_a_score_asked_for_by_name_is_missing(copies, capsys):
    assert call(copies.values(), '--metrics=fid,elbo') == 0
    assert 'gan: no elbo: the model has no encoder.\n' in capsys.readouterr().out


def test_pictures_that_scores_draw_are_told(copies, capsys):
    assert call(copies.values(), '--metrics=fid,pairs,active_units') == 0
    expected = [
        copies['vae'] / 'pairs.png',
        copies['vae'] / 'latent.png',
        copies['gan'] / 'pairs.png',
    ]
    assert capsys.readouterr().out.splitlines()[-3:] == [*map(str, expected)]
    assert all(path.exists() for path in expected)


def test_a_pipe_is_told_of_each_score_and_its_time(evaluated, tmp_path, capsys):
    paths, _, _ = evaluated
    path = shutil.copytree(paths['gan'], tmp_path / 'gan')
    assert call([path], '--metrics=sharpness', '--seed=5') == 0
    _, *lines = capsys.readouterr().err.splitlines()
    assert [re.sub(r'[\d.]+ s$', 's', line) for line in lines] == [
        'training images: sharpness s',
        'gan: sharpness s',
    ]


def test_a_terminal_has_scores_below_and_runs_beside_one_another(copies, monkeypatch, capsys):
    monkeypatch.setattr(evaluate.sys.stdout, 'isatty', lambda: True)
    assert call(copies.values()) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ['run', 'training', 'images', 'vae', 'gan']
    assert [line.split()[0] for line in lines[:2]] == ['classes', 'class']
    assert max(map(len, lines)) <= 4 * (results.WIDEST + 2)


def test_a_run_that_draws_too_few_classes_is_a_failure(copies, capsys):
    """After twelve steps the tiny GAN draws noise."""
    run = f'--runs={copies["vae"]},{copies["gan"]}'
    told = refusal(run, FEW, '--metrics=coverage', '--least_classes=10')
    assert 'draws' in told and '--seed' in told
    assert '| gan |' in capsys.readouterr().out
    assert 'add it to --metrics' in refusal(run, FEW, '--metrics=fid', '--least_classes=10')


def test_only_the_runs_are_asked_for_classes():
    def pair(present):
        return 'gan', {'scores': {'coverage': {'present': present}}}

    evaluate.check_classes([pair(8), pair(10)], 8)
    evaluate.check_classes([pair(0)], 0)
    with pytest.raises(InputError, match='gan draws 7 classes'):
        evaluate.check_classes([pair(8), pair(7)], 8)
    with pytest.raises(InputError, match='no classes to count'):
        evaluate.check_classes([('gan', {'scores': {}})], 8)


def test_a_table_is_not_written_over(copies, tmp_path):
    out = tmp_path / 'table.md'
    out.write_text('mine')
    run = f'--runs={copies["gan"]}'
    assert '--overwrite' in refusal(run, f'--out={out}')
    assert out.read_text() == 'mine'
    assert call([copies['gan']], f'--out={out}', '--overwrite') == 0
    assert out.read_text().startswith('| run |')


def test_every_score_is_kept_or_has_its_reason(evaluated):
    paths, _, _ = evaluated
    for path in paths.values():
        found = result(path)
        assert found['scores'].keys() | found['reasons'].keys() == set(scores.SCORES)
        assert not found['scores'].keys() & found['reasons'].keys()
        assert sum(found['scores']['coverage']['histogram']) == 200
        assert found['conditions']['accuracy'] > 0.5
        assert len(found['conditions']['classifier']) == 64
        assert found['conditions'].keys() == CONDITIONS
    assert result(paths['vae'])['reasons'].keys() == {'class_accuracy', 'log_likelihood'}
    drawn = [paths['vae'] / name for name in PICTURES]
    drawn += [paths['gan'] / name for name in PICTURES[:2]]
    assert all(len(np.unique(pictures.load_png(path))) > 30 for path in drawn)
    assert not (paths['gan'] / 'latent.png').exists()


def test_the_csv_holds_the_numbers_in_full(evaluated):
    paths, _, path = evaluated
    with open(path) as file:
        rows = {row['run']: row for row in csv.DictReader(file)}
    kept = result(paths['vae'])
    assert float(rows['vae']['fid.fid']) == kept['scores']['fid']['fid']
    assert int(rows['vae']['coverage.histogram_3']) == kept['scores']['coverage']['histogram'][3]
    assert rows['gan']['elbo.kl'] == ''
    assert rows['training images']['classifier'] == kept['conditions']['classifier']


def test_the_real_images_score_better_than_those_of_tiny_runs(evaluated):
    paths, _, _ = evaluated
    kept = result(paths['gan'])
    real, drawn = kept['references']['training images']['scores'], kept['scores']
    assert real['fid']['fid'] < drawn['fid']['fid']
    assert real['density_coverage']['coverage'] > drawn['density_coverage']['coverage']
    assert real['sharpness']['ratio'] == pytest.approx(1.0, abs=0.2)


def test_finished_scores_are_not_taken_again(evaluated, tmp_path, monkeypatch, capsys):
    paths, _, _ = evaluated
    path = shutil.copytree(paths['gan'], tmp_path / 'gan')
    taken = []
    monkeypatch.setattr(
        scores, 'measure', lambda name, row: taken.append((row.name, name)) or {'fid': 1.0}
    )
    assert call([path], '--metrics=fid') == 0
    assert taken == []
    assert call([path], '--metrics=fid', '--seed=1') == 0
    assert taken == [('training images', 'fid'), ('gan', 'fid')]
    assert call([path], '--metrics=fid', '--seed=1') == 0
    checkpoint = Run(path).load(print)
    Run(path).save(checkpoint | {'0000': checkpoint['0000'] + 1}, int(checkpoint['step']))
    assert call([path], '--metrics=fid', '--seed=1') == 0
    assert taken[2:] == [('gan', 'fid')]
    assert call([path], '--metrics=fid', '--seed=1', '--num_samples=201') == 0
    assert taken[3:] == [('training images', 'fid'), ('gan', 'fid')]
    assert '1.00' in capsys.readouterr().out


def test_an_interrupted_command_keeps_what_is_finished(evaluated, tmp_path, monkeypatch):
    paths, _, _ = evaluated
    path = shutil.copytree(paths['gan'], tmp_path / 'gan')
    (path / 'evaluation.json').unlink()
    numbers = {'fid': 1.0, 'mean': 2.0, 'std': 3.0}

    def measure(name, row):
        if row.run and name == 'kid':
            raise KeyboardInterrupt
        return numbers

    monkeypatch.setattr(scores, 'measure', measure)
    with pytest.raises(KeyboardInterrupt):
        call([path], '--metrics=fid,kid')
    assert result(path)['scores'] == {'fid': numbers}
    assert result(path)['references']['training images']['scores'].keys() == {'fid', 'kid'}


def test_the_real_images_scores_stand_in_every_run(evaluated, tmp_path):
    paths, _, _ = evaluated
    copies = [shutil.copytree(paths[name], tmp_path / name) for name in ('vae', 'gan')]
    kept = result(copies[1])
    del kept['references']
    (copies[1] / 'evaluation.json').write_text(json.dumps(kept))
    assert call(copies, '--metrics=sharpness') == 0
    found = result(copies[1])['references']
    assert found == result(copies[0])['references']
    assert found.keys() == {'training images', 'k-means centroids'}
    assert call(copies, '--metrics=sharpness', '--seed=1') == 0
    assert result(copies[1])['references'].keys() == {'training images'}


def test_a_lost_picture_is_drawn_again_and_a_damaged_result_is_written_anew(evaluated, tmp_path):
    paths, _, _ = evaluated
    path = shutil.copytree(paths['vae'], tmp_path / 'vae')
    (path / 'latent.png').unlink()
    (path / 'evaluation.json').write_text('{"scores": ')
    assert call([path], '--metrics=active_units,active_units') == 0
    assert result(path)['scores'].keys() == {'active_units'}
    (path / 'latent.png').unlink()
    assert call([path], '--metrics=active_units') == 0
    assert (path / 'latent.png').exists()


def refusal(*flags):
    with pytest.raises(InputError) as error:
        evaluate.main(['evaluate.py', *flags])
    assert '\n' not in str(error.value)
    return str(error.value)


def test_evaluate_refuses_no_runs_and_other_data(tiny_runs, tmp_path):
    assert '--runs' in refusal()
    assert 'nowhere' in refusal(f'--runs={tmp_path}/nowhere')
    run = next(iter(tiny_runs.values()))
    (tmp_path / 'other').mkdir()
    other = Run(run).config | {'data_hash': 'other'}
    (tmp_path / 'other' / 'config.json').write_text(json.dumps(other))
    assert 'one data set' in refusal(f'--runs={run},{tmp_path}/other')
    assert 'not the data' in refusal(f'--runs={tmp_path}/other')


def test_evaluate_refuses_unknown_scores_and_files(tiny_runs):
    run = f'--runs={tiny_runs["vae"]}'
    assert 'did you mean fid or kid' in refusal(run, '--metrics=fidd')
    assert "''" in refusal(run, '--metrics=')
    assert '.md or .csv' in refusal(run, '--out=table.txt', '--metrics=sharpness')
    assert 'from 100' in refusal(run, '--num_samples=10')


def test_data_lie_where_the_flag_or_else_the_run_says(tiny_runs, digits, monkeypatch):
    run, asked = Run(tiny_runs['vae']), []
    run.config = run.config | {'settings': run.config['settings'] | {'data_dir': 'a'}}
    monkeypatch.setattr(Run, 'check_data', lambda run, data_hash: None)
    monkeypatch.setattr(datasets, 'load', lambda *words: asked.append(words) or digits)
    measuring.load([run], 'b')
    measuring.load([run], None)
    assert asked == [('digits', 'b', None), ('digits', 'a', None)]


def test_too_few_samples_for_a_score_are_refused_with_the_minimum(tiny_runs, cheap):
    words = f'--runs={tiny_runs["vae"]}', '--num_samples=128'
    told = refusal(*words, '--metrics=sharpness,fid')
    assert 'at least 129' in told
    assert 'fid' in told


def test_inception_without_weights_is_refused(tiny_runs, tmp_path, monkeypatch):
    monkeypatch.setenv('KERAS_HOME', str(tmp_path))
    monkeypatch.setattr(datasets, 'online', lambda: False)
    told = refusal(f'--runs={tiny_runs["vae"]}', '--features=inception')
    assert '--features=inception: no weights' in told


def test_without_classes_the_command_gives_the_other_scores(
    tiny_runs, tmp_path, monkeypatch, capsys
):
    path = shutil.copytree(tiny_runs['gan'], tmp_path / 'gan')
    load = datasets.load
    one_class = lambda *words: load(*words)._replace(class_names=('all',))  # noqa: E731
    monkeypatch.setattr(datasets, 'load', one_class)
    assert call([path], '--metrics=sharpness,kid') == 0
    assert 'gan: no kid: the data have no classes' in capsys.readouterr().out
    assert result(path)['scores'].keys() == {'sharpness'}
