import errno
import hashlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import datasets
from datasets import hashes, parallel, selection
from datasets.cache import ARRAYS
from support.errors import InputError

ROOT = Path(datasets.__file__).parents[1]
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    return tmp_path / 'cache' / 'generative-models'


@pytest.fixture(scope='module')
def digits(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('XDG_CACHE_HOME', str(tmp_path_factory.mktemp('cache')))
        return datasets.load('digits')


def save(path, colour=RED, size=(28, 28), mode='RGB'):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)


def colours(folder, count=10):
    """Sub-folders of red and blue images, and where they are."""
    for index in range(count):
        save(folder / 'red' / f'{index}.png', RED)
        save(folder / 'blue' / f'{index}.png', BLUE)
    return str(folder)


def refusal(function, *args, **options):
    with pytest.raises(InputError) as caught:
        function(*args, **options)
    message = str(caught.value)
    assert '\n' not in message
    return message


def run(script, *args):
    """Runs a script in a process of its own and gives what it printed."""
    command = [sys.executable, '-c', script, *args]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


# digits


def test_digits_are_the_1797_of_scikit_learn_in_mnist_layout(digits):
    assert digits.train_images.shape == (1437 * 7, 28, 28, 1)
    assert digits.test_images.shape == (360, 28, 28, 1)
    assert digits.train_images.dtype == digits.test_images.dtype == np.uint8
    assert digits.train_labels.dtype == digits.test_labels.dtype == np.int64
    # UCI's counts per class, of which the test is a stratified fifth.
    counts = np.array([178, 182, 177, 183, 181, 182, 181, 179, 174, 180])
    tested = np.bincount(digits.test_labels)
    np.testing.assert_array_equal(np.bincount(digits.train_labels) // 7 + tested, counts)
    np.testing.assert_allclose(tested, counts * 360 / 1797, atol=1)


def test_digits_are_white_on_black_inside_a_margin(digits):
    images = digits.test_images[..., 0].astype(float)
    assert images.max() == 255 and images.min() == 0
    assert images[:, :3].max() == images[:, -3:].max() == 0
    assert images[:, 4:24].mean() > 10 * images[:, :4].mean()
    assert 25 < images.mean() < 50  # MNIST's mean is 33


def test_digits_show_the_scans_they_were_made_from(digits):
    """Averaged back to 8x8 and matched with scikit-learn's arrays, labels agree."""
    from sklearn.datasets import load_digits

    scans, targets = load_digits(return_X_y=True)
    small = [
        Image.fromarray(image[4:24, 4:24, 0]).resize((8, 8), 4) for image in digits.test_images
    ]
    small = np.array([np.asarray(image).ravel() for image in small]) * (16 / 255)
    nearest = np.argmin(((small[:, None] - scans) ** 2).mean(-1), axis=1)
    assert np.mean(targets[nearest] == digits.test_labels) > 0.99
    assert len(set(nearest)) > 350


def test_only_training_digits_vary_and_no_test_digit_is_among_them(digits):
    train = {image.tobytes() for image in digits.train_images}
    assert len(train) > 10_000
    assert not train & {image.tobytes() for image in digits.test_images}
    first, copy = digits.train_images[:1437], digits.train_images[1437 : 2 * 1437]
    difference = np.abs(first.astype(float) - copy).mean()
    stranger = np.abs(first.astype(float) - np.roll(copy, 1, axis=0)).mean()
    assert 1 < difference < stranger / 1.5
    np.testing.assert_array_equal(digits.train_labels[:1437], digits.train_labels[1437 : 2 * 1437])


def test_check_tells_what_load_gives(digits, tmp_path):
    info = datasets.check('digits')
    assert info.image_shape == digits.train_images.shape[1:]
    assert (info.train_examples, info.test_examples) == (10_059, 360)
    assert datasets.check('digits', image_size=64).image_shape == (64, 64, 1)
    info = datasets.check(colours(tmp_path / 'pictures'), image_size=48)
    assert info == ((48, 48, 3), ('blue', 'red'), 18, 2)


# subset and fingerprint


def test_subset_of_sorted_classes_keeps_their_balance_and_order():
    labels = np.repeat(np.arange(10), 100)
    images = np.arange(1000, dtype=np.int64)
    chosen, chosen_labels = datasets.subset(images, labels, 300)
    assert len(chosen) == 300
    assert (np.diff(chosen) > 0).all()
    np.testing.assert_array_equal(chosen_labels, labels[chosen])
    assert all(15 <= count <= 45 for count in np.bincount(chosen_labels, minlength=10))


def test_subset_is_fixed_and_grows():
    images, labels = np.arange(1000), np.zeros(1000)
    np.random.seed(1)
    small = datasets.subset(images, labels, 50)[0]
    np.random.seed(2)
    np.testing.assert_array_equal(small, datasets.subset(images, labels, 50)[0])
    assert set(small) < set(datasets.subset(images, labels, 60)[0])
    assert datasets.subset(images, labels, 1000)[0] is images
    assert datasets.subset(images, labels, 1001)[1] is labels


@pytest.mark.parametrize('name', ARRAYS)
def test_fingerprint_tells_one_changed_number(digits, name):
    array = np.array(getattr(digits, name))
    array.flat[-1] ^= 1
    changed = digits._replace(**{name: array})
    assert datasets.fingerprint(changed) != datasets.fingerprint(digits)
    array.flat[-1] ^= 1
    assert datasets.fingerprint(changed) == datasets.fingerprint(digits)


def test_fingerprint_tells_shapes_apart():
    images, labels = np.zeros((2, 2, 8, 1), np.uint8), np.zeros(2, np.int64)
    wide = datasets.Dataset(images, labels, images, labels, ('all',))
    tall = wide._replace(train_images=images.reshape(2, 8, 2, 1))
    assert datasets.fingerprint(wide) != datasets.fingerprint(tall)
    assert len(datasets.fingerprint(wide)) == 64


def test_a_subset_too_large_for_memory_is_read_when_it_is_asked_for(monkeypatch):
    images, labels = np.arange(200, dtype=np.uint8).reshape(50, 2, 2, 1), np.arange(50)
    expected, expected_labels = datasets.subset(images, labels, 20)
    monkeypatch.setattr(selection, 'IN_MEMORY', expected.nbytes - 1)
    found, found_labels = datasets.subset(images, labels, 20)
    assert isinstance(found, datasets.Selection) and not isinstance(expected, datasets.Selection)
    assert (found.shape, found.dtype, found.nbytes) == (expected.shape, expected.dtype, 80)
    np.testing.assert_array_equal(found_labels, expected_labels)
    np.testing.assert_array_equal(found, expected)
    for key in (3, slice(2, 30, 5), np.array([4, 0, 4]), expected_labels % 2 == 0):
        np.testing.assert_array_equal(found[key], expected[key])
    assert datasets.fingerprint_of([found]) == datasets.fingerprint_of([expected])


@pytest.fixture
def hashed(monkeypatch):
    """How often all bytes were read to compute a fingerprint, as a list."""
    times, compute = [], hashes.fingerprint_of
    monkeypatch.setattr(hashes, 'fingerprint_of', lambda a: times.append(1) or compute(a))
    return times


def test_a_fingerprint_is_computed_once_and_its_value_is_that_of_the_arrays(tmp_path, hashed):
    folder = colours(tmp_path / 'pictures')
    found = {datasets.fingerprint(datasets.load(folder)) for _ in range(3)}
    assert len(hashed) == 1
    digest = hashlib.sha256()
    for array in datasets.load(folder)[:4]:
        digest.update(repr((array.shape, array.dtype.str)).encode() + array.tobytes())
    assert found == {digest.hexdigest()}


@pytest.mark.parametrize('name', ARRAYS)
@pytest.mark.parametrize('change', ['bytes', 'time', 'record'])
def test_a_changed_file_is_noticed(tmp_path, cache, hashed, name, change):
    """Also if its size and time stay; a new time alone has it read again, too."""
    folder = colours(tmp_path / 'pictures')
    before = datasets.fingerprint(datasets.load(folder))
    [entry] = cache.iterdir()
    file = entry / f'{name}.npy'
    stat = file.stat()
    if change == 'bytes':
        file.write_bytes(file.read_bytes()[:-1] + b'\7')
        os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    elif change == 'time':
        os.utime(file, ns=(0, 0))
    else:
        (entry / hashes.RECORD).write_text('{')
    assert (datasets.fingerprint(datasets.load(folder)) != before) == (change == 'bytes')
    assert len(hashed) == 2


def test_parts_of_maps_and_changed_copies_have_the_fingerprints_of_what_they_hold(tmp_path):
    data = datasets.load(colours(tmp_path / 'pictures'))
    datasets.fingerprint(data)
    images = data.train_images
    for other in (images[:9], images[::-1], images[..., ::-1], np.array(images) ^ 1):
        arrays = [np.array(other), *map(np.array, data[1:4])]
        expected = datasets.fingerprint_of(arrays)
        assert datasets.fingerprint(data._replace(train_images=other)) == expected


# Folders


def test_folder_keeps_colours_classes_and_proportions(tmp_path):
    dataset = datasets.load(colours(tmp_path / 'pictures', 20))
    assert dataset.class_names == ('blue', 'red')
    assert np.bincount(dataset.train_labels).tolist() == [18, 18]
    assert np.bincount(dataset.test_labels).tolist() == [2, 2]
    for images, labels in (dataset[:2], dataset[2:4]):
        expected = np.array([BLUE, RED], np.uint8)[labels]
        np.testing.assert_array_equal(
            images, np.broadcast_to(expected[:, None, None], images.shape)
        )


def test_folder_with_its_own_splits(tmp_path):
    for split, count in (('train', 5), ('validation', 2)):
        colours(tmp_path / 'pictures' / split, count)
    save(tmp_path / 'pictures' / 'train' / 'green' / 'deep' / 'one.JPG', GREEN)
    dataset = datasets.load(str(tmp_path / 'pictures'))
    assert dataset.class_names == ('blue', 'green', 'red')
    assert np.bincount(dataset.train_labels).tolist() == [5, 1, 5]
    assert np.bincount(dataset.test_labels).tolist() == [2, 0, 2]


def test_classes_of_one_image_and_folders_without_classes(tmp_path):
    for index in range(3):
        save(tmp_path / 'single' / str(index) / 'x.png')
        save(tmp_path / 'flat' / f'{index}.png')
    single, flat = (datasets.load(str(tmp_path / name)) for name in ('single', 'flat'))
    assert [len(labels) for labels in (single.train_labels, single.test_labels)] == [2, 1]
    assert flat.class_names == ('all',)
    assert [len(labels) for labels in (flat.train_labels, flat.test_labels)] == [2, 1]


def test_classes_behind_links_are_classes_and_loops_end(tmp_path):
    colours(tmp_path / 'elsewhere', 3)
    save(tmp_path / 'pictures' / 'green' / 'own.png', GREEN)
    (tmp_path / 'pictures' / 'red').symlink_to('../elsewhere/red')
    (tmp_path / 'pictures' / 'green' / 'again').symlink_to('..')
    (tmp_path / 'pictures' / 'green' / 'self').symlink_to('.')
    dataset = datasets.load(str(tmp_path / 'pictures'))
    assert dataset.class_names == ('green', 'red')
    assert len(dataset.train_images) + len(dataset.test_images) == 1 + 3


def test_names_that_are_no_text(tmp_path):
    folder = os.fsencode(tmp_path / 'pictures')
    for name in (b'caf\xe9', b'th\xc3\xa9'):
        for index in range(2):
            save(Path(os.fsdecode(folder + b'/' + name + b'/%d\xff.png' % index)))
    names = datasets.load(str(tmp_path / 'pictures')).class_names
    assert names == ('caf\\xe9', 'thé')
    assert ' '.join(names).encode()  # so that they can be printed and written


def test_crop_takes_the_centre(tmp_path):
    stripes = Image.new('RGB', (96, 32), GREEN)
    stripes.paste(RED, (0, 0, 32, 32))
    stripes.paste(BLUE, (64, 0, 96, 32))
    (tmp_path / 'pictures').mkdir()
    for index in range(2):
        stripes.save(tmp_path / 'pictures' / f'{index}.png')
        stripes.rotate(90, expand=True).save(tmp_path / 'pictures' / f'tall{index}.png')
    dataset = datasets.load(str(tmp_path / 'pictures'))
    assert dataset.train_images.shape[1:] == (32, 32, 3)
    assert (dataset.train_images == np.array(GREEN)).all()


def test_shrinking_does_not_alias(tmp_path):
    board = Image.fromarray((np.indices((128, 128)).sum(0) % 2 * 255).astype(np.uint8))
    (tmp_path / 'pictures').mkdir()
    for index in range(2):
        board.save(tmp_path / 'pictures' / f'{index}.png')
    images = datasets.load(str(tmp_path / 'pictures'), image_size=32).train_images
    assert images.shape[1:] == (32, 32, 1)
    np.testing.assert_allclose(images[:, 2:-2, 2:-2], 127, atol=3)


@pytest.mark.parametrize(
    ('mode', 'colour', 'expected'),
    [
        ('RGBA', (255, 0, 0, 255), RED),
        ('RGBA', (0, 0, 0, 0), (255, 255, 255)),
        ('L', 77, (77,)),
        ('1', 1, (255,)),
        ('I;16', 257 * 77, (77,)),
    ],
)
def test_modes(tmp_path, mode, colour, expected):
    for index in range(2):
        save(tmp_path / 'pictures' / f'{index}.png', colour, mode=mode)
    images = datasets.load(str(tmp_path / 'pictures')).train_images
    assert images.shape == (1, 28, 28, len(expected))
    assert (images == np.array(expected)).all()


@pytest.mark.parametrize(
    ('name', 'pixels'),
    [
        ('x.tif', np.full((28, 28), 200, np.int32)),
        ('x.tiff', np.full((28, 28), 0.5, np.float32)),
    ],
)
def test_pixels_whose_white_nobody_knows_are_refused(tmp_path, name, pixels):
    """Clipped to 0..255 or divided by 257 they would be black."""
    folder = tmp_path / 'pictures'
    save(folder / 'a.png')
    Image.fromarray(pixels).save(folder / name)
    message = refusal(datasets.check, str(folder))
    assert message.startswith(f'{folder / name}: ') and 'white; save it with 8 or 16' in message


@pytest.mark.parametrize('name', ['x.tif', 'x.pgm', 'x.png'])
def test_pixels_of_16_bits_are_scaled(tmp_path, name):
    for folder in ('a', 'b'):
        (tmp_path / 'pictures' / folder).mkdir(parents=True)
        pixels = np.full((28, 28), 257 * 77, np.uint16)
        Image.fromarray(pixels).save(tmp_path / 'pictures' / folder / name)
    assert (datasets.load(str(tmp_path / 'pictures')).train_images == 77).all()


def test_one_coloured_image_makes_all_of_them_rgb(tmp_path):
    save(tmp_path / 'pictures' / 'a.png', 9, mode='L')
    save(tmp_path / 'pictures' / 'b.png', RED)
    assert datasets.check(str(tmp_path / 'pictures')).image_shape == (28, 28, 3)


@pytest.mark.parametrize(('side', 'native'), [(20, 28), (28, 28), (47, 32), (100, 96), (500, 128)])
def test_native_sizes(tmp_path, side, native):
    for index in range(2):
        save(tmp_path / 'pictures' / f'{index}.png', size=(side + 7, side))
    assert datasets.check(str(tmp_path / 'pictures')).image_shape == (native, native, 3)


# What is wrong is said in one line


def test_sizes_on_offer_are_listed():
    for function in (datasets.check, datasets.load):
        message = refusal(function, 'digits', image_size=40)
        assert message.startswith('--image_size=40: ')
        assert all(str(size) in message for size in datasets.SIZES)


def test_unknown_names_are_answered_with_the_nearest():
    assert 'fashion_mnist' in refusal(datasets.check, 'fashion-mnist')
    assert 'digits' in refusal(datasets.check, 'digit')
    assert 'folder' in refusal(datasets.load, 'no/such/path')
    assert '--dataset=mnist:1.0.0' in refusal(datasets.check, 'mnist:1.0.0')
    assert 'no 8-bit images' in refusal(datasets.check, 'imdb_reviews')


def test_damaged_image_is_named(tmp_path):
    folder = colours(tmp_path / 'pictures')
    noise = np.random.RandomState(0).randint(0, 255, (28, 28, 3), np.uint8)
    damaged = tmp_path / 'pictures' / 'red' / '3.png'
    Image.fromarray(noise).save(damaged)
    damaged.write_bytes(damaged.read_bytes()[:1000])
    assert str(damaged) in refusal(datasets.load, folder)
    damaged.write_text('no image at all')
    assert str(damaged) in refusal(datasets.load, folder)


def test_a_pipe_is_no_image_and_holds_nobody_up(tmp_path):
    save(tmp_path / 'pictures' / 'a.png')
    os.mkfifo(tmp_path / 'pictures' / 'x.png')
    assert f'{tmp_path}/pictures/x.png: ' in refusal(datasets.check, str(tmp_path / 'pictures'))


def test_what_cannot_be_read_is_not_called_damaged(tmp_path):
    save(tmp_path / 'pictures' / 'a.png')
    (tmp_path / 'pictures' / 'x.png').symlink_to('nowhere')
    message = refusal(datasets.check, str(tmp_path / 'pictures'))
    assert f'{tmp_path}/pictures/x.png: cannot be read (No such file or directory)' in message


def test_an_image_too_large_for_pillow_is_named(tmp_path, monkeypatch):
    save(tmp_path / 'pictures' / 'a.png')
    save(tmp_path / 'pictures' / 'x.png', size=(60, 60))
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 1000)
    message = refusal(datasets.check, str(tmp_path / 'pictures'))
    assert message == f'{tmp_path}/pictures/x.png: more than 2,000 pixels; make it smaller'


def test_folders_without_images(tmp_path, cache):
    (tmp_path / 'pictures' / 'train').mkdir(parents=True)
    (tmp_path / 'pictures' / 'notes.txt').write_text('')
    (tmp_path / 'pictures' / '._hidden.png').write_text('')
    save(tmp_path / 'pictures' / '.hidden' / 'copy.png')
    folder = str(tmp_path / 'pictures')
    assert folder in refusal(datasets.check, folder)
    save(tmp_path / 'pictures' / 'train' / 'x.png')
    assert 'only one image' in refusal(datasets.load, folder)
    (tmp_path / 'pictures' / 'test').mkdir()
    assert f'{folder}/test: no images' in refusal(datasets.load, folder)
    assert not cache.exists()


def test_a_name_of_tfds_is_no_folder_of_the_current_directory(tmp_path, monkeypatch):
    colours(tmp_path / 'mnist')
    monkeypatch.chdir(tmp_path)
    assert datasets.check('mnist', str(tmp_path)).image_shape == (28, 28, 1)
    assert datasets.check('./mnist').class_names == ('blue', 'red')


# All cores, in order


@pytest.fixture
def turned(monkeypatch):
    """Two threads, and a function that ends for an even number only when the next one's ended."""
    monkeypatch.setattr(parallel, 'cores', lambda: 2)
    ended = [threading.Event() for _ in range(50)]

    def work(number):
        if number % 2 == 0:
            assert ended[number + 1].wait(60)
        ended[number].set()
        return number

    return work


def test_what_ends_earlier_waits_for_its_turn_and_few_items_are_begun(turned):
    taken = []
    results = parallel.in_order(turned, (taken.append(i) or i for i in range(20)))
    assert next(results) == 0 and len(taken) == 5
    assert list(results) == list(range(1, 20))
    assert list(parallel.in_order(turned, [])) == []


def test_what_fails_does_so_in_its_turn():
    results = parallel.in_order(lambda number: 6 // number, [3, 2, 0, 1])
    assert [next(results), next(results)] == [2, 3]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_a_folder_is_decoded_in_order_whichever_file_is_done_first(tmp_path, monkeypatch, turned):
    files = [tmp_path / 'pictures' / f'{index:02d}.png' for index in range(20)]
    for index, file in enumerate(files):
        save(file, (index, 0, 0), (28 + index, 30))
    read, seen = datasets.folder._read_image, []
    monkeypatch.setattr(
        'datasets.folder._read_image',
        lambda file, shape: (turned(int(file.stem)), seen.append(file), read(file, shape))[-1],
    )
    dataset = datasets.load(str(tmp_path / 'pictures'))
    assert seen != files and sorted(seen) == files
    expected = [read(file, (28, 28, 3)) for file in files]
    tested = {image.tobytes() for image in dataset.test_images}
    assert len(tested) == 2
    trained = [image for image in expected if image.tobytes() not in tested]
    np.testing.assert_array_equal(dataset.train_images, trained)


@pytest.mark.parametrize('terminal', [True, False])
def test_progress_of_decoding_is_shown_on_a_terminal(tmp_path, monkeypatch, terminal):
    bars, told, bar = [], [], datasets.cache.tqdm
    monkeypatch.setattr(sys.stderr, 'isatty', lambda: terminal)
    monkeypatch.setattr(
        'datasets.cache.tqdm',
        lambda **options: told.append(options) or bars.append(bar(**options)) or bars[-1],
    )
    datasets.load(colours(tmp_path / 'pictures'))
    assert (told[0]['total'], told[0]['disable']) == (20, not terminal)
    assert bars[0].n == (20 if terminal else 0)


# The cache


def test_second_load_decodes_nothing(tmp_path, monkeypatch):
    folder = colours(tmp_path / 'pictures')
    first = datasets.load(folder)
    monkeypatch.setattr('datasets.folder._read_image', None)
    second = datasets.load(folder)
    assert datasets.fingerprint(first) == datasets.fingerprint(second)
    assert isinstance(second.train_images, np.memmap)


def test_what_changes_the_images_changes_the_key(tmp_path, cache):
    for index in range(2):
        save(tmp_path / 'pictures' / f'{index}.bmp', RED)
    folder = str(tmp_path / 'pictures')
    datasets.load(folder)
    datasets.load(folder, image_size=32)
    for index in range(2):
        save(tmp_path / 'pictures' / f'{index}.bmp', GREEN)  # as many bytes as before
        os.utime(tmp_path / 'pictures' / f'{index}.bmp', (1, 1))
    assert (datasets.load(folder).train_images == np.array(GREEN)).all()
    assert len(list(cache.iterdir())) == 3


def test_a_cache_that_cannot_be_read_is_neither_removed_nor_made_anew(tmp_path, cache):
    folder = colours(tmp_path / 'pictures')
    datasets.load(folder)
    [entry] = cache.iterdir()
    file = entry / 'test_labels.npy'
    file.unlink()
    file.mkdir()
    assert refusal(datasets.load, folder).startswith(f'{entry}: cannot be read (')
    assert file.is_dir()


@pytest.mark.parametrize('name', ARRAYS)
@pytest.mark.parametrize('damage', ['truncated', 'empty', 'absent', 'shape'])
def test_damaged_cache_is_made_anew(tmp_path, cache, name, damage):
    folder = colours(tmp_path / 'pictures')
    expected = datasets.fingerprint(datasets.load(folder))
    [entry] = cache.iterdir()
    file = entry / f'{name}.npy'
    shape = np.load(file).shape
    if damage == 'absent':
        file.unlink()
    elif damage == 'shape':
        np.save(file, np.load(file)[:1])
    else:
        os.truncate(file, 0 if damage == 'empty' else file.stat().st_size - 1)
    assert datasets.fingerprint(datasets.load(folder)) == expected
    [entry] = cache.iterdir()
    assert sorted(path.stem for path in entry.iterdir()) == sorted([*ARRAYS, 'fingerprint'])
    assert np.load(file).shape == shape


def test_interruption_leaves_nothing_behind(tmp_path, cache, monkeypatch):
    def interrupt(file, shape):
        assert list(cache.iterdir())
        raise KeyboardInterrupt

    folder = colours(tmp_path / 'pictures')
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr('datasets.folder._read_image', interrupt)
        datasets.load(folder)
    assert not list(cache.iterdir())


KILLED = """
import os, signal, sys, datasets
from datasets import folder
folder._read_image = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
datasets.load(sys.argv[1])
"""


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path, cache):
    folder = colours(tmp_path / 'pictures')
    subprocess.run([sys.executable, '-c', KILLED, folder], cwd=ROOT, check=False)
    [left] = cache.iterdir()
    assert list(left.iterdir())
    others = [cache / 'notes.text', cache / 'classifier-2-abc.npz', cache / left.name[:32]]
    others[0].mkdir()
    others[1].touch()
    datasets.load(folder)
    assert sorted(cache.iterdir()) == sorted(others)


def test_what_a_living_process_writes_stays(tmp_path, cache, monkeypatch):
    """Here of the same process: one data set is decoded while another is read."""
    folder, other = colours(tmp_path / 'pictures'), colours(tmp_path / 'others')
    read = datasets.folder._read_image

    def interrupted(file, shape):
        monkeypatch.setattr('datasets.folder._read_image', read)
        datasets.load(other)
        return read(file, shape)

    monkeypatch.setattr('datasets.folder._read_image', interrupted)
    assert len(datasets.load(folder).train_images) == 18
    assert len(list(cache.iterdir())) == 2


def test_a_full_cache_is_named(tmp_path, cache, monkeypatch):
    def write(folder, source):
        raise OSError(errno.ENOSPC, 'No space left on device')  # as write() does, without a file

    monkeypatch.setattr('datasets.cache._write', write)
    message = refusal(datasets.load, colours(tmp_path / 'pictures'))
    assert message.startswith(f'{cache}: No space left on device; make room there')
    assert not list(cache.iterdir())


def test_no_room_anywhere_is_told(tmp_path, monkeypatch):
    def nowhere(*_, **__):
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr('tempfile.mkdtemp', nowhere)
    monkeypatch.setattr('datasets.cache._claimed', nowhere)
    message = refusal(datasets.load, colours(tmp_path / 'pictures'))
    assert message.startswith('TMPDIR: No usable temporary directory') and 'set TMPDIR' in message


def test_without_a_home_the_cache_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.delenv('XDG_CACHE_HOME')
    monkeypatch.setattr(os.path, 'expanduser', lambda path: path)
    assert refusal(datasets.cache_directory).startswith('XDG_CACHE_HOME: not set, and no home')
    monkeypatch.undo()
    monkeypatch.setenv('HOME', '/home/me')
    monkeypatch.setenv('XDG_CACHE_HOME', '~/mine')
    assert datasets.cache_directory() == Path('/home/me/mine/generative-models')


def test_home_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / 'file').write_text('')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'file'))
    dataset = datasets.load(colours(tmp_path / 'pictures'))
    assert (dataset.train_images.max(axis=(1, 2)).sum(axis=1) == 255).all()


def test_processes_at_once(tmp_path, cache):
    script = (
        'import sys, datasets; print(datasets.fingerprint(datasets.load(sys.argv[1], None, 128)))'
    )
    command = [sys.executable, '-c', script, colours(tmp_path / 'pictures', 100)]
    running = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) for _ in range(3)]
    prints = {process.communicate()[0] for process in running}
    assert len(prints) == 1 and len(prints.pop()) == 65
    assert len(list(cache.iterdir())) == 1


# TFDS


def test_tfds_images_and_labels_stay_together(prepared):
    dataset = datasets.load('tiny_grey', prepared)
    assert dataset.train_images.shape == (40, 28, 28, 1)
    assert dataset.test_images.shape == (8, 28, 28, 1)
    assert dataset.class_names == ('even', 'odd')
    for images, labels in (dataset[:2], dataset[2:4]):
        assert sorted(images[:, 0, 0, 0]) == list(range(len(images)))
        assert (images == images[:, :1, :1]).all()
        np.testing.assert_array_equal(labels, images[:, 0, 0, 0] % 2)
    info = datasets.check('tiny_grey', prepared, 32)
    assert info == ((32, 32, 1), ('even', 'odd'), 40, 8)


def test_data_directory_below_home(prepared, monkeypatch):
    monkeypatch.setenv('HOME', str(Path(prepared).parent))
    directory = f'~/{Path(prepared).name}'  # no shell expands the ~ of --data_dir=~/prepared
    assert datasets.check('tiny_grey', directory).train_examples == 40


def test_without_a_home_a_data_directory_must_be_given(monkeypatch):
    monkeypatch.setattr(os.path, 'expanduser', lambda path: path)
    unknown = '~/tensorflow_datasets'  # what TFDS makes of it
    assert refusal(datasets.check, 'mnist', unknown).startswith('--data_dir: missing, and no home')


def test_tfds_without_test_split_or_labels(prepared):
    dataset = datasets.load('tiny_colour', prepared, image_size=32)
    assert dataset.train_images.shape == (36, 32, 32, 3)
    assert dataset.test_images.shape == (4, 32, 32, 3)
    values = np.concatenate([dataset.train_images, dataset.test_images])[:, 0, 0, 0]
    assert sorted(values) == list(range(40))
    assert dataset.class_names == ('all',) and not dataset.train_labels.any()
    assert datasets.check('tiny_colour', prepared).train_examples is None
    assert 'no train split' in refusal(datasets.check, 'tiny_untrained', prepared)


def test_cached_tfds_needs_no_tensorflow(prepared):
    script = (
        'import sys, datasets; dataset = datasets.load("tiny_grey", sys.argv[1]); '
        'print(datasets.fingerprint(dataset), "tensorflow" in sys.modules)'
    )
    expected = datasets.fingerprint(datasets.load('tiny_grey', prepared))
    assert run(script, prepared).split() == [expected, 'False']


def test_check_needs_no_tensorflow(prepared):
    script = (
        'import sys, datasets; info = datasets.check("tiny_grey", sys.argv[1]); '
        'print(info.train_examples, "tensorflow" in sys.modules)'
    )
    assert run(script, prepared).split() == ['40', 'False']


def test_damaged_records_are_one_line(prepared, tmp_path):
    import shutil

    shutil.copytree(Path(prepared, 'tiny_grey'), tmp_path / 'tiny_grey')
    [records] = (tmp_path / 'tiny_grey' / '1.0.0').glob('*train.tfrecord*')
    os.truncate(records, records.stat().st_size - 10)
    assert str(tmp_path) in refusal(datasets.load, 'tiny_grey', str(tmp_path))


def test_no_network_is_said_at_once(tmp_path, monkeypatch, capfd):
    import requests

    def head(*args, **options):
        raise requests.ConnectionError

    monkeypatch.setattr(requests, 'head', head)
    message = refusal(datasets.load, 'fashion_mnist', str(tmp_path))
    assert 'no network' in message and str(tmp_path) in message
    assert '--data_dir' in message and '--dataset=digits' in message
    assert capfd.readouterr() == ('', '')


def test_check_of_what_is_not_prepared_is_silent(tmp_path):
    script = 'import sys, datasets; print(datasets.check("fashion_mnist", sys.argv[1])[2:])'
    command = [sys.executable, '-c', script, str(tmp_path)]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (process.stdout, process.stderr) == ('(None, None)\n', '')


def test_network_that_never_answers(monkeypatch):
    import requests

    release, answered = threading.Event(), []
    head = lambda *args, **options: answered.append(release.wait(60))  # noqa: E731
    monkeypatch.setattr(requests, 'head', head)
    assert not datasets.online(0.2)
    assert not answered  # nobody waited for it
    release.set()


def test_failed_download_is_one_line(tmp_path, monkeypatch):
    import tensorflow_datasets as tfds

    def fail(builder):
        raise RuntimeError('first line\nsecond line')

    monkeypatch.setattr('datasets.tfds.online', lambda: True)
    monkeypatch.setattr(tfds.core.DatasetBuilder, 'download_and_prepare', fail)
    message = refusal(datasets.load, 'kmnist', str(tmp_path))
    assert 'first line second line' in message and '--dataset=digits' in message
