"""Any image data set of TensorFlow Datasets."""

import contextlib
import difflib
import os
import threading

import numpy as np

from datasets.images import fit_all
from datasets.parallel import in_order
from datasets.source import ONE_CLASS, Info, Source, a_tenth, in_a_line, side_of
from support import backend
from support.errors import InputError

MIXED_SIDE = 64  # for TFDS data sets whose images differ in size, known only by decoding them
PROBE = 'https://storage.googleapis.com/tfds-data'


def library():
    """TensorFlow Datasets, which looks for no data sets over the network."""
    import tensorflow_datasets

    # Community data sets are looked up over the network, by TensorFlow, at every unknown name.
    public = tensorflow_datasets.core.visibility.DatasetType.TFDS_PUBLIC
    tensorflow_datasets.core.visibility.set_availables([public])
    return tensorflow_datasets


def builder_of(name, data_dir):
    """The builder of a data set; raises InputError if there is none of that name."""
    tfds = library()
    try:
        builder = tfds.builder(name, data_dir=data_dir and os.path.expanduser(data_dir))
    except Exception as error:  # TFDS's errors have no common base: Value, Assertion, Import, ...
        if name.split('/')[0].split(':')[0] in tfds.list_builders():
            raise InputError(f'--dataset={name}: {in_a_line(error)}') from error
        raise InputError(_unknown(name, tfds.list_builders())) from error
    if str(builder.data_dir).startswith('~'):  # it would become a directory of that name
        raise InputError('--data_dir: missing, and no home directory is known; name a directory')
    return builder


@contextlib.contextmanager
def without_warnings():
    """Silences TFDS, which warns of data sets that are not prepared and of its own deprecations."""
    from absl import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)


def _unknown(name, known):
    near = difflib.get_close_matches(name, ['digits', *known], n=4) or ['digits', 'mnist']
    remedy = f'try {", ".join(near)}, or the path of a folder of images'
    return f'--dataset={name}: no data set or folder has that name; {remedy}'


def tfds_source(builder, image_size):
    """The `Source` of a builder, prepared or not."""
    image, label = (_feature(builder, kind) for kind in ('Image', 'ClassLabel'))
    shape = _tfds_shape(builder, image, image_size)
    features = builder.info.features
    class_names = tuple(features[label].names) if label else (ONE_CLASS,)
    if not builder.is_prepared():
        return Source(Info(shape, class_names), (), None)
    splits = _tfds_splits(builder)
    counts = [builder.info.splits[split].num_examples for split in splits]
    info = Info(shape, class_names, *(counts if len(counts) > 1 else ()))
    directory = os.path.realpath(builder.data_dir)
    # The sizes do not show whether a data set was prepared again.
    prepared = os.stat(os.path.join(directory, 'dataset_info.json')).st_mtime_ns
    key = (directory, builder.info.full_name, prepared, splits, counts, shape)
    return Source(info, key, lambda: _decode(builder, splits, image, label, shape))


def _feature(builder, kind):
    """The key of the first feature of a kind, or None; supervised features are tried first."""
    features = dict(builder.info.features.items())
    keys = [*(builder.info.supervised_keys or ()), *features]
    kind = getattr(library().features, kind)
    return next((key for key in keys if isinstance(features.get(key), kind)), None)


def _tfds_shape(builder, image, image_size):
    feature = builder.info.features[image] if image else None
    if feature is None or feature.np_dtype != np.uint8:
        raise InputError(f'--dataset={builder.name}: has no 8-bit images; choose another')
    height, width, channels = feature.shape
    native = min(height, width) if height and width else MIXED_SIDE
    side = side_of(image_size, native)
    return side, side, 1 if channels == 1 else 3


def _tfds_splits(builder):
    splits = builder.info.splits
    if 'train' not in splits:
        found = f'has no train split, only {", ".join(splits)}'
        raise InputError(f'--dataset={builder.name}: {found}; choose another')
    return ['train', *[split for split in ('test', 'validation') if split in splits][:1]]


def prepare(builder):
    """Downloads a data set; without this check TFDS would retry for minutes if offline."""
    missing = f'--dataset={builder.name}: not prepared in {builder.data_dir}'
    remedy = (
        'copy it from a machine where TFDS prepared it and name its directory with --data_dir, '
        'or start with --dataset=digits'
    )
    if not online():
        raise InputError(f'{missing}, and there is no network to download it; {remedy}')
    backend.load_tensorflow()
    try:
        builder.download_and_prepare()
    except Exception as error:  # from the network, the source's format, or a missing package
        raise InputError(f'{missing}, and {in_a_line(error)}; {remedy}') from error


def online(seconds=5):
    """Whether the server of TFDS answers; asked over HTTP, which respects proxies."""
    import requests

    answers = []

    def ask():
        with contextlib.suppress(requests.RequestException):
            answers.append(requests.head(PROBE, timeout=seconds))

    # A thread, since looking up a host name is not bounded by the request's own timeout.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return bool(answers)


def _decode(builder, splits, image, label, shape):
    """What Source.decode gives, for TFDS."""
    tensorflow, _ = backend.load_tensorflow()
    with backend.quiet():  # the first look at the devices, which the decoding would take, prints
        tensorflow.config.list_logical_devices()
    # Images of different sizes do not fit into one batch.
    size = 64 if all(builder.info.features[image].shape) else 1
    batches = in_order(
        lambda batch: (fit_all(batch[image], shape), _labels(batch, image, label)),
        _batches(builder, splits, {image, label} - {None}, size),
    )
    return _tfds_test(builder, splits, label), batches


def _tfds_test(builder, splits, label):
    counts = [builder.info.splits[split].num_examples for split in splits]
    if len(splits) > 1:
        return np.repeat([False, True], counts)
    if label is None:
        return a_tenth(np.zeros(counts[0]))
    # An additional pass, because the choice of test images depends on all labels.
    batches = _batches(builder, splits, {label}, 1024)
    return a_tenth(np.concatenate([batch[label] for batch in batches]))


def _labels(batch, image, label):
    return batch[label] if label else np.zeros(len(batch[image]))


def _batches(builder, splits, features, size):
    """Batches of these features in a fixed order; other features are not decoded."""
    tfds = library()
    decoders = tfds.decode.PartialDecoding(features)
    config = tfds.ReadConfig(try_autocache=False)
    try:
        for split in splits:
            examples = builder.as_dataset(split=split, decoders=decoders, read_config=config)
            yield from examples.batch(size).prefetch(2).as_numpy_iterator()
    except Exception as error:  # TensorFlow's errors, on files that are missing or damaged
        reason = f'cannot be read ({in_a_line(error)})'
        raise InputError(f'{builder.data_dir}: {reason}; prepare it again') from error
