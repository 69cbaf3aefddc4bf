"""The model file of the package: inputs and outputs, agreement of runtimes and batch sizes, and scores."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from engine_runs import infer

from stream_infer_ros.config import EngineConfig, ModelConfig
from stream_infer_ros.evaluation.column_scores import ColumnScores
from stream_infer_ros.evaluation.detection_scores import DetectionScores
from stream_infer_ros.inference import Thresholds, fit, make_decoder, make_engine
from stream_infer_ros.inference.engines import EngineSpec
from training import CLASS_NAMES, HEIGHT, WIDTH
from training.scenes import pictures

MODEL = Path(__file__).resolve().parents[2] / 'models' / 'surround.onnx'
UNSEEN_WORLD = 900_500
OUTPUTS = {'boxes': (100, 8), 'free_space': (80, 2), 'ground': (60, 80)}
RUNTIMES = [kind for kind in ('openvino', 'onnxruntime') if find_spec(kind)]


@pytest.fixture(scope='module')
def taken():
    return list(pictures(UNSEEN_WORLD, 24))


@pytest.fixture(scope='module', params=RUNTIMES)
def engine(request):
    engine = make_engine(EngineSpec(EngineConfig(kind=request.param, threads=1), MODEL))
    engine.load()
    yield engine
    engine.close()


def exact_outputs(batch):
    """The result of float32 arithmetic, as the reference for runtimes with lower precision."""
    engine = make_engine(EngineSpec(EngineConfig(kind=RUNTIMES[0], precision='fp32', threads=1), MODEL))
    engine.load()
    outputs = infer(engine, batch)
    engine.close()
    return outputs


def test_it_is_small_and_says_what_it_is(engine):
    assert MODEL.stat().st_size <= 4_000_000
    metadata = engine.io.metadata
    assert metadata['family'] == 'surround'
    assert metadata['class_names'] == ','.join(CLASS_NAMES)
    assert metadata['input_colour'] == 'rgb'
    assert metadata['stride'] == '4'


def test_it_has_the_outputs_of_the_contract(engine, taken):
    batch = np.stack([picture.image for picture in taken[:2]])
    outputs = infer(engine, batch[:2])
    assert {name: value.shape for name, value in outputs.items()} == {n: (2, *s) for n, s in OUTPUTS.items()}
    assert all(value.dtype == np.float32 for value in outputs.values())
    boxes, free_space, ground = (outputs[name] for name in OUTPUTS)
    assert (np.diff(boxes[..., 6], axis=1) <= 0).all(), 'best score first'
    assert set(np.unique(boxes[..., 7])) <= set(range(len(CLASS_NAMES)))
    assert ((free_space[..., 0] >= 0) & (free_space[..., 0] < HEIGHT)).all()
    assert ((free_space[..., 1] > 0) & (free_space[..., 1] <= 1.001)).all()
    assert ((ground >= 0) & (ground <= 1)).all()


def test_a_batch_of_six_equals_six_singles(engine, taken):
    batch = np.stack([picture.image for picture in taken[:6]])
    together = infer(engine, batch[:6])
    for index in range(6):
        alone = infer(engine, batch[index : index + 1])
        for name in OUTPUTS:
            np.testing.assert_allclose(together[name][index], alone[name][0], rtol=1e-4, atol=1e-3)


def test_fewer_bits_cost_hundredths_of_a_pixel(engine, taken):
    batch = np.stack([picture.image for picture in taken])
    exact, said = exact_outputs(batch), infer(engine, batch)
    rows = np.abs(exact['free_space'] - said['free_space'])[..., 0]
    assert np.median(rows) < 0.1
    assert np.quantile(rows, 0.95) < 0.5
    moved = []
    for wanted, got in zip(exact['boxes'], said['boxes'], strict=True):
        for box in wanted[wanted[:, 6] > 0.5]:
            same = got[got[:, 7] == box[7]]
            moved.append(np.abs(same[:, :6] - box[:6]).max(1).min())
    # A few large boxes may be read at the place next to their peak: then all their sides move a little.
    assert np.median(moved) < 0.1
    assert np.quantile(moved, 0.9) < 1.0


def test_it_sees_an_unseen_world(engine, taken):
    """Far below the model card's figures, which are means over 80 worlds: this is one, by 24 pictures."""
    config = ModelConfig(file=str(MODEL), score_threshold=0.05)
    decoder = make_decoder(config, engine.io)
    boxes, columns = DetectionScores(CLASS_NAMES), ColumnScores()
    outputs = infer(engine, np.stack([picture.image for picture in taken]))
    letterboxes = [fit(WIDTH, HEIGHT, WIDTH, HEIGHT)] * len(taken)
    perceptions = decoder.decode(outputs, letterboxes, Thresholds.of(config))
    for picture, perception in zip(taken, perceptions, strict=True):
        labels = picture.labels
        boxes.add(perception.detections, labels.boxes, labels.class_id, labels.counted(), labels.contact)
        columns.add(perception.free_space.boundary_v, labels.column_row, labels.column_obstacle)
    assert boxes.report().map50 > 0.75
    assert boxes.report().contact.median < 1.5
    assert columns.report().median < 0.8
