"""Data sets by name: `digits`, any image data set of TensorFlow Datasets, or a folder of images.

From every source, images come as uint8 in NHWC, square, with one channel (grey) or three (RGB).
They are decoded once and then mapped from `${XDG_CACHE_HOME:-~/.cache}/generative-models`.
"""

import os

import numpy as np

from datasets.cache import cache_directory, cached
from datasets.digits import digits_source
from datasets.folder import folder_source, read_folder, read_image
from datasets.hashes import fingerprint, fingerprint_of
from datasets.selection import IN_MEMORY, Selection, parts, select
from datasets.source import SIZES, Dataset, Info, Source, permutation, side_of
from datasets.tfds import builder_of, library, online, prepare, tfds_source, without_warnings

__all__ = [
    'IN_MEMORY',
    'SIZES',
    'Dataset',
    'Info',
    'Selection',
    'Source',
    'cache_directory',
    'check',
    'fingerprint',
    'fingerprint_of',
    'load',
    'online',
    'parts',
    'read_folder',
    'read_image',
    'select',
    'subset',
]


def check(name, data_dir=None, image_size=None):
    """The Info of a data set, in half a second and without TensorFlow; nothing is downloaded.

    A folder is as quick if it has RGB images; of grey images all headers are read.
    Raises InputError like `load`, except for faults that only decoding or downloading can find.
    """
    with without_warnings():
        return source_of(name, data_dir, image_size)[0].info


def load(name, data_dir=None, image_size=None):
    """The Dataset called `name`, its images cropped to their central square and resized.

    `name` is `digits`; a data set of TFDS (`mnist`, `imagenet_resized/32x32`), prepared in
    `data_dir` (None: TFDS's default) or else downloaded to it; or the path of a folder of images,
    whose first-level sub-folders are the classes (`./mnist` is the folder, `mnist` is not).
    Without a test split (`test` or `validation`), a fixed tenth of each class is the test.

    `digits` is real handwriting that needs no network: the 1,797 images of 8x8 pixels that come
    with scikit-learn (E. Alpaydin, C. Kaynak, `Optical Recognition of Handwritten Digits`, UCI
    1998), white on black, enlarged to MNIST's layout: 20x20 inside a margin of 4 pixels. 360 of
    them, stratified, are the test and are only enlarged. Each of the other 1,437 is there seven
    times, 10,059 in all: as it is, then slightly turned, scaled and shifted in six fixed ways.

    `image_size` is one of SIZES. None means the largest that does not exceed the native side (in a
    folder the median side; 64 if TFDS does not know it), and at least 28.

    Raises InputError for an unknown name or size, a folder without images, an unreadable
    image, a data set without images or a train split, and when what is missing cannot be fetched.
    """
    with without_warnings():
        source, builder = source_of(name, data_dir, image_size)
        if builder and not builder.is_prepared():
            prepare(builder)
            source = tfds_source(builder, image_size)
        return cached(source)


def subset(images, labels, count):
    """At most `count` of the examples in their original order, and their labels.

    The examples do not depend on the run's seed: they are the first of one fixed permutation. So a
    smaller subset is part of a larger one, and data sorted by class keep all their classes. Of more
    than 512 MiB the images are a `Selection`, which reads them when they are asked for.
    """
    if count >= len(images):
        return images, labels
    rows = np.sort(permutation(len(images))[:count])
    return select(images, rows), labels[rows]


def source_of(name, data_dir, image_size):
    """The Source called `name`, and the TFDS builder that may have to prepare it, or None."""
    side_of(image_size, SIZES[0])  # the quickest refusal first
    if name == 'digits':
        return digits_source(image_size), None
    if _is_folder(name):
        return folder_source(name, image_size), None
    builder = builder_of(name, data_dir)
    return tfds_source(builder, image_size), builder


def _is_folder(name):
    """A name that TFDS knows always means its data set, even if such a folder exists."""
    first = name.split('/')[0].strip('.~')  # empty for `./mnist`, `/data` and `~/pictures`
    known = first and first in library().list_builders()
    return os.path.isdir(os.path.expanduser(name)) and not known
