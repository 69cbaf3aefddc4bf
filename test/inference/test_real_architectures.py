"""Published architectures, exported: they are recognised, and our boxes are those of their own frameworks.

Random weights: the shapes, the names and the arithmetic are real, what is seen is not.
"""

from importlib.util import find_spec
from inspect import signature
from pathlib import Path

import numpy as np
import pytest
from recorded_networks import RECORDED, UNTESTED, described

pytest.importorskip('transformers', reason=f'transformers is not installed: {UNTESTED}')
pytest.importorskip('torchvision', reason=f'torchvision is not installed: {UNTESTED}')
pytest.importorskip('timm', reason=f'timm is not installed: {UNTESTED}')
pytest.importorskip('onnx', reason=f'onnx is not installed: {UNTESTED}')

import torch
import transformers as hf
from engine_runs import infer
from small_architectures import ARCHITECTURES, AREAS, SIZE, build, export

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.config import EngineConfig, ModelConfig
from stream_infer_ros.inference import Batch, ImageInput, Perception, Thresholds, make_decoder, make_engine
from stream_infer_ros.inference.decoders import network_card
from stream_infer_ros.inference.engines import EngineSpec

RUNTIMES = [kind for kind in ('openvino', 'onnxruntime') if find_spec(kind)]
SOURCES = [(200, 120), (96, 160)]  # width, height
THRESHOLD = 1e-4


@pytest.fixture(scope='module')
def exported(tmp_path_factory) -> dict[str, Path]:
    return {}


@pytest.fixture
def model(name, exported, tmp_path_factory) -> Path:
    if name not in exported:
        exported[name] = export(name, tmp_path_factory.mktemp(name) / 'model.onnx')
    return exported[name]


def frames() -> list[Frame]:
    rng = np.random.default_rng(3)
    pictures = [rng.integers(0, 256, (height, width, 3), np.uint8) for width, height in SOURCES]
    return [Frame(str(index), 0, 0, picture, 'rgb8', 'camera') for index, picture in enumerate(pictures)]


def see(kind: str, model: Path, config: ModelConfig) -> tuple[list[Perception], dict[str, np.ndarray], Batch]:
    """What each of two pictures shows, the outputs it was read from, and the pictures as they went in."""
    spec = EngineSpec(
        EngineConfig(kind=kind, threads=1, precision='fp32'),
        model,
        2,
        normalisation_of=lambda io: network_card(config, io).normalisation,
    )
    engine = make_engine(spec)
    engine.load()
    try:
        decoder = make_decoder(config, engine.io)
        batch = Batch.of(2, ImageInput.of(engine.io), decoder.card)
        for frame in frames():
            batch.write(frame)
        outputs = infer(engine, batch.images[:2])
    finally:
        engine.close()
    return decoder.decode(outputs, batch.letterboxes, Thresholds.of(config)), outputs, batch


def config_for(name: str, tmp_path: Path) -> ModelConfig:
    """Names, and the family: so small, RT-DETR and RF-DETR are not told apart."""
    names = tmp_path / 'names.txt'
    names.write_text('\n'.join(ARCHITECTURES[name].names))
    family = ARCHITECTURES[name].family
    return ModelConfig(family=family, class_names_file=str(names), score_threshold=THRESHOLD)


@pytest.mark.parametrize('name', ARCHITECTURES)
def test_it_looks_as_recorded(name, model):
    engine = make_engine(EngineSpec(EngineConfig(kind='onnxruntime', threads=1), model))
    engine.load()
    io = engine.io
    engine.close()
    assert described(io) == RECORDED[name], 'the exporter changed: run test/inference/recorded_networks.py'


@pytest.mark.parametrize('kind', RUNTIMES)
@pytest.mark.parametrize('name', [name for name, it in ARCHITECTURES.items() if 'pred_boxes' in it.outputs])
def test_boxes_are_those_of_transformers(kind, name, model, tmp_path):
    config = config_for(name, tmp_path)
    seen, outputs, _ = see(kind, model, config)
    reader = getattr(hf, ARCHITECTURES[name].processor)()
    told = hf.utils.ModelOutput({key: torch.from_numpy(array) for key, array in outputs.items()})
    sizes = [(height, width) for width, height in SOURCES]
    # Some take the best 100 unless told otherwise; the others as many as there are queries.
    takes_top_k = 'top_k' in signature(reader.post_process_object_detection).parameters
    options = {'top_k': outputs['logits'].shape[1]} if takes_top_k else {}
    theirs = reader.post_process_object_detection(told, threshold=THRESHOLD, target_sizes=sizes, **options)
    for perception, their, (width, height) in zip(seen, theirs, SOURCES, strict=True):
        ours = perception.detections
        # Transformers measures from the image's corner, and leaves boxes that reach out of it.
        xyxy = np.clip(their['boxes'].numpy() - 0.5, -0.5, [width - 0.5, height - 0.5] * 2)
        visible = (xyxy[:, 2:] > xyxy[:, :2]).all(axis=1)
        assert len(ours) == visible.sum() >= 50
        rows = np.column_stack([their['scores'], their['labels'], xyxy])[visible]
        mine = np.column_stack([ours.score, ours.class_id, ours.xyxy])
        for row in rows:  # equal scores may come in any order
            assert np.abs(mine - row).max(axis=1).min() < 0.01, row


@pytest.mark.parametrize('name', [name for name, it in ARCHITECTURES.items() if it.processor])
def test_pixels_go_in_as_transformers_prepares_them(name, model, tmp_path):
    config = config_for(name, tmp_path)
    engine = make_engine(EngineSpec(EngineConfig(kind='onnxruntime', threads=1), model))
    engine.load()
    image_input = ImageInput.of(engine.io, network_card(config, engine.io).normalisation)
    engine.close()
    picture = np.random.default_rng(1).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    processor = getattr(hf, ARCHITECTURES[name].processor)(do_resize=False)
    theirs = processor(images=picture, return_tensors='np')['pixel_values']
    np.testing.assert_allclose(image_input.pack(picture[None]), theirs, atol=1e-4)


@pytest.mark.parametrize('kind', RUNTIMES)
def test_boxes_are_those_of_torchvision(kind, tmp_path, exported, tmp_path_factory):
    name = 'torchvision_ssd'
    path = exported.setdefault(name, tmp_path / 'model.onnx')
    if path == tmp_path / 'model.onnx':
        export(name, path)
    seen, _, batch = see(kind, path, config_for(name, tmp_path))
    network = build(name)
    for perception, pixels, letterbox in zip(seen, batch.images, batch.letterboxes, strict=True):
        with torch.no_grad():
            told = network(torch.from_numpy(pixels / np.float32(255)).permute(2, 0, 1)[None])
        xyxy = letterbox.boxes_to_source(told['boxes'].numpy() - np.float32(0.5))
        # Which comes last among nearly equal ones, and what shows a hair of itself, is up to rounding.
        clear = ((xyxy[:, 2:] - xyxy[:, :2]) > 1.0).all(axis=1)
        clear &= told['scores'].numpy() > told['scores'].numpy().min() + 1e-3
        assert clear.sum() >= 4
        ours = perception.detections
        mine = np.column_stack([ours.xyxy, ours.class_id, 100 * ours.score])
        theirs = np.column_stack([xyxy, told['labels'] - 1, 100 * told['scores']])
        for row in theirs[clear]:
            assert np.abs(mine - row).max(axis=1).min() < 0.1, row


@pytest.mark.parametrize('kind', RUNTIMES)
@pytest.mark.parametrize('name', ['segformer', 'timm_segmentation'])
def test_ground_is_where_the_framework_sees_it(kind, name, model, tmp_path):
    seen, outputs, _ = see(kind, model, config_for(name, tmp_path))
    logits = torch.from_numpy(outputs[ARCHITECTURES[name].outputs[0]])
    for index, (perception, (width, height)) in enumerate(zip(seen, SOURCES, strict=True)):
        ground = perception.free_space.ground
        whole = torch.nn.functional.interpolate(logits[index : index + 1], (height, width), mode='bilinear')
        road = (whole.argmax(dim=1)[0] == AREAS.index('road')).numpy()
        rows = ((np.arange(ground.shape[0]) + 0.5) * height / ground.shape[0]).astype(int)
        columns = ((np.arange(ground.shape[1]) + 0.5) * width / ground.shape[1]).astype(int)
        agree = (ground > 0.5) == road[np.ix_(rows, columns)]
        assert agree.mean() > 0.95
        assert len(perception.detections) == 0
