"""Models that are given labels or images, through training, drawing and evaluation."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pictures

ROOT = Path(__file__).parent.parent

# A generator that paints its label's grey, and one that turns an image to its negative; both see a
# batch of five labelled images beside each of the run's own, and have a flag that they draw by.
LABELLED = '''
"""A toy."""
import tensorflow as tf
from models.shared.base import GenerativeModel, Stream
from models.shared.noise import LATENTS_STEP, uniform

drawing = {"brightness": {"default": 1.0, "help": "of all pixels", "least": 0.0, "most": 1.0}}


class Model(GenerativeModel):
    players = {"toy": 1}
    given, columns = "labels", 10

    def __init__(self, image_shape, classes, settings):
        super().__init__(image_shape, classes, settings)
        self.scale = self.add_weight([], "ones", name="scale")

    def streams(self, data, load):
        few = load("digits")
        return {"few": Stream(few.train_images[:5], few.train_labels[:5])}

    def objectives(self, batch, seed):
        few = batch.more["few"]
        return {"toy": tf.square(self.scale - 1.0)}, {"few": tf.reduce_mean(few.images)}

    def latents(self, count, seed, given=None):
        if given is None:
            given = tf.cast(uniform([count], [seed, LATENTS_STEP], 0.0, self.classes), tf.int32)
        return tf.cast(given, tf.float32)[:, None] / self.classes

    def sample(self, latents, brightness):
        return tf.ones([1, *self.image_shape]) * latents[:, None, None] * brightness * self.scale
'''
FROM_IMAGES = (
    LABELLED.replace('"labels", 10', '"images", None')
    .replace('return tf.cast(given, tf.float32)[:, None] / self.classes', 'return given')
    .replace('tf.ones([1, *self.image_shape]) * latents[:, None, None]', '(1.0 - latents)')
)


@pytest.fixture(scope='module')
def project(tmp_path_factory):
    """A copy of the project with both models, each trained for an epoch on few digits."""
    place = tmp_path_factory.mktemp('given') / 'project'
    shutil.copytree(ROOT, place, ignore=shutil.ignore_patterns('.*', 'outputs', 'docs', 'tests'))
    for name, text in (('labelled', LABELLED), ('from_images', FROM_IMAGES)):
        (place / 'models' / f'{name}.py').write_text(text)
        small = ['--dataset=digits', '--train_size=128', '--epochs=1']
        assert run(place, 'train.py', f'--model={name}', *small).returncode == 0
    return place


def run(project, *words):
    """A command in the project, as a user types it."""
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=project, capture_output=True, text=True)


def drawn(project, model, *words):
    """What generate.py draws with the model."""
    words = [f'--run={model}-digits', '--out=drawn.npz', '--overwrite', *words]
    done = run(project, 'generate.py', *words)
    assert done.returncode == 0, done.stderr
    with np.load(project / 'drawn.npz') as arrays:
        return arrays['images']


def test_the_grid_has_a_class_a_column_and_the_log_the_streams(project):
    path = project / 'outputs' / 'labelled-digits'
    grid = pictures.load_grid(path / 'samples' / 'epoch_0001.png')
    assert grid.shape == (8 * 28, 10 * 28, 1)
    cells = pictures.cells(grid, 28, 28)[:, 3, 3, 0].reshape(8, 10)
    np.testing.assert_allclose(cells, np.tile(np.arange(10) * 25.5, (8, 1)), atol=1)
    with Image.open(path / 'samples.gif') as gif:
        assert gif.width > gif.height  # ten columns, eight lines
    assert 'few' in (path / 'log.csv').read_text().split()[0]
    assert len(json.loads((path / 'config.json').read_text())['streams_hash']) == 64


def test_labels_are_drawn_in_turn(project):
    sevens = drawn(project, 'labelled', '--label=7', '--num=3')[:, 0, 0, 0]
    np.testing.assert_allclose(sevens, [0.7 * 255] * 3, atol=1)
    images = drawn(project, 'labelled', '--labels=2-4', '--brightness=0.5')[:, 0, 0, 0]
    np.testing.assert_allclose(images, np.resize([25.5, 38, 51], 24), atol=1)


def test_a_model_begins_from_the_images_that_are_named(project):
    folder = project / 'some'
    folder.mkdir()
    for level in (0, 100, 200):
        Image.new('L', (40, 30), level).save(folder / f'{level}.png')
    images = drawn(project, 'from_images', '--images=some')
    assert images[:, 0, 0, 0].tolist() == [255, 155, 55]
    target = pictures.load_grid(project / 'outputs' / 'labelled-digits' / 'target.png')
    images = drawn(project, 'from_images', '--images=labelled-digits', '--num=5')
    np.testing.assert_array_equal(images, 255 - pictures.cells(target, 28, 28)[:5])
    done = run(project, 'generate.py', '--run=from_images-digits')
    assert (done.returncode, 'begins from images' in done.stderr) == (1, True)


def test_a_run_goes_on_with_the_further_data_it_was_begun_with(project):
    words = ['--model=labelled', '--dataset=digits', '--train_size=128', '--epochs=2']
    model = project / 'models' / 'labelled.py'
    model.write_text(LABELLED.replace('[:5]', '[:6]'))
    done = run(project, 'train.py', *words)
    assert done.returncode == 1 and 'was begun with other further data' in done.stderr
    model.write_text(LABELLED)
    assert run(project, 'train.py', *words).returncode == 0


def test_the_export_draws_by_the_flags_it_was_made_with(project):
    words = ['--run=labelled-digits', '--export=sampler', '--brightness=0.5']
    assert run(project, 'generate.py', *words).returncode == 0
    code = 'import tensorflow as tf, numpy as np; s = tf.saved_model.load("sampler"); '
    code += 'print(round(float(s.serve(np.float32([[0.8]]))[0, 0, 0, 0]), 3))'
    assert run(project, '-c', code).stdout.strip() == '0.4'
