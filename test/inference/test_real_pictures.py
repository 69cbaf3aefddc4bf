"""Real COCO weights on real photographs: what a person would name is found, in its place."""

from importlib.util import find_spec

import numpy as np
import pytest
from engine_runs import infer
from real_pictures import YOLOX, goal_frames, read_portrait

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.config import EngineConfig, ModelConfig
from stream_infer_ros.inference import (
    Batch,
    ImageInput,
    Perception,
    Thresholds,
    check_model,
    make_decoder,
    make_engine,
)
from stream_infer_ros.inference.engines import EngineSpec

CONFIG = ModelConfig(class_names_file=str(YOLOX.with_name('coco_classes.txt')))
RUNTIMES = [kind for kind in ('openvino', 'onnxruntime') if find_spec(kind)]

pytestmark = [
    pytest.mark.skipif(not YOLOX.is_file(), reason=f'the YOLOX weights are not at {YOLOX}'),
    pytest.mark.skipif(not RUNTIMES, reason='no inference runtime is installed'),
]


def perceive(kind: str, *frames: Frame) -> list[Perception]:
    engine = make_engine(EngineSpec(EngineConfig(kind=kind, threads=1), YOLOX))
    engine.load()
    decoder = make_decoder(CONFIG, engine.io)
    image_input = ImageInput.of(engine.io)
    batch = Batch(len(frames), image_input.height, image_input.width, decoder.card.colour)
    for frame in frames:
        batch.write(frame)
    outputs = infer(engine, batch.images[: len(batch)])
    return decoder.decode(outputs, batch.letterboxes, Thresholds.of(CONFIG))


@pytest.fixture(scope='module')
def portrait() -> np.ndarray:
    return read_portrait()


@pytest.mark.parametrize('kind', RUNTIMES)
def test_one_person_is_found_where_she_is(kind, portrait):
    whole = Frame('portrait', 0, 0, portrait, 'rgb8', 'optical')
    # The same photograph on a wide canvas: other scale, other padding, known shift.
    canvas = np.full((700, 1400, 3), 90, np.uint8)
    canvas[60:660, 500:1012] = portrait
    wide = Frame('wide', 0, 0, np.ascontiguousarray(canvas[..., ::-1]), 'bgr8', 'optical')
    for (left, top), seen in zip([(0, 0), (500, 60)], perceive(kind, whole, wide), strict=True):
        detections = seen.detections
        names = [detections.class_names[index] for index in detections.class_id]
        assert names.count('person') == 1
        person = names.index('person')
        assert detections.score[person] > 0.7
        np.testing.assert_allclose(
            detections.xyxy[person] - [left, top, left, top], [10, 35, 511, 590], atol=40
        )


@pytest.mark.parametrize('kind', RUNTIMES)
def test_a_batch_of_unlike_photographs_equals_singles(kind, portrait):
    frames = [
        Frame('a', 0, 0, portrait, 'rgb8', 'optical'),
        Frame('b', 0, 0, np.ascontiguousarray(portrait[::-1]), 'rgb8', 'optical'),
        Frame('c', 0, 0, np.ascontiguousarray(portrait[:300]), 'rgb8', 'optical'),
    ]
    for together, frame in zip(perceive(kind, *frames), frames, strict=True):
        alone = perceive(kind, frame)[0].detections
        np.testing.assert_array_equal(together.detections.class_id, alone.class_id)
        np.testing.assert_allclose(together.detections.xyxy, alone.xyxy, atol=1e-3)


def test_two_pictures_of_one_scene_are_seen_alike():
    """A soccer goal is no COCO class: it is taken for a bench, or for nothing."""
    frames = goal_frames()
    assert len(frames) == 2
    first, second = (seen.detections for seen in perceive(RUNTIMES[-1], *frames))
    for detections in (first, second):
        assert {detections.class_names[index] for index in detections.class_id} <= {'bench'}
    if len(first) and len(second):
        np.testing.assert_allclose(first.xyxy[0], second.xyxy[0], atol=30)


def test_check_model_tells_what_the_network_is():
    report = check_model(YOLOX, EngineConfig(kind=RUNTIMES[0], threads=1), CONFIG, batch=2, runs=1)
    assert report.card.family == 'yolox'
    assert report.class_names[:3] == ('person', 'bicycle', 'car')
    assert report.card.colour == 'bgr'
    assert report.inputs[0].shape == (1, 3, 416, 416)
    assert report.size_bytes == YOLOX.stat().st_size
    assert report.engine == RUNTIMES[0]
    assert report.frame_ms > 0.0
