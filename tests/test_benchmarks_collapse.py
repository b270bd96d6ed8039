"""The benchmark of classes that are rare."""

import csv
import math

import numpy as np
import pytest
from PIL import Image

import datasets
from benchmarks import collapse
from runs.directory import Run
from support.errors import InputError

PARTS = [500, 150, 100, 80, 50, 40, 30, 20, 20, 10]  # of 1,000


@pytest.fixture(autouse=True)
def apart(monkeypatch, tmp_path):
    """A file of its own, a place of its own."""
    monkeypatch.setattr(collapse, 'RESULTS', tmp_path / 'rows.csv')
    monkeypatch.chdir(tmp_path)


def rows():
    with open(collapse.RESULTS, newline='') as file:
        return list(csv.DictReader(file))


def certain(counts, sure=1.0):
    """Probabilities of as many samples of each class, of which the classifier is this sure."""
    classes = np.repeat(np.arange(10), counts)
    rest = (1 - sure) / 9
    return np.full((len(classes), 10), rest) + (sure - rest) * np.eye(10)[classes]


def test_samples_like_the_data_keep_all_and_have_its_shares():
    found = collapse.count(certain(PARTS))
    assert found.kept.all() and found.shares.tolist() == [n / 1000 for n in PARTS]
    assert (found.difference, found.kl, found.sure) == pytest.approx((0, 0, 1), abs=1e-12)


def test_samples_of_two_classes_by_hand():
    """600 and 400 of the shares 1/2 and 3/20: KL 0.6 log(0.6/0.5) + 0.4 log(0.4/0.15)."""
    found = collapse.count(certain([600, 400] + [0] * 8))
    assert found.kept.tolist() == [True, True] + [False] * 8
    assert found.kl == pytest.approx(0.6 * math.log(1.2) + 0.4 * math.log(8 / 3))
    assert found.difference == pytest.approx(0.25)  # 40 % for 15 %
    told = collapse.told(found)
    assert (told['kept'], told['lost'], told['rare_lost']) == (2, '2 3 4 5 6 7 8 9', 6)
    assert told['shares'].split()[:3] == ['60.00', '40.00', '0.00']
    assert (told['difference'], told['kl'], told['sure']) == ('25.00', '0.5017', '100.00')


def test_a_class_is_kept_from_a_quarter_of_its_share_on_and_only_by_sure_samples():
    """A quarter of 2 % of 1,000 are five; of 1 % three, as half a sample there is none."""
    parts = [*PARTS[:7], 5, 4, 2]
    parts[0] += 1000 - sum(parts)
    assert collapse.count(certain(parts)).kept.tolist() == [True] * 8 + [False] * 2
    assert not collapse.count(certain(PARTS, sure=0.89)).kept.any()
    unsure = collapse.count(certain(PARTS, sure=0.89))
    assert unsure.sure == 0 and unsure.shares.tolist() == [n / 1000 for n in PARTS]


def test_the_folder_has_the_first_images_of_each_class_by_their_shares(tmp_path):
    data = datasets.load('digits')
    settings = collapse.flags.parse(
        ['', '--dataset=digits', '--images=1000', f'--output_dir={tmp_path}/out'],
        '',
        collapse.define_flags,
    )
    place = collapse.folder(settings, data)
    assert place == collapse.folder(settings, data) == tmp_path / 'out' / 'digits-1000'
    files = [sorted((place / name).iterdir()) for name in data.class_names]
    assert [len(found) for found in files] == PARTS
    last = np.flatnonzero(data.train_labels == 9)[9]
    with Image.open(files[9][9]) as picture:
        np.testing.assert_array_equal(np.asarray(picture)[..., None], data.train_images[last])
    found = datasets.load(str(place))
    assert len(found.train_images) == 900 and found.class_names == data.class_names
    assert np.bincount(found.train_labels).tolist() == [n * 9 // 10 for n in PARTS]


def test_what_the_folder_cannot_have_is_refused():
    with pytest.raises(InputError, match='^--images=9000: of .0. there are 99.*, not 4500'):
        collapse.main(['', '--dataset=digits', '--images=9000'])
    with pytest.raises(InputError, match='^--rows=vae: no such row; there are gan, minibatch'):
        collapse.main(['', '--dataset=digits', '--rows=gan,vae'])
    data = datasets.load('digits')._replace(class_names=('all',))
    with pytest.raises(InputError, match='^the data have 1 classes; there must be ten'):
        collapse.unequal(data, 1000)


def test_rows_that_stand_in_the_file_are_not_made_again(monkeypatch, capsys):
    made = []

    def measure(settings, place, judge, name, seed):
        made.append((name, seed))
        row = {'dataset': settings.dataset, 'row': name, 'seed': seed, 'kl': f'0.{seed}'}
        return row | {'kept': 9 - seed, 'rare_lost': seed, 'seconds': 90, 'difference': 7}

    monkeypatch.setattr(collapse, 'measure', measure)
    monkeypatch.setattr(collapse, 'judge_of', lambda settings, data: None)
    words = ['', '--dataset=digits', '--images=1000']
    assert collapse.main([*words, '--rows=gan', '--seeds=1']) == 0
    assert collapse.main([*words, '--rows=gan,wgan_gp', '--seeds=2']) == 0
    expected = [('data', 0), ('gan', 0), ('gan', 1), ('wgan_gp', 0), ('wgan_gp', 1)]
    assert made == expected and len(rows()) == 5
    assert '| wgan_gp | 1.5 | 9, 8 | 0, 1 | 0.0, 0.1 | 7, 7 |' in capsys.readouterr().out


def test_a_model_is_trained_and_judged_by_who_knows_the_whole_data(monkeypatch, capsys):
    """The judge here calls every image a 1, of which the data have 15 %: KL log(1 / 0.15)."""
    asked = []

    def judge_of(settings, data):
        asked.append(len(data.train_images))

    def look(judge, images):
        return None, certain([0, len(images)] + [0] * 8)

    monkeypatch.setattr(collapse, 'judge_of', judge_of)
    monkeypatch.setattr('evaluation.judges.classifier.look', look)
    monkeypatch.setattr(collapse, 'SAMPLES', 30)
    tiny = collapse.Subject('gan_mlp', 2, ('--width=0.1', '--batch_size=64', '--xla=off'))
    monkeypatch.setitem(collapse.SUBJECTS, 'gan', tiny)
    command = ['', '--dataset=digits', '--images=1000', '--rows=gan', '--seeds=1']
    assert collapse.main(command) == 0
    assert asked == [10059]
    data, gan = rows()
    assert (data['row'], gan['row'], gan['model']) == ('data', 'gan', 'gan_mlp')
    assert (gan['images'], gan['epochs'], gan['kept'], gan['lost']) == (
        '900',
        '2',
        '1',
        '0 2 3 4 5 6 7 8 9',
    )
    assert (gan['kl'], gan['flags']) == (f'{-math.log(0.15):.4f}', ' '.join(tiny.words))
    assert '| gan | 0.' in capsys.readouterr().out
    run = Run('outputs/collapse/digits-1000-gan-0')
    assert [row['epoch'] for row in run.rows()] == ['1', '2'] and run.config['threads'] == 1
