"""What pictures writes is read back from the files, pixel by pixel."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

import pictures
from pictures import grids
from support.errors import InputError

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def plain(color, height=4, width=4):
    return np.full((height, width, len(color)), color, np.uint8)


def box(page, color):
    """(top, left, height, width) of the only rectangle of this color on the page."""
    found = np.argwhere((page == color).all(axis=-1))
    (top, left), (bottom, right) = found.min(axis=0), found.max(axis=0)
    assert len(found) == (bottom - top + 1) * (right - left + 1)
    return top, left, bottom - top + 1, right - left + 1


def frames_of(path):
    with Image.open(path) as gif:
        for index in range(gif.n_frames):
            gif.seek(index)
            yield np.asarray(gif.convert('RGB')), gif.info['duration']


def damaged(path):
    pictures.save_png(path, np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8))
    return path.read_bytes()


def test_grid_fills_rows_first():
    images = np.array([[[1, 2]], [[3, 4]], [[5, 6]]], np.uint8)[..., None]
    expected = np.array([[1, 2, 3, 4], [5, 6, 0, 0]], np.uint8)[..., None]
    np.testing.assert_array_equal(pictures.grid(images, columns=2), expected)


def test_grid_keeps_height_width_and_color_apart():
    images = np.arange(2 * 2 * 3 * 3, dtype=np.uint8).reshape(2, 2, 3, 3)
    np.testing.assert_array_equal(pictures.grid(images, columns=1), images.reshape(4, 3, 3))
    beside = np.concatenate([images[0], images[1]], axis=1)
    np.testing.assert_array_equal(pictures.grid(images, columns=2), beside)


@pytest.mark.parametrize('count, rows, columns', [(1, 1, 1), (2, 1, 2), (5, 2, 3), (64, 8, 8)])
def test_grid_is_about_square_by_default(count, rows, columns):
    picture = pictures.grid(np.ones((count, 2, 3, 1), np.uint8))
    assert picture.shape == (rows * 2, columns * 3, 1)
    assert picture.dtype == np.uint8
    assert picture.sum() == count * 6


@pytest.mark.parametrize('channels', [1, 3])
def test_webp_comes_back_nearly_as_it_was(channels):
    ramp = np.arange(0, 256, 4, np.uint8)
    image = np.stack([np.tile(ramp, (64, 1)), *[np.tile(ramp, (64, 1)).T] * (channels - 1)], -1)
    with Image.open(io.BytesIO(pictures.webp(image))) as picture:
        assert (picture.format, picture.size) == ('WEBP', (64, 64))
        np.testing.assert_allclose(np.asarray(picture, int) - image, 0, atol=12)


@pytest.mark.parametrize('channels', [1, 3])
def test_png_comes_back_as_it_was(tmp_path, channels):
    image = np.random.default_rng(0).integers(0, 256, (5, 7, channels), np.uint8)
    pictures.save_png(tmp_path / 'a.png', image)
    np.testing.assert_array_equal(pictures.load_png(tmp_path / 'a.png'), image)
    assert [path.name for path in tmp_path.iterdir()] == ['a.png']


@pytest.mark.parametrize('channels', [1, 3])
@pytest.mark.parametrize('count', [1, 2, 5, 64])
def test_a_grid_comes_back_as_it_was_laid_out(tmp_path, count, channels):
    images = np.random.default_rng(0).integers(0, 256, (count, 5, 7, channels), np.uint8)
    pictures.save_grid(tmp_path / 'a.png', images)
    found = pictures.load_grid(tmp_path / 'a.png')
    np.testing.assert_array_equal(found, pictures.grid(images))
    np.testing.assert_array_equal(pictures.cells(found, 5, 7)[:count], images)


@pytest.mark.parametrize('side, width', [(28, 8 * 56 + 7), (32, 8 * 64 + 7), (64, 8 * 64 + 7)])
def test_a_grid_is_large_and_a_line_keeps_its_cells_apart(tmp_path, side, width):
    pictures.save_grid(tmp_path / 'a.png', np.full((64, side, side, 1), 7, np.uint8))
    picture = pictures.load_png(tmp_path / 'a.png')
    assert picture.shape == (width, width, 1)
    apart = np.arange(1, 8) * (width + 1) // 8 - 1
    assert (np.delete(np.delete(picture, apart, 0), apart, 1) == 7).all()
    assert (picture[apart] == grids.SEAM).all() and (picture[:, apart] == grids.SEAM).all()


def test_a_grid_of_many_images_grows_no_further(tmp_path):
    pictures.save_grid(tmp_path / 'a.png', np.zeros((100, 64, 64, 1), np.uint8))
    assert pictures.load_png(tmp_path / 'a.png').shape == (649, 649, 1)


def test_a_picture_without_cells_is_no_grid(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (30, 40, 1), np.uint8)
    pictures.save_png(tmp_path / 'a.png', image)
    np.testing.assert_array_equal(pictures.load_grid(tmp_path / 'a.png'), image)


@pytest.mark.parametrize('note', ['', '5 5', 'a b c', '5 5 3', '0 0 0', '-1 -1 1', '9 9 1 1'])
def test_a_grid_whose_note_does_not_fit_is_damaged(tmp_path, note):
    told = PngImagePlugin.PngInfo()
    told.add_text(grids.CELL, note)
    Image.fromarray(np.zeros((30, 40), np.uint8)).save(tmp_path / 'a.png', pnginfo=told)
    with pytest.raises(InputError, match='a.png: damaged'):
        pictures.load_grid(tmp_path / 'a.png')


def test_png_that_fails_leaves_the_old_one(tmp_path):
    pictures.save_png(tmp_path / 'a.png', plain(RED))
    with pytest.raises(TypeError):
        pictures.save_png(tmp_path / 'a.png', np.zeros((2, 2, 3), np.float32))
    np.testing.assert_array_equal(pictures.load_png(tmp_path / 'a.png'), plain(RED))
    assert [path.name for path in tmp_path.iterdir()] == ['a.png']


@pytest.mark.parametrize(
    'spoil',
    [
        lambda whole: b'',
        lambda whole: b'no picture',
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:20] + b'\xff' + whole[21:],
        lambda whole: whole[:200] + b'\xff\x00\xff' + whole[203:],
    ],
)
def test_damaged_png_is_named(tmp_path, spoil):
    path = tmp_path / 'a.png'
    path.write_bytes(spoil(damaged(path)))
    with pytest.raises(InputError, match=rf'^{path}: damaged'):
        pictures.load_png(path)


@pytest.mark.parametrize('side', [10_000, 20_000])
def test_a_png_larger_than_any_of_ours_is_refused_unread(tmp_path, side):
    path = tmp_path / 'a.png'
    heading = b'IHDR' + struct.pack('>IIBBBBB', side, side, 8, 0, 0, 0, 0)
    whole, check = damaged(path), struct.pack('>I', zlib.crc32(heading))
    path.write_bytes(whole[:12] + heading + check + whole[33:])
    with pytest.raises(
        InputError, match=rf'^{path}: damaged, or not a picture .*Bomb.*; delete it'
    ):
        pictures.load_png(path)


def test_a_png_that_cannot_be_read_is_not_called_damaged(tmp_path):
    (tmp_path / 'a.png').symlink_to('a.png')
    with pytest.raises(InputError, match=f'^{tmp_path}/a.png: cannot be read'):
        pictures.load_png(tmp_path / 'a.png')


def test_missing_png_is_named(tmp_path):
    with pytest.raises(InputError, match=f'^{tmp_path}/a.png: no such picture'):
        pictures.load_png(tmp_path / 'a.png')


def test_gif_keeps_frames_in_order_and_holds_the_last(tmp_path):
    colors = [RED, GREEN, BLUE]
    frames = [plain(color, 230, 240) for color in colors]
    pictures.save_gif(tmp_path / 'a.gif', frames, seconds=0.1, last_seconds=3)
    found = list(frames_of(tmp_path / 'a.gif'))
    assert [duration for _, duration in found] == [100, 100, 3000]
    for (pixels, _), frame in zip(found, frames, strict=True):
        np.testing.assert_array_equal(pixels, frame)
    with Image.open(tmp_path / 'a.gif') as gif:
        assert gif.info['loop'] == 0


def test_gif_of_greys_is_close_and_true_in_black_and_white(tmp_path):
    ramp = np.tile(np.arange(256, dtype=np.uint8), (4, 1))[..., None]
    pictures.save_gif(tmp_path / 'a.gif', [ramp])
    ((pixels, _),) = frames_of(tmp_path / 'a.gif')
    assert np.abs(pixels.astype(int) - ramp).max() < 8
    assert (pixels[0, 0] == 0).all() and (pixels[0, 255] == 255).all()


def test_gif_captions_stand_in_a_strip_above(tmp_path):
    captions = ['epoch 1', 'epoch 12', 'epoch 1']
    pictures.save_gif(tmp_path / 'a.gif', [plain((0,), 230, 240)] * 3, captions)
    first, second, third = (pixels for pixels, _ in frames_of(tmp_path / 'a.gif'))
    assert first.shape == (250, 240, 3)
    assert not first[20:].any() and not second[20:].any()
    np.testing.assert_array_equal(first, third)
    for strip in first[:20], second[:20]:
        assert strip[0].min() == 255 and strip.min() < 100
    assert (first[:20] < 128).sum() < (second[:20] < 128).sum()


def test_gif_wants_a_caption_for_every_frame(tmp_path):
    with pytest.raises(ValueError):
        pictures.save_gif(tmp_path / 'a.gif', [plain(RED), plain(BLUE)], ['one'])
    assert not list(tmp_path.iterdir())


def test_small_gif_grows_by_a_whole_factor(tmp_path):
    image = np.array([[0, 255, 0], [255, 0, 255]], np.uint8)[..., None]
    pictures.save_gif(tmp_path / 'a.gif', [image])
    ((pixels, _),) = frames_of(tmp_path / 'a.gif')
    np.testing.assert_array_equal(pixels[..., :1], np.kron(image, np.ones((74, 74, 1))))


def test_spaced_keeps_a_short_list():
    assert pictures.spaced([1, 500, 501, 502], 4) == [1, 500, 501, 502]


@pytest.mark.parametrize('most', [2, 3, 10, 60])
@pytest.mark.parametrize('values', [list(range(1, 369)), list(range(10, 5001, 10)), [1, 2, 3, 999]])
def test_spaced_keeps_ends_order_and_number(values, most):
    found = pictures.spaced(values, most)
    assert (found[0], found[-1]) == (values[0], values[-1])
    assert found == sorted(set(found)) and set(found) <= set(values)
    assert len(found) <= most
    assert all(type(value) is int for value in found)


def test_spaced_is_even_in_the_logarithm():
    assert pictures.spaced(list(range(1, 1001)), 4) == [1, 10, 100, 1000]


def test_figure_puts_every_picture_in_its_cell(tmp_path):
    colors = [[(10, 0, 0), (20, 0, 0), (30, 0, 0)], [(40, 0, 0), (50, 0, 0), (60, 0, 0)]]
    images = [[plain(color, 100, 230) for color in line] for line in colors]
    captions = [['a', 'b', 'c'], ['d', 'e', 'f']]
    pictures.figure(tmp_path / 'a.png', ['1', '2'], ['x', 'y', 'z'], images, captions)
    page = pictures.load_png(tmp_path / 'a.png')
    boxes = np.array([[box(page, color) for color in line] for line in colors])
    tops, lefts, sizes = boxes[..., 0], boxes[..., 1], boxes[..., 2:]
    assert (sizes == (100, 230)).all()
    assert (tops == tops[:, :1]).all() and (np.diff(tops[:, 0]) > 120).all()
    assert (lefts == lefts[:1]).all() and (np.diff(lefts[0]) > 230).all()
    assert page.shape[1] < lefts[0, -1] + 250


@pytest.mark.parametrize('where', ['label', 'title', 'caption'])
def test_figure_sets_each_text_beside_its_cell(where):
    def draw(label='', title='', caption=''):
        red, blue = plain(RED, 224, 224), plain(BLUE, 224, 224)
        captions = [['', ''], ['', caption]]
        return pictures.table(['r', label], ['', title], [[red, red], [red, blue]], captions)

    empty = draw()
    top, left, *_ = box(empty, BLUE)
    changed = draw(**{where: 'epoch 4'}) != empty
    inside = {
        'label': changed[top : top + 224, : left - 224],
        'title': changed[: top - 224, left : left + 224],
        'caption': changed[top + 224 :, left : left + 224],
    }
    assert changed.any() and inside[where].sum() == changed.sum()


def test_label_is_level_with_the_middle_of_its_pictures():
    page = pictures.table(['epoch 4'], [''], [[plain(BLUE, 224, 224)]], [['']])
    top, left, *_ = box(page, BLUE)
    rows, _ = np.nonzero((page[:, :left] < 128).all(axis=-1))
    assert abs((rows.min() + rows.max()) / 2 - (top + 112)) < 4


def test_pictures_without_labels_stand_at_the_edge():
    line = [[plain(RED, 224, 224), plain(BLUE, 224, 224)]]
    page, labelled = (pictures.table([row], ['', ''], line, [['', '']]) for row in ('', 'r'))
    left, width = box(page, RED)[1], page.shape[1]
    assert 0 < left < 20 and width < 500 < labelled.shape[1]
    np.testing.assert_array_equal(page[:, left:], labelled[:, left - width :])


def test_missing_cell_is_empty_but_for_its_caption():
    def draw(second, caption):
        return pictures.table(['r'], ['a', 'b'], [[plain(RED, 224, 224), second]], [['', caption]])

    top, left, *_ = box(draw(plain(BLUE, 224, 224), ''), BLUE)
    page = draw(None, 'no picture yet')
    assert (page[top : top + 224, left : left + 224] == 255).all()
    assert page[top + 224 :, left : left + 224].min() < 100


def test_grey_table_stays_grey_and_one_color_makes_color():
    grey = pictures.table(['r'], ['a'], [[plain((7,))]], [['']])
    mixed = pictures.table(['r'], ['a', 'b'], [[plain((7,)), plain(GREEN)]], [['', '']])
    assert grey.shape[-1] == 1 and mixed.shape[-1] == 3
    assert box(mixed, (7, 7, 7))[2:] == box(mixed, GREEN)[2:] == (224, 224)


def test_small_pictures_grow_without_blur():
    page = pictures.table([''], [''], [[np.array([[[50], [200]]], np.uint8)]], [['']])
    assert (page == 50).sum() == (page == 200).sum() == 112 * 112
    assert box(page, (50,))[2:] == box(page, (200,))[2:] == (112, 112)


def test_long_title_is_wrapped_over_its_picture():
    title = 'a-run-of-a-model-with-a-long-name reconstructions'
    line = [plain(color, 224, 224) for color in (RED, BLUE, RED)]
    page = pictures.table([''], ['', title, ''], [line], [[''] * 3])
    top, left, *_ = box(page, BLUE)
    rows, columns = np.nonzero((page[:top] < 128).all(axis=-1))
    assert left < columns.min() and columns.max() < left + 223
    assert rows.min() > 0 and rows.max() < top - 1


def test_signs_of_formulas_are_letters():
    def draw(title):
        return pictures.table([''], [title], [[plain(RED)]], [['']])

    assert (draw('$x$') != draw('x')).any()
    assert (draw(r'$\no$') < 128).any()


def test_cells_are_read_back_and_those_of_another_size_refused(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (6, 5, 7, 1), np.uint8)
    pictures.save_grid(tmp_path / 'grid.png', images, columns=3)
    np.testing.assert_array_equal(pictures.load_cells(tmp_path / 'grid.png', 5, 7), images)
    with pytest.raises(InputError, match='grid.png: not a grid of images of 4x7 pixels'):
        pictures.load_cells(tmp_path / 'grid.png', 4, 7)
