"""The README's first GAN, shortened: whatever the seed and the machine, it draws digits."""

import pytest

import datasets
import flags
from evaluation import metrics
from support import backend

backend.load_tensorflow()

from evaluation.judges.classifier import classifier, look
from models.shared.build import build
from runs.drawing import draw
from training.loop import Loop

EPOCHS = 4  # of the demo's 16; after two there may be no digit yet
SAMPLES = 1000


@pytest.fixture(scope='module')
def digits():
    return datasets.load('digits')


@pytest.fixture(scope='module')
def judge(digits):
    """MNIST's classifier, which comes with the project and reads these digits, too."""
    return classifier(digits, '', 'mnist')


@pytest.mark.parametrize('seed', [0, pytest.param(1, marks=pytest.mark.slow)])
def test_the_gan_of_the_demo_draws_five_classes_at_least(seed, digits, judge):
    """One that has failed draws one lattice, in which the classifier sees one class or none."""
    settings = flags.settings('gan', dataset='digits', seed=seed)
    model = build((28, 28, 1), 10, settings)
    images, labels = digits.train_images, digits.train_labels
    loop = Loop(model, images, labels, settings.batch_size, seed, xla=True)
    while loop.epoch < EPOCHS:
        loop.train(100)
    samples = draw(model, model.latents(SAMPLES, seed))
    _, probabilities = look(judge, samples)
    assert metrics.mode_coverage(probabilities, digits.test_labels).present >= 5
