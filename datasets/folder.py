"""A folder of images, with one sub-folder per class."""

import contextlib
import os
import stat
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from datasets.images import fit
from datasets.parallel import in_order
from datasets.source import ONE_CLASS, Info, Source, a_tenth, in_a_line, side_of
from support.errors import InputError

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


def folder_source(name, image_size):
    """The `Source` of the images in the folder `name` and below."""
    root = Path(name).expanduser().resolve()
    files, classes, is_test = _examples(root)
    class_names, labels = np.unique(classes, return_inverse=True)
    is_test = a_tenth(labels) if is_test is None else is_test
    side, channels = _native(files)
    side = side_of(image_size, side)
    shape = (side, side, channels)
    tests = int(is_test.sum())
    info = Info(shape, tuple(class_names.tolist()), len(files) - tests, tests)
    stats = [(str(file), os.stat(file)) for file in files]
    key = (str(root), shape, *((file, stat.st_size, stat.st_mtime_ns) for file, stat in stats))
    images = in_order(lambda file: _read_image(file, shape)[None], files)
    batches = zip(images, labels[:, None], strict=True)
    return Source(info, key, lambda: (is_test, batches))


def read_folder(name, shape):
    """All images in the folder `name` and below, by their paths: uint8 (N, *shape).

    Raises:
      InputError: there is no such folder, it holds no images, or one cannot be read.
    """
    root = Path(name).expanduser()
    if not root.is_dir():
        raise InputError(f'--images={name}: neither a folder nor a run; give one of them')
    return np.stack([_read_image(file, shape) for file in _image_files(root)])


def read_image(name, shape):
    """The image in a file, uint8 of `shape`.

    Raises:
      InputError: there is no such file, it cannot be read, or the image has another size.
    """
    with _opened(Path(name).expanduser()) as picture:
        width, height = picture.size
    if (height, width) != shape[:2]:
        wanted = f'{shape[1]}x{shape[0]}'
        raise InputError(f'{name}: {width}x{height} pixels; the model draws {wanted}, so resize it')
    return _read_image(Path(name).expanduser(), shape)


def _examples(root):
    """Files, the class name of each, and a mask of the test images (None: no test folder)."""
    tests = [root / test for test in TEST_FOLDERS if (root / test).is_dir()]
    folders = [root / 'train', tests[0]] if tests and (root / 'train').is_dir() else [root]
    splits = [_image_files(folder) for folder in folders]
    files = sum(splits, [])
    if len(files) < 2:
        raise InputError(f'{root}: only one image; add at least one more for the test split')
    pairs = zip(folders, splits, strict=True)
    classes = [_class_name(file.relative_to(folder)) for folder, split in pairs for file in split]
    sizes = [len(split) for split in splits]
    return files, classes, np.repeat([False, True], sizes) if len(sizes) > 1 else None


def _image_files(folder):
    images = sorted(path for path in _files(folder) if path.name.lower().endswith(SUFFIXES))
    if not images:
        raise InputError(f'{folder}: no images; their names must end in {" ".join(SUFFIXES)}')
    return images


def _files(folder, above=()):
    """All files below, also behind links, but not again those of a folder `above`."""
    place = os.path.realpath(folder)
    if place in above:
        return
    for entry in os.scandir(folder):
        # macOS adds a hidden `._x.jpg`, which is not an image, to `x.jpg`; notebooks hide copies.
        if entry.name.startswith('.'):
            continue
        if entry.is_dir():
            yield from _files(entry.path, (*above, place))
        else:
            yield Path(entry.path)


def _class_name(path):
    """The first folder of a path; its name is bytes, which may not be valid text."""
    name = path.parts[0] if len(path.parts) > 1 else ONE_CLASS
    return os.fsencode(name).decode(errors='backslashreplace')


def _native(files):
    """The median of the smaller sides of 500 files, and the channels: 1 if all files are grey."""
    sides = [_header(file)[0] for file in files[:: -(-len(files) // 500)]]
    grey = all(_header(file)[1] for file in files)
    return int(np.median(sides)), 1 if grey else 3


def _header(file):
    with _opened(file) as picture:
        return min(picture.size), Image.getmodebase(picture.mode) == 'L'


def _read_image(file, shape):
    with _opened(file) as picture:
        return fit(ImageOps.exif_transpose(picture), shape)


@contextlib.contextmanager
def _opened(file):
    """The file as a PIL picture, not decoded yet; an error in the block names the file."""
    try:
        if not stat.S_ISREG(os.stat(file).st_mode):
            raise ValueError('a pipe or a device')  # which might never end
        with Image.open(file) as picture:
            _check_scale(picture)
            yield picture
    except Image.DecompressionBombError as error:  # so large that Pillow suspects an attack
        most = f'{2 * Image.MAX_IMAGE_PIXELS:,} pixels'
        raise InputError(f'{file}: more than {most}; make it smaller') from error
    except Exception as error:  # PIL's decoders raise nearly anything on damaged files
        if isinstance(error, OSError) and error.errno:
            reason = f'cannot be read ({error.strerror})'
            raise InputError(f'{file}: {reason}; fix that or remove it') from error
        reason = f'cannot be decoded as an image ({in_a_line(error)})'
        raise InputError(f'{file}: {reason}; remove or replace it') from error


def _check_scale(picture):
    """Refuses floats and 32-bit integers, except in a .pgm, which Pillow scales to 16 bits."""
    if picture.mode == 'F' or (picture.mode == 'I' and picture.format != 'PPM'):
        raise ValueError('it is not known which number is white; save it with 8 or 16 bits')
