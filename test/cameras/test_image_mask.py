"""Ignored parts of an image: pictures and polygons, for images of any size."""

import os

import cv2
import numpy as np
import pytest

from stream_infer_ros.cameras.image_mask import CameraMask, ImageMask, read_mask
from stream_infer_ros.config import Config, parse_config
from stream_infer_ros.errors import ConfigError

LOWER_HALF = '[[-0.5, 240], [640, 240], [640, 480], [-0.5, 480]]'


@pytest.fixture
def png(tmp_path):
    """Writes a PNG of which these rows and columns are black."""

    def write(width, height, black, name='mask.png', channels=()):
        picture = np.full((height, width, *channels), 255, np.uint8)
        picture[black] = 0
        path = tmp_path / name
        assert cv2.imwrite(str(path), picture)
        return str(path)

    return write


@pytest.mark.parametrize('channels', [(), (3,), (4,)])
def test_black_pixels_are_ignored_and_all_others_are_used(png, channels):
    path = png(64, 48, np.s_[40:, 10:20], channels=channels)
    mask, problem = CameraMask(path).fitted(64, 48)
    assert problem == ''
    expected = np.zeros((48, 64), bool)
    expected[40:, 10:20] = True
    np.testing.assert_array_equal(mask.ignored, expected)
    assert mask.share == pytest.approx(80 / (64 * 48))


def test_values_that_are_nearly_black_are_used(tmp_path):
    path = tmp_path / 'labels.png'
    cv2.imwrite(str(path), np.array([[0, 1], [2, 0]], np.uint8))
    mask, _ = CameraMask(str(path)).fitted(2, 2)
    assert mask.ignored.tolist() == [[True, False], [False, True]]


@pytest.mark.parametrize(('width', 'height'), [(640, 480), (320, 240), (160, 120), (1024, 768)])
def test_a_picture_of_the_same_shape_is_scaled(png, width, height):
    mask, problem = CameraMask(png(640, 480, np.s_[240:])).fitted(width, height)
    assert problem == ''
    assert mask.ignored.shape == (height, width)
    assert mask.ignored[height // 2 :].all()
    assert not mask.ignored[: height // 2].any()


@pytest.mark.parametrize(('width', 'height'), [(640, 360), (480, 640), (1280, 480)])
def test_a_picture_of_another_shape_is_refused_in_words(png, width, height):
    mask, problem = CameraMask(png(640, 480, np.s_[240:])).fitted(width, height)
    assert mask is None
    assert f'{width} x {height}' in problem
    assert '640 x 480' in problem


def test_a_mask_of_everything_or_nothing_is_told(png):
    everything, words = CameraMask(png(64, 48, np.s_[:])).fitted(64, 48)
    assert everything.share == 1.0
    assert 'covers the whole image' in words
    nothing, words = CameraMask(png(64, 48, np.s_[:0], 'white.png')).fitted(64, 48)
    assert nothing is None
    assert 'covers nothing; black pixels' in words
    outside, words = CameraMask('[[1000, 1000], [1100, 1000], [1100, 1100]]').fitted(640, 480)
    assert outside is None
    assert 'covers nothing' in words


def test_polygons_are_in_source_pixels():
    mask, problem = CameraMask(LOWER_HALF).fitted(640, 480)
    assert problem == ''
    assert mask.ignored[240:].all()
    assert not mask.ignored[:240].any()
    two, _ = CameraMask('[[[0,0],[9,0],[9,9],[0,9]], [[20,20],[29,20],[29,29],[20,29]]]').fitted(640, 480)
    assert two.ignored.sum() == 200
    assert two.ignored[:10, :10].all()
    assert two.ignored[20:30, 20:30].all()


@pytest.mark.parametrize(
    'setting',
    [
        '[',
        '[]',
        '[[]]',
        '[[1, 2], [3, 4]]',
        '[[1, 2, 3], [4, 5, 6], [7, 8, 9]]',
        '["a"]',
        '[[1, 2], [3], [4, 5]]',
        '[[0, 0], [1, null], [2, 2]]',
        '[[0, 0], [1e999, 0], [2, 2]]',
        '[1, 2, 3]',
        '[{"x": 1}]',
        '[[[1, 2]]]',
    ],
)
def test_what_is_no_polygon_is_refused_with_an_example(setting):
    with pytest.raises(ConfigError, match='at least three points in source pixels'):
        CameraMask(setting)


def test_a_file_that_cannot_be_used_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r'missing\.png, cannot read it: No such file'):
        CameraMask(str(tmp_path / 'missing.png'))
    (tmp_path / 'text.png').write_text('white')
    (tmp_path / 'empty.png').touch()
    for name in ('text.png', 'empty.png'):
        with pytest.raises(ConfigError, match=f'{name} is no picture'):
            CameraMask(str(tmp_path / name))


def test_a_mask_is_read_again_only_if_its_file_has_changed(png):
    path = png(64, 48, np.s_[40:])
    first = read_mask(path)
    assert read_mask(path) is first
    assert read_mask(LOWER_HALF) is read_mask(LOWER_HALF)
    png(64, 48, np.s_[20:])
    os.utime(path, ns=(1, 1))
    assert read_mask(path).fitted(64, 48).mask.share > 0.5


def test_the_share_of_a_box_is_that_of_its_pixels():
    rng = np.random.default_rng(0)
    mask = ImageMask(rng.random((48, 64)) < 0.4)
    corner = np.sort(rng.integers([0, 0], [64, 48], (50, 2, 2)), axis=1)
    boxes = np.concatenate([corner[:, 0] - 0.5, corner[:, 1] + 0.5], axis=1).astype(np.float32)
    expected = [
        mask.ignored[top : bottom + 1, left : right + 1].mean()
        for (left, top), (right, bottom) in corner.tolist()
    ]
    np.testing.assert_allclose(mask.share_of_boxes(boxes), expected)


def test_boxes_at_the_edge_and_without_size_have_a_share():
    mask = ImageMask(np.ones((48, 64), bool))
    odd = [[-0.5, -0.5, 63.5, 47.5], [63.5, 47.5, 63.5, 47.5], [-0.5, -0.5, -0.5, -0.5], [5.2, 5.2, 5.3, 5.3]]
    assert mask.share_of_boxes(np.array(odd, np.float32)).tolist() == [1.0] * 4


def test_points_beside_the_image_and_without_a_number_count_as_its_edge():
    ignored = np.zeros((48, 64), bool)
    ignored[47] = True
    mask = ImageMask(ignored)
    v = np.array([47.5, 47.0, 46.4, 1e9, -1e9, np.nan, -0.5])
    assert mask.ignores(np.full(7, 3.5), v).tolist() == [True, True, False, True, False, False, False]


@pytest.mark.parametrize('mask', ['[[0, 1], [2, 3], [4, 5]]', [[0, 1], [2, 3], [4, 5]]])
def test_a_polygon_may_be_a_list_or_a_string(mask):
    config = parse_config({'camera': {'front': {'mask': mask}}}, 'test')
    assert config.camera['front'].mask == '[[0, 1], [2, 3], [4, 5]]'
    assert Config().camera == {}
