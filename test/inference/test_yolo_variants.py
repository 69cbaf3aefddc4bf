"""Real weights in the form of every YOLO family's export give the boxes of the network they come from."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import yaml
from engine_runs import infer
from real_pictures import YOLOX, goal_frames, read_portrait

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.config import EngineConfig, ModelConfig
from stream_infer_ros.inference import Batch, Detections, ImageInput, Thresholds, make_decoder, make_engine
from stream_infer_ros.inference.decoders import network_card
from stream_infer_ros.inference.engines import EngineSpec
from stream_infer_ros.resources import share_directory

pytest.importorskip('onnxruntime')
pytest.importorskip('onnx')
from yolo_surgery import ANCHORS, Surgery

pytestmark = pytest.mark.skipif(not YOLOX.is_file(), reason=f'the YOLOX weights are not at {YOLOX}')

THRESHOLD = 0.03
NAMES = (share_directory() / 'config' / 'models' / 'coco.txt').read_text().split('\n')[:80]
YOLOV5_METADATA = {'stride': '32', 'names': str(dict(enumerate(NAMES)))}
ULTRALYTICS = {
    **YOLOV5_METADATA,
    'author': 'Ultralytics',
    'description': 'Ultralytics YOLO11n model trained on coco.yaml',
    'task': 'detect',
    'batch': '1',
    'imgsz': '[416, 416]',
    'args': "{'batch': 1, 'half': False, 'dynamic': False, 'simplify': True, 'opset': None, 'nms': False}",
    'channels': '3',
}
OURS = {'class_names': ','.join(NAMES), 'input_colour': 'rgb', 'input_scale': str(1 / 255)}


class Variant(NamedTuple):
    """How its outputs are made, its metadata, its family, what a user has to say of it, and whether its form
    asks for centres that are clamped.
    """

    outputs: Callable[[Surgery], list[str]]
    metadata: dict[str, str]
    family: str
    card: dict[str, object] = {}  # noqa: RUF012 - nobody writes to it
    clamped: bool = False


VARIANTS = {
    'yolox_decoded': Variant(Surgery.yolox_decoded, {**OURS, 'input_fit': 'letterbox'}, 'yolox'),
    'yolov5': Variant(Surgery.yolov5, YOLOV5_METADATA, 'yolov5'),
    'yolov5_raw': Variant(Surgery.yolov5_raw, YOLOV5_METADATA, 'yolov5', {'anchors': ANCHORS}, True),
    'yolov5_raw_planes': Variant(
        Surgery.yolov5_raw_planes,
        {**OURS, 'anchors': str(ANCHORS), 'input_fit': 'letterbox'},
        'yolov5',
        {},
        True,
    ),
    'yolov8': Variant(Surgery.yolov8, ULTRALYTICS, 'yolov8'),
    'yolov8_rows': Variant(Surgery.yolov8_rows, ULTRALYTICS, 'yolov8'),
    'yolov8_segment': Variant(Surgery.yolov8_segment, {**ULTRALYTICS, 'task': 'segment'}, 'yolov8'),
    'yolov8_pose': Variant(
        Surgery.yolov8_pose, {**ULTRALYTICS, 'task': 'pose', 'kpt_shape': '[17, 3]'}, 'yolov8'
    ),
    'end_to_end': Variant(Surgery.end_to_end, {**ULTRALYTICS, 'end2end': 'True'}, 'yolo_end_to_end'),
}


@pytest.fixture(scope='module')
def frames() -> list[Frame]:
    portrait = read_portrait()
    canvas = np.full((700, 1400, 3), 90, np.uint8)
    canvas[60:660, 500:1012] = portrait
    return [
        Frame('portrait', 0, 0, portrait, 'rgb8', 'optical'),
        Frame('canvas', 0, 0, np.ascontiguousarray(canvas[..., ::-1]), 'bgr8', 'optical'),
        *goal_frames(),
    ]


def see(model: Path, config: ModelConfig, frames: list[Frame]) -> tuple[str, list[Detections]]:
    """Family, and what is in each picture."""
    spec = EngineSpec(
        EngineConfig(kind='onnxruntime', threads=1),
        model,
        len(frames),
        normalisation_of=lambda io: network_card(config, io).normalisation,
    )
    engine = make_engine(spec)
    engine.load()
    try:
        decoder = make_decoder(config, engine.io)
        batch = Batch.of(len(frames), ImageInput.of(engine.io), decoder.card)
        for frame in frames:
            batch.write(frame)
        outputs = infer(engine, batch.images[: len(batch)])
        seen = decoder.decode(outputs, batch.letterboxes, Thresholds.of(config))
    finally:
        engine.close()
    assert not any(perception.invalid for perception in seen)
    return decoder.card.family, [perception.detections for perception in seen]


@pytest.fixture(scope='module')
def plain(tmp_path_factory, frames) -> dict[str, list[Detections]]:
    """What the network itself sees in pictures that are centred: with suppression, without, and clamped."""
    folder = tmp_path_factory.mktemp('plain')
    clamped, card = Surgery(YOLOX), folder / 'yolox.yaml'
    clamped.clamp()
    clamped.write(folder / 'clamped.onnx', clamped.yolox_decoded(), {**OURS, 'input_fit': 'letterbox'})
    card.write_text(yaml.safe_dump({'family': 'yolox', 'class_names': NAMES, 'fit': 'letterbox'}))
    config = ModelConfig(card=str(card), score_threshold=THRESHOLD)
    return {
        'suppressed': see(YOLOX, config, frames)[1],
        'all': see(YOLOX, config.model_copy(update={'nms_iou': 1.0}), frames)[1],
        'clamped': see(folder / 'clamped.onnx', ModelConfig(score_threshold=THRESHOLD), frames)[1],
    }


def agree(some: Detections, others: Detections, pixels: float, score: float) -> None:
    """Each box well above the threshold has its like among the others."""
    for one, other in ((some, others), (others, some)):
        for xyxy, class_id, value in zip(one.xyxy, one.class_id, one.score, strict=True):
            if value > THRESHOLD + score:
                like = (other.class_id == class_id) & (np.abs(other.score - value) <= score)
                like &= np.abs(other.xyxy - xyxy).max(axis=1, initial=0.0) <= pixels
                assert like.any(), f'{one.class_names[class_id]} {value} at {xyxy} is missing'


@pytest.mark.parametrize('half', [False, True], ids=['float32', 'float16'])
@pytest.mark.parametrize('name', VARIANTS)
def test_the_boxes_are_those_of_the_plain_network(name, half, frames, plain, tmp_path):
    variant = VARIANTS[name]
    surgery = Surgery(YOLOX)
    if variant.clamped:
        surgery.clamp()
    outputs = variant.outputs(surgery)
    model = surgery.write(
        tmp_path / 'model.onnx', surgery.half(outputs) if half else outputs, variant.metadata
    )
    config = ModelConfig(score_threshold=THRESHOLD)
    if variant.card:
        card = tmp_path / 'card.yaml'
        card.write_text(yaml.safe_dump(variant.card))
        config = ModelConfig(score_threshold=THRESHOLD, card=str(card))
    family, seen = see(model, config, frames)
    assert family == variant.family
    expected = plain['clamped' if variant.clamped else 'all' if name == 'end_to_end' else 'suppressed']
    assert sum(len(detections) for detections in expected) >= 20
    for detections, those, frame in zip(seen, expected, frames, strict=True):
        assert detections.class_names == tuple(NAMES)
        # float16 has steps of a quarter of a network pixel above 256, and corners are made of two numbers.
        scale = max(frame.image.shape[:2]) / 416
        agree(detections, those, (0.6 if half else 0.05) * scale, 0.005 if half else 1e-4)
