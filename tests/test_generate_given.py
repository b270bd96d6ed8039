"""Models that are given labels or images, through training, drawing and evaluation."""

import importlib
import json

import numpy as np
import pytest
from PIL import Image

import generate
import models
import pictures
import train
from models.shared import declarations
from support import backend
from support.errors import InputError

tf, _ = backend.load_tensorflow()

SMALL = ['--dataset=digits', '--train_size=128', '--epochs=1']

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
    """A directory with runs of both models, each trained for an epoch on few digits.

    Their files lie in a directory of models of its own, which the process takes for the project's.
    """
    place = tmp_path_factory.mktemp('given')
    own = place / 'models'
    own.mkdir()
    (own / 'shared').symlink_to(declarations.MODELS / 'shared')
    for name, text in (('labelled', LABELLED), ('from_images', FROM_IMAGES)):
        (own / f'{name}.py').write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(declarations, 'MODELS', own)
        patch.setattr(models, '__path__', [*models.__path__, str(own)])
        patch.setenv('XDG_CACHE_HOME', str(place))
        patch.chdir(place)
        for name in ('labelled', 'from_images'):
            assert train.main(['train.py', f'--model={name}', *SMALL]) == 0
        yield place


def drawn(model, *words):
    """What generate.py draws with the model."""
    words = [f'--run={model}-digits', '--out=drawn.npz', '--overwrite', *words]
    assert generate.main(['generate.py', *words]) == 0
    with np.load('drawn.npz') as arrays:
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
    sevens = drawn('labelled', '--label=7', '--num=3')[:, 0, 0, 0]
    np.testing.assert_allclose(sevens, [0.7 * 255] * 3, atol=1)
    images = drawn('labelled', '--labels=2-4', '--brightness=0.5')[:, 0, 0, 0]
    np.testing.assert_allclose(images, np.resize([25.5, 38, 51], 24), atol=1)


def test_a_model_begins_from_the_images_that_are_named(project):
    folder = project / 'some'
    folder.mkdir()
    for level in (0, 100, 200):
        Image.new('L', (40, 30), level).save(folder / f'{level}.png')
    images = drawn('from_images', '--images=some')
    assert images[:, 0, 0, 0].tolist() == [255, 155, 55]
    target = pictures.load_grid(project / 'outputs' / 'labelled-digits' / 'target.png')
    images = drawn('from_images', '--images=labelled-digits', '--num=5')
    np.testing.assert_array_equal(images, 255 - pictures.cells(target, 28, 28)[:5])
    with pytest.raises(InputError, match='starts from images'):
        drawn('from_images')


def test_a_run_goes_on_with_the_further_data_it_was_begun_with(project, monkeypatch):
    toy = importlib.import_module('models.labelled').Model
    streams = toy.streams

    def others(model, data, load):
        few = streams(model, data, load)['few']
        return {'few': few._replace(labels=few.labels[::-1])}

    command = ['train.py', '--model=labelled', *SMALL, '--epochs=2']
    monkeypatch.setattr(toy, 'streams', others)
    with pytest.raises(InputError, match='was started with other further data'):
        train.main(command)
    monkeypatch.setattr(toy, 'streams', streams)
    assert train.main(command) == 0


def test_the_export_draws_by_the_flags_it_was_made_with(project):
    words = ['--run=labelled-digits', '--export=sampler', '--brightness=0.5']
    assert generate.main(['generate.py', *words]) == 0
    sampler = tf.saved_model.load('sampler')
    drawn = sampler.serve(np.float32([[0.8]]))
    assert drawn.shape == (1, 28, 28, 1) and float(drawn[0, 0, 0, 0]) == pytest.approx(0.4)
