"""The page of compare.py --html: what stands in the file, and what a real browser makes of it."""

import json
import shutil
import zlib
from html.parser import HTMLParser
from pathlib import Path

import harness
import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

import compare
import datasets
import pictures
from evaluation.scores import SCORES, VERSION
from runs.directory import Run
from support import files
from support.errors import InputError

REAL = {'test images': {'fid': 1.5}, 'centroids': {}}
HOSTILE = '</script><script>alert(1)</script><b title="\'">&amp;'


def generator(*name):
    return np.random.default_rng(zlib.crc32(repr(name).encode()))


def noise(*name, height=16, channels=1):
    return generator(*name).integers(0, 256, (height, 16, channels), np.uint8)


def make_run(name, epochs, model='gan', draw=noise, log=True, **rest):
    """A run below the current directory; `draw(name, kind, epoch)` gives its pictures."""
    run = Run(Path('outputs') / name)
    kinds = ('samples', 'reconstructions') if model == 'vae' else ('samples',)
    files.write_json(run.path / 'config.json', harness.configuration(model=model, **rest))
    pictures.save_png(run.path / 'target.png', draw(name, 'target', 0))
    for epoch in epochs:
        for kind in kinds:
            pictures.save_png(run.picture(kind, epoch), draw(name, kind, epoch))
        if log:
            run.log({'epoch': epoch, 'loss': 100 / epoch, 'test_kl': epoch, 'seconds': 0.5})
    return run


def evaluate(run, scores, reasons=(), references=()):
    """Leaves what evaluate.py would; a score of one number stands for {name: number}."""

    def result(scores, reasons=()):
        numbers = {k: v if isinstance(v, dict) else {k: v} for k, v in dict(scores).items()}
        conditions = {'version': VERSION}
        return {'conditions': conditions, 'scores': numbers, 'reasons': dict(reasons)}

    rows = {row: result(own) for row, own in dict(references).items()}
    found = result(scores, reasons) | {'references': rows}
    files.write_json(run.path / 'evaluation.json', found)


def write(*made):
    """Path of the page on these runs."""
    named = ','.join(str(run.path) for run in made)
    flags = [f'--runs={named}', '--html', '--out=out', '--overwrite', '--frames=2']
    assert compare.main(['compare.py', *flags]) == 0
    return Path('out/index.html')


class Page(HTMLParser):
    """The elements of a page as (tag, attributes), and the text in each kind of them."""

    def __init__(self, path):
        super().__init__()
        self.elements, self.texts, self.open = [], {}, []
        self.source = path.read_text(encoding='utf-8')
        self.feed(self.source)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.texts.setdefault(tag, []).append('')
        self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open.pop() != tag:
            pass

    def handle_data(self, data):
        for tag in set(self.open):
            self.texts[tag][-1] += data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    def data(self):
        return json.loads(self.texts['script'][0], parse_constant=pytest.fail)


def page(*made):
    return Page(write(*made))


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


# What stands in the file


def test_the_page_is_written_only_when_asked_for(capsys):
    run = make_run('gan', [1])
    compare.main(['compare.py', f'--runs={run.path}', '--out=out'])
    assert not Path('out/index.html').exists()
    assert write(run).exists()
    assert capsys.readouterr().out.split()[-1] == 'out/index.html'


def test_the_page_loads_nothing():
    run = make_run('gan', [1, 2])
    pictures.save_png(run.path / 'neighbours.png', noise())
    found = page(run)
    places = [a[k] for _, a in found.elements for k in ('src', 'href', 'action') if k in a]
    assert len(places) == 4 and all(place.startswith('data:') for place in places)
    for word in ('://', '@import', 'url(', 'import(', 'fetch('):
        assert word not in found.source
    policy = found.all('meta')[2]
    assert policy['http-equiv'] == 'Content-Security-Policy'
    assert policy['content'].startswith("default-src 'none'; img-src data:;")


def test_every_picture_has_an_alt_and_every_control_a_name():
    run = make_run('vae', [1, 2], model='vae')
    pictures.save_png(run.path / 'neighbours.png', noise())
    found = page(run)
    alts = [image['alt'] for image in found.all('img')]
    assert len(set(alts)) == 4 and all(alts)
    assert [label['for'] for label in found.all('label')] == [i['id'] for i in found.all('input')]
    assert found.texts['button'] == ['Play']


def test_pictures_are_webp_at_60_epochs_at_most():
    data = page(make_run('vae', range(1, 126), model='vae'), make_run('gan', range(1, 200))).data()
    epochs = pictures.spaced(range(1, 200), 60)
    assert data['epochs'] == epochs and len(epochs) <= 60
    columns = [[epoch for epoch, _ in column] for column in data['columns']]
    short = sorted({min(epoch, 125) for epoch in epochs})
    assert columns == [short, short, epochs]
    assert all(s.startswith('data:image/webp;base64,UklGR') for c in data['columns'] for _, s in c)


def test_curves_hold_the_losses_and_skip_empty_cells():
    run = make_run('gan', [1], log=False)
    run.log({'epoch': 1, 'loss': 2.718281828, 'test_kl': '', 'fid': '', 'seconds': 3})
    run.log({'epoch': 2, 'loss': 'nan', 'test_kl': 4, 'fid': '', 'seconds': 3})
    loss, kl = {'name': 'loss', 'points': [[1, 2.7183]]}, {'name': 'test kl', 'points': [[2, 4.0]]}
    assert page(run).data()['runs'] == [{'name': 'GAN', 'curves': [loss, kl]}]


def test_two_long_runs_of_digits_stay_below_three_megabytes():
    # Here a tenth: six epochs instead of sixty.
    images = datasets.load('digits').train_images

    def draw(*name):
        return pictures.grid(generator(*name).choice(images, 64))

    vae = make_run('vae', range(1, 7), model='vae', draw=draw)
    gan = make_run('gan', range(1, 7), draw=draw)
    assert write(vae, gan).stat().st_size < 300_000


def test_scores_stand_in_a_table_with_notes_and_the_reasons_of_empty_cells():
    vae, gan = make_run('vae', [1], model='vae'), make_run('gan', [1])
    spread = {'mean': -0.5, 'std': 0.25}
    evaluate(vae, {'fid': 22.41234, 'kid': spread}, references=REAL)
    why = {'kid': 'has no encoder', 'parzen': 'has no encoder', 'mmd': 'too few samples'}
    evaluate(gan, {'fid': 123456.7}, reasons=why)
    found = page(vae, gan)
    assert found.texts['th'] == ['score', 'test images', 'VAE', 'GAN', 'centroids', 'FID', 'KID']
    cells = ['1.50', '22.41', '123456.70', '–', '–', '-0.500 +- 0.250', '–', '–']
    assert found.texts['td'] == cells
    reasons = ['GAN: no kid, parzen: has no encoder.', 'GAN: no mmd: too few samples.']
    assert found.texts['li'] == [SCORES['kid'].note, *reasons]
    assert 'No scores yet' not in found.source


OLD = [
    None,
    {'histogram': [1, 2], 'kl': 0.5},
    {'conditions': {'version': -1}, 'scores': {'fid': 3}},
]


@pytest.mark.parametrize('old', OLD)
def test_runs_without_scores_are_answered_with_the_command(old):
    judged, gan, other = (make_run(name, [1]) for name in ('judged', 'gan', 'an other'))
    evaluate(judged, {'fid': 1.0})
    if old is not None:
        files.write_json(gan.path / 'evaluation.json', old)
    found = page(judged, gan, other)
    assert found.texts['td'] == ['1.00']
    paragraph = "No scores yet for gan, an other. To compute them: python evaluate.py '--runs="
    assert f"{paragraph}outputs/gan,outputs/an other'" in found.texts['p']
    assert 'table' not in page(gan).texts


@pytest.mark.parametrize('text', ['{', '[1]', '{"scores": 3}'])
def test_a_damaged_evaluation_is_none(text):
    run = make_run('gan', [1])
    (run.path / 'evaluation.json').write_text(text)
    assert 'No scores yet for GAN' in page(run).source


def test_a_page_that_cannot_be_written_is_told_in_a_line():
    Path('out/index.html').mkdir(parents=True)
    with pytest.raises(InputError, match='^out/index.html: cannot be written'):
        write(make_run('gan', [1]))
    assert sorted(path.name for path in Path('out').iterdir()) == [
        'comparison.gif', 'figure.png', 'index.html'
    ]  # fmt: skip


def test_nothing_from_a_file_becomes_markup():
    name, flag = HOSTILE.replace('/', '|'), {'data_dir': None, HOSTILE: HOSTILE}
    one = make_run(name, [1], class_names=[HOSTILE], settings=flag, versions={HOSTILE: HOSTILE})
    one.rewrite_log([{'epoch': '1', HOSTILE: '2'}])
    pictures.save_png(one.path / 'neighbours.png', noise())
    kinds = {'present': HOSTILE, 'kl': 0.0, 'sure': 1.0, 'histogram': [1]}
    evaluate(one, {'coverage': kinds}, reasons={'fid': HOSTILE})
    found = page(one, make_run(f'{name}2', [1]))
    assert len(found.all('script')) == 2 and not found.all('b')
    assert [image['alt'] for image in found.all('img')][1] == f'Grid of {name} samples'
    assert found.data()['runs'][0] == {
        'name': name, 'curves': [{'name': HOSTILE, 'points': [[1, 2.0]]}]
    }  # fmt: skip
    assert found.texts['h3'] == [name, f'{name}2'] and HOSTILE in found.texts['dd']
    assert HOSTILE in found.texts['td'] and f'{name}: no fid: {HOSTILE}.' in found.texts['li']


def test_command_is_the_one_that_was_typed_without_its_places():
    typed = ['--model=gan', '--data_dir', '/home/me', '-output_dir=/home/me', '--overwrite']
    typed += ['--epochs', '4', '--dataset=a b', '--nooverwrite']
    settings = {'epochs': 4, 'seed': 0, 'image_size': None, 'data_dir': '/home/me', 'xla': 'auto'}
    found = page(make_run('gan', [1], settings=settings, command=typed, xla='on'))
    words = "python train.py --model=gan --epochs 4 '--dataset=a b'"
    assert words in found.texts['code'] and '/home/me' not in found.source
    rows = dict(zip(found.texts['dt'], found.texts['dd'], strict=True))
    assert rows['xla'] == 'on' and rows['epochs'] == '4'
    assert not {'settings', 'command', 'image size'} & rows.keys()


def test_a_model_that_is_no_longer_here_has_a_page():
    found = page(make_run('gone', [1], model='gone', command=['--model=gone', '--seed=3']))
    assert 'python train.py --model=gone --seed=3' in found.texts['code']


def test_neighbours_are_shown_where_a_run_has_them():
    gan, vae = make_run('gan', [1]), make_run('vae', [1], model='vae')
    assert 'Nearest' not in page(gan, vae).source
    pictures.save_png(vae.path / 'neighbours.png', noise(channels=3))
    found = page(gan, vae)
    assert 'Nearest training images' in found.texts['h2']
    text = 'VAE samples on the left, next to each its nearest training images'
    assert found.all('img')[-1]['alt'] == found.texts['figcaption'][-1] == text


# What a browser makes of it

SWITCHES = (
    '--headless=new',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
)


@pytest.fixture(scope='module')
def chromium(tmp_path_factory):
    binaries = [shutil.which(name) for name in ('chromium', 'chromium-browser', 'google-chrome')]
    binary, driver = next(filter(None, binaries), None), shutil.which('chromedriver')
    if not (binary and driver):
        pytest.skip('no chromium and chromedriver here: the page was not tried in a browser')
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for switch in (*SWITCHES, f'--user-data-dir={tmp_path_factory.mktemp("profile")}'):
        options.add_argument(switch)
    browser = webdriver.Chrome(options, Service(driver))
    yield browser
    browser.quit()


@pytest.fixture
def browser(chromium):
    """A browser on the page of a VAE with epochs 2, 3, 5 and a GAN with 1, 2, 3, 4."""
    vae, gan = make_run('vae', [2, 3, 5], model='vae'), make_run('gan', range(1, 5))
    evaluate(gan, {'fid': 7.5})
    chromium.get(write(vae, gan).resolve().as_uri())
    yield chromium
    assert chromium.get_log('browser') == []


def seen(browser):
    """What follows the slider: captions, pictures, places of the markers, values at them."""
    captions = browser.find_elements(By.CSS_SELECTOR, '[data-column] .shown')
    pictures = browser.find_elements(By.CSS_SELECTOR, '[data-column] img')
    markers = browser.find_elements(By.CSS_SELECTOR, '.curve line')
    values = browser.find_elements(By.CSS_SELECTOR, '.curve .value')
    return (
        [caption.text for caption in captions],
        [p.get_attribute('src') if visible(p) else None for p in pictures],
        [float(m.get_attribute('x1')) if visible(m) else None for m in markers],
        [value.text for value in values],
    )


def visible(element):
    return element.value_of_css_property('visibility') == 'visible'


def epoch(browser):
    return browser.find_element(By.ID, 'now').text


def press(browser, *keys):
    webdriver.ActionChains(browser).send_keys(*keys).perform()


def captions(*epochs):
    return [f'epoch {epoch}' if epoch else 'no picture yet' for epoch in epochs]


def test_the_page_opens_at_the_last_epoch(browser):
    texts, pictures, markers, values = seen(browser)
    assert epoch(browser) == '5' and texts == captions(5, 5, 4)
    assert len(set(pictures)) == 3
    assert markers == [100] * 4 and values == ['20', '5', '25', '4']


def test_the_slider_moves_pictures_captions_and_curves(browser):
    before = seen(browser)
    browser.find_element(By.ID, 'epoch').send_keys(Keys.HOME)
    texts, pictures, markers, values = seen(browser)
    assert epoch(browser) == '1' and texts == captions(None, None, 1)
    assert pictures[:2] == [None, None] and pictures[2] not in before[1]
    assert markers == [None, None, 0, 0] and values == ['', '', '100', '1']
    browser.find_element(By.ID, 'epoch').send_keys(Keys.END)
    assert seen(browser) == before


def test_the_arrow_keys_step_wherever_the_focus_is(browser):
    press(browser, Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    texts, pictures, markers, _ = seen(browser)
    assert epoch(browser) == '3' and texts == captions(3, 3, 3)
    between = [np.log(3 / 2) / np.log(5 / 2)] * 2 + [np.log(3) / np.log(4)] * 2
    np.testing.assert_allclose(markers, 100 * np.array(between))
    browser.find_element(By.ID, 'epoch').send_keys(Keys.ARROW_RIGHT)
    assert epoch(browser) == '4' and seen(browser)[1][2] != pictures[2]
    browser.find_element(By.ID, 'play').send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert epoch(browser) == '5'


RECORD = """
    window.shown = [];
    const now = document.getElementById('now');
    new MutationObserver(() => shown.push(now.textContent)).observe(now, {childList: true});
"""


@pytest.mark.parametrize('way', ['click', 'space', 'space on the button'])
def test_play_runs_from_the_first_epoch_to_the_last(browser, way):
    button = browser.find_element(By.ID, 'play')
    starts = {'click': button.click, 'space': lambda: press(browser, ' ')}
    browser.execute_script(RECORD)
    starts.get(way, lambda: button.send_keys(' '))()
    wait = WebDriverWait(browser, 30)
    wait.until(lambda _: browser.execute_script('return shown') == ['1', '2', '3', '4', '5'])
    wait.until(lambda _: button.text == 'Play')
    assert seen(browser)[0] == captions(5, 5, 4)


def test_space_on_the_configuration_opens_it_and_plays_nothing(browser):
    browser.find_element(By.TAG_NAME, 'summary').send_keys(' ')
    assert browser.find_element(By.TAG_NAME, 'dl').is_displayed()
    assert browser.find_element(By.ID, 'play').text == 'Play' and epoch(browser) == '5'


@pytest.mark.parametrize('pause', ['button.click()', 'arrow("ArrowRight"); arrow("ArrowLeft")'])
def test_pause_holds_the_epoch(browser, pause):
    # At once, so that however slow the machine is no other epoch comes between.
    browser.execute_script(f"""
        const button = document.getElementById('play');
        const arrow = (key) =>
            document.body.dispatchEvent(new KeyboardEvent('keydown', {{key, bubbles: true}}));
        button.click();
        window.playing = button.textContent;
        {pause};
    """)
    browser.execute_async_script('setTimeout(arguments[0], 600)')
    assert browser.execute_script('return playing') == 'Pause'
    assert browser.find_element(By.ID, 'play').text == 'Play' and epoch(browser) == '1'


def test_the_table_and_the_curves_are_there(browser):
    assert browser.find_element(By.TAG_NAME, 'table').text.split() == [
        'score',
        'GAN',
        'FID',
        '7.50',
    ]
    names = [element.text for element in browser.find_elements(By.CSS_SELECTOR, '.curve .name')]
    assert names == ['loss', 'test kl'] * 2
    for line in browser.find_elements(By.TAG_NAME, 'polyline'):
        assert len(line.get_attribute('points').split()) in (3, 4)


def test_a_phone_needs_no_scrolling_sideways(chromium):
    spread = {'mean': 123.456, 'std': 0.789}
    scores = {'fid': 123456.7, 'kid': spread, 'inception_score': spread}
    made = [make_run(f'a-run-of-a-long-name-{i}', range(1, 4), model='vae') for i in range(3)]
    made.append(
        make_run('y' * 60, [1], 'vae', settings={'dataset': 'digits', 'reconstruction': 'x' * 80})
    )
    for run in made:
        evaluate(run, scores, reasons={'fid': 'x' * 80})
        pictures.save_png(run.path / 'neighbours.png', noise(height=900))
    size = {'width': 375, 'height': 812, 'deviceScaleFactor': 2, 'mobile': True}
    chromium.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', size)
    chromium.get(write(*made).resolve().as_uri())
    chromium.execute_script(
        'for (const part of document.querySelectorAll("details")) part.open = 1'
    )
    root = 'return document.documentElement.'
    assert chromium.execute_script(root + 'clientWidth') == 375
    assert chromium.execute_script(root + 'scrollWidth') == 375
    chromium.execute_cdp_cmd('Emulation.clearDeviceMetricsOverride', {})


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_the_page_takes_the_colors_of_the_system(browser, scheme):
    media = {'features': [{'name': 'prefers-color-scheme', 'value': scheme}]}
    browser.execute_cdp_cmd('Emulation.setEmulatedMedia', media)
    body = browser.find_element(By.TAG_NAME, 'body')
    channels = [body.value_of_css_property(name) for name in ('color', 'background-color')]
    ink, paper = (int(text.split('(')[1].split(',')[0]) for text in channels)
    assert (ink < 64 and paper > 192) if scheme == 'light' else (ink > 192 and paper < 64)
