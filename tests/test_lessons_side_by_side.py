"""Lessons that lay VAEs side by side, on fake runs."""

import runpy
import sys
from pathlib import Path

import harness
import numpy as np
import pytest

import pictures
from evaluation import metrics, scores
from lessons import figure, kl_weights, reconstruction_kinds, side_by_side
from runs.directory import Run
from support import files
from support.errors import InputError

TARGET = np.random.default_rng(0).integers(0, 256, (64, 28, 28, 1)).astype(np.uint8)


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def make_run(name, weight=1.0, kl=20.0, reconstructions=TARGET, **config):
    """A VAE's run of one epoch with pictures and scores; its path."""
    run = Run(Path('outputs') / name)
    settings = {'kl_weight': weight, 'reconstruction': 'bernoulli', 'epochs': 1, 'run_name': name}
    settings |= {'dataset': 'mnist'} | config.pop('settings', {})
    config = {'dataset': 'mnist', 'settings': settings} | config
    files.write_json(run.path / 'config.json', harness.configuration(**config))
    run.log({'epoch': 1, 'test_kl': kl, 'test_reconstruction': 100 - kl})
    pictures.save_grid(run.path / 'target.png', TARGET)
    for kind, images in ('samples', TARGET), ('reconstructions', reconstructions):
        pictures.save_grid(run.picture(kind, 1), images)
    found = {'fid': {'fid': 12.34}, 'sharpness': {'ratio': 0.5}}
    conditions = {'conditions': {'version': scores.VERSION}}
    files.write_json(run.path / 'evaluation.json', {**conditions, 'scores': found})
    return str(run.path)


def refusal(main, *words):
    with pytest.raises(InputError) as error:
        main(['figure', *words])
    assert not list(Path().rglob('*.webp'))
    return str(error.value)


def test_errors_and_sharpness_are_those_of_the_images_in_the_grids():
    darker = np.where(np.arange(28)[:, None] < 14, TARGET, 0).astype(np.uint8)
    shown = side_by_side.Shown(Run(make_run('a', reconstructions=TARGET)))
    assert (shown.squared_error(), shown.reconstructed_sharpness()) == (0.0, 1.0)
    by_hand = np.mean(np.sum((darker / 255 - TARGET / 255) ** 2, axis=(1, 2, 3)))
    shown = side_by_side.Shown(Run(make_run('b', reconstructions=darker)))
    assert shown.squared_error() == pytest.approx(by_hand)
    assert shown.reconstructed_sharpness() == metrics.sharpness(darker, TARGET)
    flat = np.full_like(TARGET, 7)
    shown = side_by_side.Shown(Run(make_run('c', reconstructions=flat)))
    assert shown.reconstructed_sharpness() == 0.0


def test_each_kind_has_its_column(monkeypatch, capsys):
    told = []
    monkeypatch.setattr(figure, 'save_pixels', lambda path, picture: told.append(path))
    monkeypatch.setattr(pictures, 'table', lambda *words: told.append(words))
    made = f'--runs={make_run("a", kl=20.0)},{make_run("b", kl=21.0)}'
    assert reconstruction_kinds.main(['figure', made]) == 0
    (_, titles, images, captions), path = told
    assert titles == ['target', 'bernoulli + 1 KL', 'bernoulli + 1 KL']
    told = [f'KL {kl}, sharpness 1.00, error 0.0' for kl in ('20.0', '21.0')]
    assert captions[0][1:] == told
    np.testing.assert_array_equal(images[0][2], pictures.grid(TARGET))
    assert images[1][0] is None
    assert captions[1][1:] == ['sharpness 0.50, FID 12.3'] * 2
    printed = capsys.readouterr().out.splitlines()[2].split()
    assert printed[-5:] == ['21', '1', '0', '0.5', '12.34']
    assert path == 'outputs/lessons/reconstruction_kinds.webp'


def test_the_curve_is_drawn_above_the_samples(monkeypatch, capsys):
    pages, pixels = [], figure.pixels
    monkeypatch.setattr(figure, 'pixels', lambda page: pages.append(page) or pixels(page))
    paths = [make_run(f'w{weight}', weight, 30 / weight) for weight in (1.0, 2.0)]
    assert kl_weights.main(['figure', f'--runs={",".join(paths)}', '--out=new/x.png']) == 0
    printed = capsys.readouterr().out.splitlines()[1].split()
    assert printed[:5] == ['2', '15', '85', '100', '0.5']
    picture, grid = pictures.load_png('new/x.png'), pictures.grid(TARGET)
    titles, captions = ['weight 2', 'weight 1'], ['sharpness 0.50, FID 12.3'] * 2
    below = pictures.table(['samples'], titles, [[grid, grid]], [captions])
    np.testing.assert_array_equal(picture[kl_weights.HEIGHT :], below)
    above = picture[: kl_weights.HEIGHT]
    assert np.mean(above < 128) > 0.01 and (above[0] == 255).all()
    (axes,) = pages[0].axes
    curve, equal = axes.lines
    assert [list(part) for part in curve.get_data()] == [[15, 30], [85, 70]]
    assert [list(part) for part in equal.get_data()] == [[15, 30], [85, 70]]
    assert equal.get_label() == 'sum 100.0 nats'
    assert [(text.get_text(), *text.xy) for text in axes.texts] == [('2', 15, 85), ('1', 30, 70)]


def test_what_cannot_be_shown_is_refused():
    main = kl_weights.main
    assert '--runs' in refusal(main)
    good = make_run('good')
    assert '.webp' in refusal(main, f'--runs={good}', '--out=a.jpg')
    gan = make_run('gan', model='gan')
    Run(gan).rewrite_log([{'epoch': 1, 'generator_loss': 2.0}])
    assert 'no trained VAE' in refusal(main, f'--runs={gan}')
    other = make_run('l2', settings={'kl_weight': 1.0, 'reconstruction': 'l2'})
    assert '--reconstruction=l2' in refusal(main, f'--runs={good},{other}')
    (Path(good) / 'evaluation.json').unlink()
    assert 'evaluate.py --metrics=fid,sharpness' in refusal(main, f'--runs={good}')


@pytest.mark.parametrize('name', ['kl_weights', 'reconstruction_kinds'])
@pytest.mark.filterwarnings('ignore:.*found in sys.modules')
def test_they_are_commands(name, monkeypatch, capsys):
    """As `python -m` runs them."""
    monkeypatch.setattr(sys, 'argv', [name, '--help'])
    with pytest.raises(SystemExit) as end:
        runpy.run_module(f'lessons.{name}', run_name='__main__')
    assert end.value.code == 0
    assert '--runs' in capsys.readouterr().out
