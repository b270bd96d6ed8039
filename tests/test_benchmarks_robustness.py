"""benchmarks.robustness and benchmarks.variants: what a row says, what a variant changes."""

import harness
import numpy as np
import pytest

import flags
import pictures
from benchmarks import robustness, variants
from models import gan
from models.shared.build import build
from runs.directory import Run
from support.errors import InputError
from support.files import write_json

HEAD = 'epoch,discriminator_loss,d_true,d_fake,spread,eval_fid,eval_classes,seconds'


@pytest.fixture(autouse=True)
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(robustness, 'RESULTS', tmp_path / 'robustness.csv')


def finished_run(path, rows):
    """A run whose log has these rows, below HEAD."""
    path.mkdir()
    write_json(path / 'config.json', harness.configuration(xla='on', git_commit='abcdef0123'))
    (path / 'log.csv').write_text('\n'.join([HEAD, *rows]) + '\n')
    return Run(path)


def measured(tmp_path, monkeypatch, rows, name='gan-mnist-100'):
    run = finished_run(tmp_path / 'run', rows)
    monkeypatch.setattr(robustness, 'train', lambda *_: run)
    return robustness.measure(tmp_path, name, 3, None)


LOG = [
    '4,1.2,0.6,0.4,0.9,300.0,2,10',
    '8,1.2,0.6,0.4,0.9,,,10',
    '12,1.2,0.6,0.4,0.9,15.26,9,10',
    '16,1.2,0.75,0.25,0.95,12.0,10,10.4',
]


def test_a_row_tells_the_end_and_the_worst_after_the_tenth_epoch(tmp_path, monkeypatch):
    row = measured(tmp_path, monkeypatch, LOG)
    assert (row['classes'], row['fid'], row['success']) == (10, '12.0', 1)
    assert (row['fewest_classes'], row['highest_fid']) == (9, '15.3')
    assert (row['d_true'], row['d_fake'], row['spread']) == ('0.750', '0.250', '0.95')
    assert (row['seconds'], row['warned'], row['commit']) == (40, 0, 'abcdef0')


@pytest.mark.parametrize('last', ['20,1,0.7,0.3,1.0,12.0,8,10', '20,1,0.7,0.3,1.0,999.0,10,10'])
def test_few_classes_or_a_high_fid_are_a_failure(tmp_path, monkeypatch, last):
    assert measured(tmp_path, monkeypatch, [*LOG, last])['success'] == 0


def test_a_log_that_ends_in_a_failure_is_one_whatever_the_scores(tmp_path, monkeypatch):
    blind = [f'{epoch},1.39,0.5,0.5,1.0,12.0,10,10' for epoch in (17, 18, 19)]
    assert measured(tmp_path, monkeypatch, [*LOG, *blind])['success'] == 0


def test_a_run_that_was_warned_says_so(tmp_path, monkeypatch):
    bad = [f'{epoch},0.1,0.99,0.01,0.9,,,10' for epoch in (9, 10, 11)]
    assert measured(tmp_path, monkeypatch, [*LOG[:1], *bad, *LOG[2:]])['warned'] == 1


def test_rows_that_stand_are_not_made_again(tmp_path, monkeypatch, capsys):
    made = []

    def measure(home, name, seed, data_dir):
        made.append((name, seed))
        row = dict.fromkeys(robustness.COLUMNS, '1') | {'setting': name, 'seed': seed}
        return row | {'success': seed % 2}

    monkeypatch.setattr(robustness, 'measure', measure)
    words = ['', f'--output_dir={tmp_path}/runs', '--settings=post,noise']
    assert robustness.main([*words, '--seeds=0,2,7']) == 0
    assert made == [('post', 0), ('post', 2), ('noise', 0), ('noise', 2)]
    assert robustness.main(words) == 0
    assert made[4:] == [('post', 1), ('noise', 1)]
    told = capsys.readouterr().out.splitlines()[-2]
    assert told.startswith('| post | initial') and told.endswith(
        '| 1 of 3 | 1 each | 1.0 (1.0 to 1.0) |'
    )
    assert len((tmp_path / 'robustness.csv').read_text().splitlines()) == 7


def test_a_line_of_the_table_by_hand():
    found = [
        {'seed': seed, 'success': '1', 'classes': classes, 'fid': fid}
        for seed, classes, fid in [('10', '8', '90.26'), ('0', '9', '100.0'), ('2', '10', '20.0')]
    ]
    told = robustness.line('gan-mnist', found)
    assert told == ['gan-mnist', 'MNIST, 6 epochs', '3 of 3', '9, 10, 8', '90.3 (20.0 to 100.0)']
    assert robustness.line('gan-mnist', found[:1])[2:] == ['1 of 1', '8', '90.3']


def test_the_picture_shows_the_worst_seed_of_each_setting_whose_run_lies_here(tmp_path):
    """FIDs are compared as numbers: 100 is worse than 9."""
    lines = [('post', 0, '9.5'), ('post', 1, '100.0'), ('post', 2, '999.0'), ('noise', 0, '3.0')]
    rows = ['setting,seed,fid', *(f'{name},{seed},{fid}' for name, seed, fid in lines)]
    robustness.RESULTS.write_text('\n'.join(rows) + '\n')
    grids = {}
    for number, (name, seed, _) in enumerate(lines):
        if seed < 2:  # the run of seed 2 lies elsewhere
            for epoch in (1, 2):
                grids[name, seed] = np.full((8, 8, 1), 50 * number + epoch, np.uint8)
                path = Run(tmp_path / f'{name}-{seed}').picture('samples', epoch)
                pictures.save_png(path, grids[name, seed])
    robustness.worst(tmp_path / 'a.png', ['post', 'noise', 'gan-digits'], tmp_path)
    cells, captions = (
        [grids['post', 1], grids['noise', 0]],
        ['seed 1: FID 100.0', 'seed 0: FID 3.0'],
    )
    expected = pictures.table([''], ['post', 'noise'], [cells], [captions])
    np.testing.assert_array_equal(pictures.load_png(tmp_path / 'a.png'), expected)


@pytest.mark.parametrize(
    ('words', 'told'),
    [(['--settings=gan-digts'], 'did you mean gan-digits'), (['--seeds=1,x'], 'whole numbers')],
)
def test_settings_and_seeds_that_are_none_are_refused(words, told):
    with pytest.raises(InputError, match=told):
        robustness.main(['', *words])


@pytest.mark.parametrize(
    ('word', 'told'), [('--change=nothing', 'choose from post'), ('--threads=0', 'from 1')]
)
def test_variants_and_threads_that_are_none_are_refused(word, told):
    with pytest.raises(InputError, match=told):
        variants.main(['', word, '--model=gan', '--dataset=digits'])


def test_every_setting_is_one_that_train_takes():
    for setting in robustness.SETTINGS.values():
        words = [f'--model={setting.model}', '--dataset=digits', *setting.words]
        flags.training(['train.py', *words], '')
        assert setting.change is None or setting.change in variants.VARIANTS


def kernels(network):
    return [w.numpy() for w in network.trainable_variables if w.path.endswith('kernel')]


def test_the_weights_of_the_post_s_public_code(monkeypatch):
    """Cut at two deviations, a normal distribution has 0.88 of its own."""
    for name in ('generator_28', 'generator_32', 'discriminator_28', 'discriminator_32'):
        monkeypatch.setattr(gan, name, getattr(gan, name))  # to be put back
    variants.post_weights()
    settings = flags.settings('gan', dataset='digits')
    model = build((28, 28, 1), 10, settings)
    drawn = np.concatenate([kernel.ravel() for kernel in kernels(model.generator)])
    assert drawn.std() == pytest.approx(0.2 * 0.88, rel=0.01)
    for kernel in kernels(model.discriminator):
        fans = np.prod(kernel.shape[:-2]) * (kernel.shape[-2] + kernel.shape[-1])
        assert abs(kernel).max() == pytest.approx(np.sqrt(6 / fans), rel=0.1)
    assert gan.weights().stddev == 0.02


def test_adam_s_usual_momentum(monkeypatch):
    monkeypatch.setattr(gan, 'Adam', gan.Adam)
    variants.beta_1()
    settings = flags.settings('gan', dataset='digits')
    players = build((28, 28, 1), 10, settings).optimizers()
    assert [optimizer.beta_1 for optimizer in players.values()] == [0.9, 0.9]


def test_the_folder_holds_digits_black_on_white(tmp_path, monkeypatch):
    import datasets

    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.setattr(robustness, 'FOLDER_IMAGES', 50)
    place = robustness.folder(tmp_path)
    assert place == robustness.folder(tmp_path)
    data = datasets.load(str(place))
    assert data.class_names == tuple('0123456789')
    assert len(data.train_images) + len(data.test_images) == 50
    assert data.train_images.mean() > 180
