"""What several test files share: runs that the train command made."""

import collections
import functools
import shutil

import harness
import numpy as np
import pytest

import train
from support import backend

LONGEST = ('test_training', 'test_models.py', 'test_generate', 'test_compare', 'test_support')


def pytest_collection_modifyitems(items):
    """The files that take longest come first, so that all workers end at the same time."""
    items.sort(key=lambda item: not item.path.name.startswith(LONGEST))


@pytest.fixture(scope='session')
def tiny_runs(tmp_path_factory):
    """{model: directory of its run}: a VAE and a GAN, two epochs on 256 digits; not to be changed.

    Digits are 28x28 and grey; both runs have seed 0 and the same data.
    """
    base = tmp_path_factory.mktemp('tiny')
    shared = ['--dataset=digits', '--train_size=256', '--batch_size=64', '--epochs=2', '--xla=off']
    # Without noise samples differ after eight steps; a checkpoint of this GAN has 100 MB.
    own = {'vae': [], 'gan': ['--instance_noise=0', '--save_every=2']}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('XDG_CACHE_HOME', str(base / 'cache'))
        for name in ('INTRA', 'INTER'):  # the command sets them
            patch.setenv(f'TF_NUM_{name}OP_THREADS', '1')
        for model in ('vae', 'gan'):
            place = [f'--model={model}', f'--output_dir={base}', *own[model]]
            assert train.main(['train.py', *place, *shared]) == 0
    return {model: base / f'{model}-digits' for model in ('vae', 'gan')}


@pytest.fixture(scope='session')
def wholes(tmp_path_factory):
    """Runs of small networks that nothing interrupts, by model and flags; not to be changed."""

    @functools.cache
    def make(model, *flags):
        path, events = (tmp_path_factory.mktemp('whole') / name for name in ('a', 'events'))
        hooks = [functools.partial(harness.record, str(path), events)]
        harness.finish(path, *flags, model=model, hooks=hooks)
        return harness.Whole(path, collections.Counter(events.read_text().split()))

    return make


@pytest.fixture
def saved(monkeypatch):
    """The pages that lessons have saved, which are written all the same."""
    from lessons import figure

    pages, save = [], figure.save
    monkeypatch.setattr(figure, 'save', lambda path, page: pages.append(page) or save(path, page))
    return pages


@pytest.fixture
def clean(tmp_path):
    """Takes a test's files away: checkpoints are large, and pytest keeps three sessions'."""
    yield
    shutil.rmtree(tmp_path)


@pytest.fixture(scope='session')
def prepared(tmp_path_factory):
    """A directory with two small data sets of TFDS: grey with a test split, coloured without."""
    directory = str(tmp_path_factory.mktemp('prepared'))
    with backend.quiet():
        for name, channels, splits in (
            ('tiny_grey', 1, {'train': 40, 'test': 8}),
            ('tiny_colour', 3, {'train': 40}),
            ('tiny_untrained', 3, {'test': 8}),
        ):
            prepare(directory, name, channels, splits)
    return directory


def tiny(index, channels):
    """Image number `index`: every pixel says the index, so that order and labels can be seen."""
    return np.full((30, 40, channels), index, np.uint8)


def prepare(directory, name, channels, splits):
    import tensorflow_datasets as tfds

    features = {'image': tfds.features.Image(shape=(30, 40, channels))}
    if channels == 1:
        features['label'] = tfds.features.ClassLabel(names=['even', 'odd'])
    tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version='1.0.0',
        data_dir=directory,
        features=tfds.features.FeaturesDict(features),
        split_datasets={split: examples(channels, count) for split, count in splits.items()},
        disable_shuffling=True,
    )


def examples(channels, count):
    tensorflow, _ = backend.load_tensorflow()
    data = {'image': np.stack([tiny(index, channels) for index in range(count)])}
    if channels == 1:
        data['label'] = np.arange(count) % 2
    return tensorflow.data.Dataset.from_tensor_slices(data)
