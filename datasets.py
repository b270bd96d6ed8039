"""Data sets by name: `digits`, any image data set of TensorFlow Datasets, or a folder of images.

Whatever the source, images come as uint8 in NHWC, square, one channel (grey) or three (RGB), and
are decoded once: from then on they are mapped from `${XDG_CACHE_HOME:-~/.cache}/generative-models`.
"""

import contextlib
import difflib
import fcntl
import hashlib
import os
import re
import secrets
import shutil
import stat
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

import console

SIZES = (28, 32, 48, 64, 80, 96, 112, 128)
ARRAYS = ('train_images', 'train_labels', 'test_images', 'test_labels')
ONE_CLASS = 'all'
MIXED_SIDE = 64  # for TFDS data sets whose images differ in size, known only by decoding them
SUFFIXES = (
    '.png',
    '.jpg',
    '.jpeg',
    '.bmp',
    '.gif',
    '.webp',
    '.ppm',
    '.pgm',
    '.pbm',
    '.tif',
    '.tiff',
)
TEST_FOLDERS = ('test', 'validation', 'val', 'valid')
DIGITS, DIGITS_TEST, DIGITS_COPIES = 1797, 360, 7
PROBE = 'https://storage.googleapis.com/tfds-data'
CACHE_FORMAT = 1  # to be raised by whatever changes the pixels or splits that decoding gives


class Dataset(NamedTuple):
    """Images are uint8 (N, H, W, C), labels int64 (N,) that index `class_names`.

    The arrays may be read-only maps of files.
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    class_names: tuple[str, ...]


class Info(NamedTuple):
    """What is known of a data set without decoding it; the counts are None where they are not."""

    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    train_examples: int | None = None
    test_examples: int | None = None


class Source(NamedTuple):
    """An undecoded data set: `key` holds all that the decoded arrays depend on.

    `decode()` gives a mask (N,) of the examples that are for the test, and an iterable of batches
    (images, labels) in the same order.
    """

    info: Info
    key: tuple
    decode: Callable


def check(name, data_dir=None, image_size=None):
    """The Info of a data set, in half a second and without TensorFlow; nothing is downloaded.

    A folder is as quick while it holds RGB images; grey ones have all their headers read.
    Raises console.InputError like `load`, except for what only decoding or downloading can find.
    """
    with _without_warnings():
        return _source(name, data_dir, image_size)[0].info


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

    `image_size` is one of SIZES; None means the largest not above the native side (the median one
    in a folder, 64 where TFDS does not tell), and at least 28.

    Raises console.InputError for an unknown name or size, a folder without images, an unreadable
    image, a data set without images or a train split, and when what is missing cannot be fetched.
    """
    with _without_warnings():
        source, builder = _source(name, data_dir, image_size)
        if builder and not builder.is_prepared():
            _prepare(builder)
            source = _tfds_source(builder, image_size)
        return _cached(source)


def subset(images, labels, count):
    """At most `count` of the examples in their original order, and their labels.

    They are the same ones whatever the run's seed, the first of one fixed permutation, so a
    smaller subset is part of a larger one and data sorted by class keep all their classes.
    """
    if count >= len(images):
        return images, labels
    rows = np.sort(_permutation(len(images))[:count])
    return images[rows], labels[rows]


def fingerprint(dataset):
    """The SHA-256 of the four arrays with their shapes and types, in hexadecimal."""
    digest = hashlib.sha256()
    for array in dataset[: len(ARRAYS)]:
        digest.update(repr((array.shape, array.dtype.str)).encode())
        digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()


def _source(name, data_dir, image_size):
    """The Source called `name`, and the TFDS builder that may have to prepare it, or None."""
    _side(image_size, SIZES[0])  # the quickest refusal first
    if name == 'digits':
        return _digits_source(image_size), None
    if _is_folder(name):
        return _folder_source(name, image_size), None
    builder = _builder(name, data_dir)
    return _tfds_source(builder, image_size), builder


def _digits_source(image_size):
    side = _side(image_size, SIZES[0])
    shape, train = (side, side, 1), (DIGITS - DIGITS_TEST) * DIGITS_COPIES
    info = Info(shape, tuple('0123456789'), train, DIGITS_TEST)
    return Source(info, ('digits', shape), lambda: _decode_digits(shape))


def _decode_digits(shape):
    """What Source.decode gives, for the 8x8 digits that come with scikit-learn."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    train, test, train_labels, test_labels = train_test_split(
        images, labels, test_size=DIGITS_TEST, stratify=labels, random_state=0
    )
    variants = np.tile(train, (DIGITS_COPIES - 1, 1)), np.tile(train_labels, DIGITS_COPIES - 1)
    batches = [
        (_enlarge(train), train_labels),
        (_enlarge(variants[0], vary=True), variants[1]),
        (_enlarge(test), test_labels),
    ]
    is_test = np.repeat([False, False, True], [len(labels) for _, labels in batches])
    return is_test, ((_fit_all(images, shape), labels) for images, labels in batches)


def _enlarge(images, vary=False):
    """(N, 64) in 0..16 to uint8 (N, 28, 28, 1), each turned, scaled and shifted if `vary`."""
    # Padding before the enlargement lets strokes that touch the 8x8 border fade out softly.
    small = np.pad(images.reshape(-1, 8, 8), ((0, 0), (2, 2), (2, 2))).astype(np.float32)
    maps = _affine_maps(len(images), *((0.17, 0.1, 1) if vary else (0, 0, 0)))
    large = np.stack([_warp(image, row) for image, row in zip(small, maps, strict=True)])
    # Enlarging blurs the strokes: steeper contrast gives them back MNIST's white cores.
    return np.clip(1.5 * (large * (255 / 16) - 127.5) + 127.5, 0, 255).astype(np.uint8)[..., None]


def _warp(image, affine_map):
    """12x12 to 30x30, of which the map takes 28x28."""
    large = Image.fromarray(image).resize((30, 30), Image.BICUBIC)
    return np.asarray(large.transform((28, 28), Image.AFFINE, affine_map, Image.BICUBIC))


def _affine_maps(count, angle, scale, shift):
    """PIL's six coefficients (count, 6) from 28x28 to 30x30, drawn within these bounds."""
    draw = np.random.RandomState(0).uniform
    angles, scales = draw(-angle, angle, count), draw(1 - scale, 1 + scale, count)
    cos, sin = np.cos(angles) / scales, np.sin(angles) / scales
    x, y = 14 + draw(-shift, shift, (2, count))
    return np.stack([cos, sin, 15 - cos * x - sin * y, -sin, cos, 15 + sin * x - cos * y], axis=1)


def _permutation(count):
    # NumPy promises that RandomState's streams never change; default_rng's may.
    return np.random.RandomState(0).permutation(count)


def _a_tenth(labels):
    """A mask (N,) of a fixed tenth of each class, rounded, and at least one where there are two."""
    mask = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        count = max(round(len(rows) / 10), len(rows) > 1)
        mask[rows[_permutation(len(rows))[:count]]] = True
    return mask if mask.any() else _a_tenth(np.zeros_like(labels))


def _side(image_size, native):
    if image_size is None:
        return max((side for side in SIZES if side <= native), default=SIZES[0])
    if image_size not in SIZES:
        sizes = ', '.join(map(str, SIZES))
        raise console.InputError(f'--image_size={image_size}: not offered; give one of {sizes}')
    return image_size


def _fit_all(images, shape):
    """Batches that have the shape already, such as MNIST's, are spared the detour."""
    if images.shape[1:] == shape:
        return images
    return np.stack([_fit(Image.fromarray(np.squeeze(image)), shape) for image in images])


def _fit(picture, shape):
    """The central square of a PIL picture as uint8 of `shape`, without aliasing."""
    side, _, channels = shape
    if picture.mode.startswith('I'):  # 16 bits, which PIL would clip at 255 instead of scaling
        wide = np.clip(np.asarray(picture), 0, 65535)
        picture = Image.fromarray((wide // 257).astype(np.uint8))
    if picture.has_transparency_data:  # what is invisible may have any colour: show it on white
        picture = picture.convert('RGBA')
        white = Image.new('RGBA', picture.size, 'white')
        picture = Image.alpha_composite(white, picture)
    picture = picture.convert('L' if channels == 1 else 'RGB')
    square = ImageOps.fit(picture, (side, side), Image.LANCZOS)
    return np.asarray(square).reshape(shape)


def _is_folder(name):
    """A name that TFDS knows means the same whatever lies in the current directory."""
    first = name.split('/')[0].strip('.~')  # empty for `./mnist`, `/data` and `~/pictures`
    known = first and first in _tfds().list_builders()
    return os.path.isdir(os.path.expanduser(name)) and not known


def _folder_source(name, image_size):
    root = Path(name).expanduser().resolve()
    files, classes, is_test = _examples(root)
    class_names, labels = np.unique(classes, return_inverse=True)
    is_test = _a_tenth(labels) if is_test is None else is_test
    side, channels = _native(files)
    side = _side(image_size, side)
    shape = (side, side, channels)
    tests = int(is_test.sum())
    info = Info(shape, tuple(class_names.tolist()), len(files) - tests, tests)
    stats = [(str(file), os.stat(file)) for file in files]
    key = (str(root), shape, *((file, stat.st_size, stat.st_mtime_ns) for file, stat in stats))
    batches = (
        (_read_image(file, shape)[None], [label]) for file, label in zip(files, labels, strict=True)
    )
    return Source(info, key, lambda: (is_test, batches))


def _examples(root):
    """Files, the name of each one's class, and a mask of the test (None: the folder has none)."""
    tests = [root / test for test in TEST_FOLDERS if (root / test).is_dir()]
    folders = [root / 'train', tests[0]] if tests and (root / 'train').is_dir() else [root]
    splits = [_image_files(folder) for folder in folders]
    files = sum(splits, [])
    if len(files) < 2:
        raise console.InputError(f'{root}: a single image; give at least one more to test on')
    pairs = zip(folders, splits, strict=True)
    classes = [_class_name(file.relative_to(folder)) for folder, split in pairs for file in split]
    sizes = [len(split) for split in splits]
    return files, classes, np.repeat([False, True], sizes) if len(sizes) > 1 else None


def _image_files(folder):
    images = sorted(path for path in _files(folder) if path.name.lower().endswith(SUFFIXES))
    if not images:
        raise console.InputError(f'{folder}: no images; they end in {" ".join(SUFFIXES)}')
    return images


def _files(folder, above=()):
    """All files below, also behind links; but not in a folder that lies `above`, again."""
    place = os.path.realpath(folder)
    if place in above:
        return
    for entry in os.scandir(folder):
        # macOS hides a `._x.jpg` that is no image beside `x.jpg`, notebooks hide copies.
        if entry.name.startswith('.'):
            continue
        if entry.is_dir():
            yield from _files(entry.path, (*above, place))
        else:
            yield Path(entry.path)


def _class_name(path):
    """A file system's name is bytes, and may be no text."""
    name = path.parts[0] if len(path.parts) > 1 else ONE_CLASS
    return os.fsencode(name).decode(errors='backslashreplace')


def _native(files):
    """The median of the smaller sides, among 500 of the files, and 1 channel if all are grey."""
    sides = [_header(file)[0] for file in files[:: -(-len(files) // 500)]]
    grey = all(_header(file)[1] for file in files)
    return int(np.median(sides)), 1 if grey else 3


def _header(file):
    with _opened(file) as picture:
        return min(picture.size), Image.getmodebase(picture.mode) == 'L'


def _read_image(file, shape):
    with _opened(file) as picture:
        return _fit(ImageOps.exif_transpose(picture), shape)


@contextlib.contextmanager
def _opened(file):
    """The file as a PIL picture, not decoded yet; whatever fails in the block is told as its."""
    try:
        if not stat.S_ISREG(os.stat(file).st_mode):
            raise ValueError('a pipe or a device')  # which might never end
        with Image.open(file) as picture:
            _check_scale(picture)
            yield picture
    except Image.DecompressionBombError as error:  # by its size: Pillow takes it for an attack
        most = f'{2 * Image.MAX_IMAGE_PIXELS:,} pixels'
        raise console.InputError(f'{file}: more than {most}; make it smaller') from error
    except Exception as error:  # PIL's decoders raise nearly anything on damaged files
        if isinstance(error, OSError) and error.errno:
            reason = f'cannot be read ({error.strerror})'
            raise console.InputError(f'{file}: {reason}; mend that or remove it') from error
        reason = f'cannot be decoded as an image ({_line(error)})'
        raise console.InputError(f'{file}: {reason}; remove or replace it') from error


def _check_scale(picture):
    """Refuses fractions and integers of 32 bits, but for a .pgm, which Pillow scales to 16."""
    if picture.mode == 'F' or (picture.mode == 'I' and picture.format != 'PPM'):
        raise ValueError('nothing tells which of its numbers is white; save it with 8 or 16 bits')


def _line(error):
    # TensorFlow puts the name of the failed node before its messages, and of the operation after.
    text = re.sub(r'\{\{.*?\}\}|\[Op:.*', '', str(error), flags=re.DOTALL)
    text = ' '.join(text.split()) or type(error).__name__
    return text if len(text) <= 300 else text[:300] + '...'


def _tfds():
    import tensorflow_datasets

    # Community data sets are looked up over the network, by TensorFlow, at every unknown name.
    public = tensorflow_datasets.core.visibility.DatasetType.TFDS_PUBLIC
    tensorflow_datasets.core.visibility.set_availables([public])
    return tensorflow_datasets


def _builder(name, data_dir):
    tfds = _tfds()
    try:
        builder = tfds.builder(name, data_dir=data_dir and os.path.expanduser(data_dir))
    except Exception as error:  # TFDS's errors have no common base: Value, Assertion, Import, ...
        if name.split('/')[0].split(':')[0] in tfds.list_builders():
            raise console.InputError(f'--dataset={name}: {_line(error)}') from error
        raise console.InputError(_unknown(name, tfds.list_builders())) from error
    if str(builder.data_dir).startswith('~'):  # it would become a directory of that name
        raise console.InputError('--data_dir: missing, and no home directory is known; give one')
    return builder


@contextlib.contextmanager
def _without_warnings():
    """TFDS warns of each data set that is not prepared, and of what TFDS itself has deprecated."""
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
    return f'--dataset={name}: no data set and no folder of that name; {remedy}'


def _tfds_source(builder, image_size):
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
    # The sizes cannot tell a data set that was prepared anew from the one it replaced.
    prepared = os.stat(os.path.join(directory, 'dataset_info.json')).st_mtime_ns
    key = (directory, builder.info.full_name, prepared, splits, counts, shape)
    return Source(info, key, lambda: _decode(builder, splits, image, label, shape))


def _feature(builder, kind):
    """The key of the first feature of a kind, those for supervised learning first, or None."""
    features = dict(builder.info.features.items())
    keys = [*(builder.info.supervised_keys or ()), *features]
    kind = getattr(_tfds().features, kind)
    return next((key for key in keys if isinstance(features.get(key), kind)), None)


def _tfds_shape(builder, image, image_size):
    feature = builder.info.features[image] if image else None
    if feature is None or feature.np_dtype != np.uint8:
        raise console.InputError(f'--dataset={builder.name}: holds no images of 8 bits')
    height, width, channels = feature.shape
    native = min(height, width) if height and width else MIXED_SIDE
    side = _side(image_size, native)
    return side, side, 1 if channels == 1 else 3


def _tfds_splits(builder):
    splits = builder.info.splits
    if 'train' not in splits:
        raise console.InputError(
            f'--dataset={builder.name}: has no train split, only {", ".join(splits)}'
        )
    return ['train', *[split for split in ('test', 'validation') if split in splits][:1]]


def _prepare(builder):
    """Downloads a data set; without a network TFDS itself would retry for minutes."""
    missing = f'--dataset={builder.name}: not prepared in {builder.data_dir}'
    remedy = (
        'give --data_dir, a directory where TFDS prepared it on another machine, '
        'or start now with --dataset=digits'
    )
    if not online():
        raise console.InputError(f'{missing}, and no network to fetch it; {remedy}')
    console.load_tensorflow()
    try:
        builder.download_and_prepare()
    except Exception as error:  # from the network, the source's format, or a missing package
        raise console.InputError(f'{missing}, and {_line(error)}; {remedy}') from error


def online(seconds=5):
    """Whether the store that TFDS reads from answers; asked by HTTP, which honours proxies."""
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
    tensorflow, _ = console.load_tensorflow()
    with console.quiet():  # the first look at the devices, which the decoding would take, prints
        tensorflow.config.list_logical_devices()
    # Images of many sizes fit no batch.
    size = 256 if all(builder.info.features[image].shape) else 1
    batches = (
        (_fit_all(batch[image], shape), _labels(batch, image, label))
        for batch in _batches(builder, splits, {image, label} - {None}, size)
    )
    return _tfds_test(builder, splits, label), batches


def _tfds_test(builder, splits, label):
    counts = [builder.info.splits[split].num_examples for split in splits]
    if len(splits) > 1:
        return np.repeat([False, True], counts)
    if label is None:
        return _a_tenth(np.zeros(counts[0]))
    # An additional pass, since only all the labels tell which images are for the test.
    batches = _batches(builder, splits, {label}, 1024)
    return _a_tenth(np.concatenate([batch[label] for batch in batches]))


def _labels(batch, image, label):
    return batch[label] if label else np.zeros(len(batch[image]))


def _batches(builder, splits, features, size):
    """Batches of these features, the others not decoded, in an order that is always the same."""
    tfds = _tfds()
    decoders = tfds.decode.PartialDecoding(features)
    config = tfds.ReadConfig(try_autocache=False)
    try:
        for split in splits:
            examples = builder.as_dataset(split=split, decoders=decoders, read_config=config)
            yield from examples.batch(size).prefetch(2).as_numpy_iterator()
    except Exception as error:  # TensorFlow's errors, on files that are missing or damaged
        reason = f'cannot be read ({_line(error)})'
        raise console.InputError(f'{builder.data_dir}: {reason}; prepare it again') from error


def cache():
    """The directory for what is computed once; raises InputError where there is no home for it."""
    try:
        base = console.expand(os.environ.get('XDG_CACHE_HOME') or '~/.cache')
    except ValueError as error:
        raise console.InputError(f'XDG_CACHE_HOME: missing, and {error}') from None
    return Path(base, 'generative-models')


def _cached(source):
    """The Dataset of a source, decoded unless an earlier call left it in the cache."""
    key = hashlib.sha256(repr((CACHE_FORMAT, source.key)).encode()).hexdigest()[:32]
    folder = cache() / key
    try:
        with console.reading(folder):
            arrays = _mapped(folder, source.info)
    except (FileNotFoundError, NotADirectoryError, ValueError, EOFError):  # absent or damaged
        arrays = _fill(folder, source)
    return Dataset(*arrays, source.info.class_names)


def _mapped(folder, info):
    """The four arrays, mapped; raises OSError, ValueError or EOFError when they are not whole."""
    arrays = [np.load(folder / f'{name}.npy', mmap_mode='r') for name in ARRAYS]
    for images, labels in (arrays[:2], arrays[2:]):
        if images.shape != (len(labels), *info.image_shape):
            raise ValueError(f'{folder}: {images.shape} is not the shape of these images')
    return arrays


def _fill(folder, source):
    """Decodes into a directory of its own, renamed when complete: others see all of it or none."""
    with _temporary(folder) as temporary, _room(temporary.parent):
        _write(temporary, source)
        arrays = _mapped(temporary, source.info)  # a map outlives its file's name
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # another process was faster: its copy is as good
            os.rename(temporary, folder)
    return arrays


@contextlib.contextmanager
def _room(folder):
    """Tells of a full disk in one line that names the folder."""
    try:
        yield
    except OSError as error:
        if not console.full(error):
            raise
        remedy = 'make room there or name another directory with XDG_CACHE_HOME'
        raise console.InputError(f'{folder}: {error.strerror}; {remedy}') from error


@contextlib.contextmanager
def _temporary(folder):
    """A directory to be renamed to `folder`, locked while the block runs and then removed."""
    with contextlib.ExitStack() as stack:
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            temporary = _claimed(folder, stack)
        except OSError:  # a home that is read-only: this run can do without a cache
            temporary = _elsewhere()
        try:
            yield temporary
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _claimed(folder, stack):
    """A new directory beside `folder`, locked as long as `stack`; removes those of the dead.

    The directory around it is locked meanwhile, so that none is seen before it has a lock. Locks
    end with their process, however it ends.
    """
    with contextlib.ExitStack() as brief:
        _lock(folder.parent, brief)
        for path in folder.parent.glob('*.*'):
            if re.fullmatch(r'[0-9a-f]{32}\..{8}', path.name):
                with contextlib.suppress(OSError), contextlib.ExitStack() as living:
                    _lock(path, living, fcntl.LOCK_NB)
                    shutil.rmtree(path, ignore_errors=True)
        temporary = folder.with_name(f'{folder.name}.{secrets.token_hex(4)}')
        temporary.mkdir()  # not by tempfile, whose directories a shared cache could not share
        _lock(temporary, stack)
    return temporary


def _lock(directory, stack, flags=0):
    """Locks a directory until `stack` ends; raises OSError with LOCK_NB if another process has."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    stack.callback(os.close, handle)
    fcntl.flock(handle, fcntl.LOCK_EX | flags)


def _elsewhere():
    """A directory for temporary files; raises InputError where none can be made."""
    try:
        return Path(tempfile.mkdtemp())
    except OSError as error:
        remedy = 'make room there or set TMPDIR to another directory'
        raise console.InputError(f'TMPDIR: {error.strerror}; {remedy}') from error


def _write(folder, source):
    is_test, batches = source.decode()
    shape, labels = source.info.image_shape, []
    with (
        _image_file(folder / 'train_images.npy', (np.sum(~is_test), *shape)) as train,
        _image_file(folder / 'test_images.npy', (np.sum(is_test), *shape)) as test,
    ):
        for images, batch_labels in batches:
            mask = is_test[len(labels) : len(labels) + len(images)]
            train.write(images[~mask].tobytes())
            test.write(images[mask].tobytes())
            labels.extend(batch_labels)
    labels = np.array(labels, np.int64)
    np.save(folder / 'train_labels.npy', labels[~is_test])
    np.save(folder / 'test_labels.npy', labels[is_test])


@contextlib.contextmanager
def _image_file(path, shape):
    """A `.npy` file to which images are written one after the other.

    A map would be killed by SIGBUS on a full disk, where a write raises OSError.
    """
    header = {'descr': '|u1', 'fortran_order': False, 'shape': tuple(map(int, shape))}
    with open(path, 'wb') as file:
        np.lib.format.write_array_header_1_0(file, header)
        yield file
