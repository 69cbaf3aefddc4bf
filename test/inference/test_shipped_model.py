"""The network that ships keeps its contract on every runtime that is installed."""

from importlib.util import find_spec

import cv2
import numpy as np
import pytest
from engine_runs import infer

from stream_infer_ros.config import EngineConfig, ModelConfig
from stream_infer_ros.errors import ConfigError
from stream_infer_ros.inference import make_decoder, make_engine, network_card
from stream_infer_ros.inference.engines import EngineSpec
from stream_infer_ros.inference.surround_contract import METADATA, surround_io
from stream_infer_ros.resources import default_model

RUNTIMES = [kind for kind in ('openvino', 'onnxruntime') if find_spec(kind)]
LARGEST_BYTES = 4_000_000


@pytest.fixture(scope='module')
def model():
    try:
        path = default_model()
    except ConfigError as error:
        pytest.skip(str(error))
    if not path.is_file():
        pytest.skip(f'the network is not trained yet: no {path}')
    return path


@pytest.fixture(scope='module')
def outputs(model):
    """By runtime: what it says about two smooth pictures."""
    coarse = np.random.default_rng(0).integers(0, 256, (2, 12, 16, 3), np.uint8)
    pictures = np.stack(
        [cv2.resize(picture, (320, 240), interpolation=cv2.INTER_CUBIC) for picture in coarse]
    )
    given = {}
    for kind in RUNTIMES:
        engine = make_engine(EngineSpec(EngineConfig(kind=kind, threads=1), model))
        engine.load()
        given[kind] = engine.io, infer(engine, pictures[:2])
    return given


def test_it_is_small(model):
    assert model.stat().st_size <= LARGEST_BYTES


@pytest.mark.parametrize('kind', RUNTIMES)
def test_it_keeps_the_contract(kind, outputs):
    io, arrays = outputs[kind]
    expected = surround_io()
    assert io.inputs == expected.inputs
    assert METADATA.items() <= io.metadata.items()
    for tensor in expected.outputs:
        assert arrays[tensor.name].shape == (2, *tensor.shape[1:])
        assert arrays[tensor.name].dtype == tensor.dtype
        assert np.isfinite(arrays[tensor.name]).all()
    assert network_card(ModelConfig(), io).family == 'surround'
    assert make_decoder(ModelConfig(), io).class_names == tuple(METADATA['class_names'].split(','))
    score = arrays['boxes'][..., 6]
    assert ((score >= 0) & (score <= 1)).all()
    # Best first, but for the last digit of bfloat16.
    assert (np.diff(score, axis=1) <= 0.01).all()


@pytest.mark.skipif(len(RUNTIMES) < 2, reason='needs both runtimes')
def test_runtimes_agree(outputs):
    """One computes in bfloat16 where the CPU can: near, not equal."""
    (_, one), (_, other) = outputs.values()
    assert np.abs(one['ground'] - other['ground']).mean() < 0.02
    difference = np.abs(one['free_space'] - other['free_space'])
    assert np.median(difference[..., 0]) < 0.5
    assert difference[..., 1].mean() < 0.05
    assert np.abs(one['boxes'][..., 6] - other['boxes'][..., 6]).mean() < 0.03
