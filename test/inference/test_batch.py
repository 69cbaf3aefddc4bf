"""A batch is filled again and again and keeps its padding."""

import numpy as np
import pytest

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.errors import EncodingError, EngineError
from stream_infer_ros.inference import Batch, ImageInput
from stream_infer_ros.inference.batch import PADDING
from stream_infer_ros.inference.model_card import ModelCard


def grey(width: int, height: int, level: int) -> Frame:
    return Frame('front', 0, 0, np.full((height, width, 3), level, np.uint8), 'rgb8', 'front_optical')


def test_frames_fill_the_slots_in_order():
    batch = Batch(3, 240, 320, 'rgb')
    pictures = [batch.write(grey(width, 480, 10)) for width in (640, 320)]
    assert len(batch) == 2
    assert [box.source_width for box in batch.letterboxes] == [640, 320]
    for picture, slot in zip(pictures, batch.images[:2], strict=True):
        assert picture[120, 160, 0] == 10
        assert np.shares_memory(picture, slot)


def test_padding_is_right_when_a_slot_changes_shape():
    batch = Batch(1, 240, 320, 'rgb')
    for width, height in [(100, 100), (640, 480), (640, 200), (640, 200), (100, 100)]:
        batch.clear()
        batch.write(grey(width, height, 0))
        (letterbox,) = batch.letterboxes
        expected = np.full((240, 320, 3), PADDING, np.uint8)
        bottom = letterbox.pad_v + letterbox.resized_height
        right = letterbox.pad_u + letterbox.resized_width
        expected[letterbox.pad_v : bottom, letterbox.pad_u : right] = 0
        np.testing.assert_array_equal(batch.images[0], expected)


def test_a_broken_image_leaves_its_slot_free():
    batch = Batch(2, 240, 320, 'rgb')
    with pytest.raises(EncodingError):
        batch.write(Frame('front', 0, 0, np.zeros(10, np.uint8), 'jpeg', 'front_optical'))
    assert len(batch) == 0
    batch.write(grey(100, 100, 3))
    assert len(batch) == 1
    assert batch.images[0, 0, 0, 0] == PADDING


def test_one_frame_too_many_is_refused():
    batch = Batch(1, 240, 320, 'rgb')
    batch.write(grey(64, 48, 1))
    with pytest.raises(EngineError, match='at most 1'):
        batch.write(grey(64, 48, 1))


def test_pictures_go_in_as_the_card_says():
    image_input = ImageInput('images', 'float32', 'nchw', 64, 64, 0)
    expected = np.full((64, 64), 7, np.uint8)
    expected[:32] = 200
    for fit, level in [('corner', expected), ('letterbox', np.roll(expected, 16, 0)), ('stretch', 200)]:
        batch = Batch.of(1, image_input, ModelCard('yolox', fit=fit, padding=7))
        for _ in range(2):
            batch.clear()
            batch.write(grey(640, 320, 200))
            np.testing.assert_array_equal(batch.images[0, ..., 0], np.broadcast_to(level, (64, 64)))
