"""The engine that ships for tests: its scene, and its time."""

import numpy as np
import pytest
from engine_runs import infer

from stream_infer_ros.config import EngineConfig, ModelConfig
from stream_infer_ros.inference import (
    EngineIo,
    FakeEngine,
    TensorInfo,
    Thresholds,
    check_model,
    fit,
    make_decoder,
    make_engine,
)
from stream_infer_ros.inference.engines import EngineSpec
from stream_infer_ros.inference.surround_contract import surround_scene


def test_time_is_base_plus_images_and_is_handed_over():
    waited: list[float] = []
    engine = FakeEngine(base_ms=2.0, per_image_ms=0.5, wait=waited.append)
    engine.load()
    images = np.zeros((6, 240, 320, 3), np.uint8)
    infer(engine, images[:6])
    infer(engine, images[:1])
    assert waited == pytest.approx([5e-3, 2.5e-3])


def test_without_latency_it_never_waits():
    def refuse(seconds: float) -> None:
        raise AssertionError(seconds)

    engine = FakeEngine(wait=refuse)
    engine.load()
    infer(engine, np.zeros((1, 240, 320, 3), np.uint8))


def test_it_answers_with_its_scene_in_every_image():
    engine = FakeEngine(scene=surround_scene([(10, 10, 50, 50, 30, 48, 0.9, 2)], boundary_row=100.0))
    engine.load()
    decoder = make_decoder(ModelConfig(), engine.io)
    outputs = infer(engine, np.zeros((3, 240, 320, 3), np.uint8))
    for seen in decoder.decode(outputs, [fit(640, 480, 320, 240)] * 3, Thresholds.of(ModelConfig())):
        np.testing.assert_allclose(seen.detections.xyxy, [[20.5, 20.5, 100.5, 100.5]])
        np.testing.assert_allclose(seen.free_space.boundary_v, 200.5)


def test_it_plays_any_network():
    io = EngineIo(
        (TensorInfo('x', 'float32', (1, 3, 32, 48)),),
        (TensorInfo('y', 'float32', (1, 7)),),
        {'family': 'other'},
    )
    engine = FakeEngine(io, {'y': np.arange(7, dtype=np.float32)})
    engine.load()
    assert engine.io == io
    assert infer(engine, np.zeros((2, 32, 48, 3), np.uint8))['y'].tolist() == [list(range(7))] * 2


def test_the_configured_fake_takes_the_configured_time(tmp_path):
    ticks = iter(range(100))
    report = check_model(
        tmp_path / 'none.onnx', EngineConfig(kind='fake'), batch=4, runs=3, clock=lambda: next(ticks) * 0.02
    )
    assert report.card.family == 'surround'
    assert report.frame_ms == pytest.approx(5.0)
    engine = make_engine(
        EngineSpec(EngineConfig(kind='fake', fake_latency_ms=3.0, fake_latency_per_image_ms=1.0), tmp_path)
    )
    assert isinstance(engine, FakeEngine)
