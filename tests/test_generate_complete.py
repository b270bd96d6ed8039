"""generate.py with models that draw pixel by pixel: completions and progress."""

import imageio.v3 as imageio
import numpy as np
import pytest
from PIL import Image

import datasets
import generate
import train
from support.errors import InputError

SMALL = ['--dataset=digits', '--train_size=64', '--epochs=1', '--xla=off']
SEEN = ['--blocks=1', '--width=0.2']


@pytest.fixture(scope='module')
def project(tmp_path_factory):
    """A directory with a run of a PixelCNN and one of a VAE."""
    place = tmp_path_factory.mktemp('complete')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('XDG_CACHE_HOME', str(place))
        patch.chdir(place)
        assert train.main(['train.py', '--model=pixelcnn', *SMALL, *SEEN]) == 0
        assert train.main(['train.py', '--model=vae', *SMALL]) == 0
        yield place


def drawn(*words, model='pixelcnn'):
    """What generate.py draws with the run."""
    words = [f'--run={model}-digits', '--out=drawn.npz', '--overwrite', *words]
    assert generate.main(['generate.py', *words]) == 0
    with np.load('drawn.npz') as arrays:
        return arrays['images']


def test_a_test_image_is_completed_eight_times(project):
    """The given rows are those of the image, black and white; the others differ."""
    images = drawn('--complete=7', '--rows=10')
    given = datasets.load('digits').test_images[7]
    assert images.shape == (8, 28, 28, 1)
    expected = np.where(given[:10] > 127, 255, 0)
    np.testing.assert_array_equal(images[:, :10], np.broadcast_to(expected, (8, 10, 28, 1)))
    assert len(np.unique(images[:, 10:].reshape(8, -1), axis=0)) == 8


def test_a_file_is_completed_by_half_unless_rows_are_named(project):
    pixels = np.random.default_rng(0).integers(0, 2, (28, 28), np.uint8) * 255
    Image.fromarray(pixels).save('half.png')
    images = drawn('--complete=half.png', '--num=2')
    assert images.shape[0] == 2
    np.testing.assert_array_equal(images[:, :14, :, 0], np.broadcast_to(pixels[:14], (2, 14, 28)))
    assert (images[:, 14:, :, 0] != pixels[14:]).any()


def test_the_progress_adds_a_row_a_frame(project):
    images = drawn('--num=4', '--progress_gif=progress.gif')
    frames = imageio.imread('progress.gif')
    assert len(frames) == 29 and (np.ptp(frames[0]) == 0)
    cell = frames.shape[1] // 2 // 28
    first = frames[14, : 28 * cell : cell, : 28 * cell : cell, 0]
    np.testing.assert_allclose(first[:14], images[0, :14, :, 0], atol=9)  # 32 shades of grey
    assert np.ptp(first[14:]) == 0


@pytest.mark.parametrize(
    ('words', 'told'),
    [
        (['--complete=7', '--rows=0'], '^--rows=0: must be from 1 to 27$'),
        (['--complete=7', '--rows=28'], '^--rows=28: must be from 1 to 27$'),
        (['--complete=7', '--rows=29'], '^--rows=29: must be from 1 to 27$'),
        (['--complete=99999'], '^--complete=99999: the test images are 0 to '),
        (['--complete=-1'], '^--complete=-1: neither the number of a test image nor a file$'),
        (['--complete=gone.png'], '^--complete=gone.png: neither the number'),
        (['--complete=text.png'], 'text.png: '),
        (['--complete=large.png'], 'large.png: 30x40 pixels; the model draws 28x28'),
        (['--rows=14'], '^--rows=14: keeps rows of an image; name one by --complete$'),
        (['--progress_gif=a.png'], '^--progress_gif=a.png: must end in .gif$'),
        (['--complete=7', '--label=3'], '^--label, --labels: pixelcnn does not draw by label'),
    ],
)
def test_what_cannot_be_completed_is_refused_in_a_line(project, words, told):
    (project / 'text.png').write_text('no image')
    Image.new('L', (30, 40)).save(project / 'large.png')
    before = sorted(project.rglob('*'))
    with pytest.raises(InputError, match=told):
        drawn(*words)
    assert sorted(project.rglob('*')) == before


@pytest.mark.parametrize('word', ['--complete=7', '--progress_gif=a.gif'])
def test_a_model_that_draws_at_once_refuses(project, word):
    with pytest.raises(InputError, match='vae does not draw pixel by pixel'):
        drawn(word, model='vae')
