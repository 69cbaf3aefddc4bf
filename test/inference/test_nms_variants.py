"""Real weights with suppression inside the graph, in every layout, find what the plain network finds."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from engine_runs import infer
from real_pictures import YOLOX, goal_frames, read_portrait

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.config import EngineConfig, ModelConfig
from stream_infer_ros.inference import Batch, Detections, ImageInput, Thresholds, make_decoder, make_engine
from stream_infer_ros.inference.decoders import network_card
from stream_infer_ros.inference.engines import EngineSpec
from stream_infer_ros.resources import share_directory

pytest.importorskip('onnx')
from nms_surgery import IOU, SCORE, NmsSurgery

RUNTIMES = [kind for kind in ('openvino', 'onnxruntime') if find_spec(kind)]

pytestmark = [
    pytest.mark.skipif(not YOLOX.is_file(), reason=f'the YOLOX weights are not at {YOLOX}'),
    pytest.mark.skipif(not RUNTIMES, reason='no inference runtime is installed'),
]

NAMES = (share_directory() / 'config' / 'models' / 'coco.txt').read_text().split('\n')[:80]
METADATA = {'class_names': ','.join(NAMES), 'input_scale': str(1 / 255), 'input_fit': 'letterbox'}
METADATA |= {'input_mean': '[0, 0, 0]', 'input_std': '[1, 1, 1]', 'input_padding': '114'}
VARIANTS = {
    'nms_rows': NmsSurgery.rows,
    'torchvision': NmsSurgery.torchvision,
    'efficient_nms': NmsSurgery.efficient_nms,
    'mmdeploy': NmsSurgery.mmdeploy,
}


@pytest.fixture(scope='module')
def frames() -> list[Frame]:
    portrait = read_portrait()
    grey = np.full((300, 500, 3), 114, np.uint8)
    wide = np.full((700, 1400, 3), 90, np.uint8)
    wide[60:660, 500:1012] = portrait
    pictures = [portrait, grey, wide]
    return [
        *(Frame(f'{i}', 0, 0, image, 'rgb8', 'camera') for i, image in enumerate(pictures)),
        *goal_frames(),
    ]


def see(kind: str, model: Path, config: ModelConfig, frames: list[Frame]) -> tuple[str, list[Detections]]:
    """Family, and what is in each picture of one batch."""
    spec = EngineSpec(
        EngineConfig(kind=kind, threads=1, precision='fp32'),
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
        assert all(len(array) == len(frames) for array in outputs.values())
        seen = decoder.decode(outputs, batch.letterboxes, Thresholds.of(config))
    finally:
        engine.close()
    assert not any(perception.invalid for perception in seen)
    return decoder.card.family, [perception.detections for perception in seen]


@pytest.fixture(scope='module')
def plain(frames, tmp_path_factory) -> list[Detections]:
    folder = tmp_path_factory.mktemp('plain')
    surgery = NmsSurgery(YOLOX)
    surgery.write(
        folder / 'yolox.onnx', surgery.yolox_decoded(), {**METADATA, 'family': 'yolox', 'input_colour': 'rgb'}
    )
    return see(RUNTIMES[-1], folder / 'yolox.onnx', ModelConfig(score_threshold=SCORE, nms_iou=IOU), frames)[
        1
    ]


@pytest.mark.parametrize('kind', RUNTIMES)
@pytest.mark.parametrize('family', VARIANTS)
def test_what_is_found_is_what_the_plain_network_finds(kind, family, frames, plain, tmp_path):
    surgery = NmsSurgery(YOLOX)
    model = surgery.write(tmp_path / 'model.onnx', VARIANTS[family](surgery), METADATA)
    found, seen = see(kind, model, ModelConfig(score_threshold=SCORE + 1e-4), frames)
    assert found == family
    assert sum(len(detections) for detections in plain) >= 20
    for detections, those in zip(seen, plain, strict=True):
        kept = those.score > SCORE + 1e-4
        assert len(detections) == kept.sum()
        np.testing.assert_array_equal(detections.class_id, those.class_id[kept])
        np.testing.assert_allclose(detections.score, those.score[kept], atol=1e-4)
        np.testing.assert_allclose(detections.xyxy, those.xyxy[kept], atol=0.2)
