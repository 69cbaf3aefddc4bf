"""The engines of GPUs on a real one, where there is one: numbers, sizes, graphs, and coming back.

Nothing of this has a double: on a machine without a GPU all of it is skipped.
"""

import logging
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from engine_runs import infer
from stand_in_network import write_stand_in

from stream_infer_ros.config import EngineConfig
from stream_infer_ros.inference.engines import Engine, EngineSpec, make_engine
from stream_infer_ros.inference.engines.availability import nvidia_gpus
from stream_infer_ros.inference.engines.tensorrt.availability import find_tensorrt

# fp16 keeps 11 bits, and TensorRT 10 may take TF32, which keeps as many.
TOLERANCE = 2e-3


def why_not(kind: str) -> str:
    if not nvidia_gpus():
        return 'no NVIDIA GPU is here'
    if kind == 'tensorrt':
        return find_tensorrt().problem
    if not find_spec('torch') or not find_spec('cuda'):
        return 'torch or cuda-bindings is not installed'
    import torch  # noqa: PLC0415, it takes seconds

    return '' if torch.cuda.is_available() else 'this torch is not built for the GPU here'


KINDS = [
    pytest.param(kind, marks=pytest.mark.skipif(bool(why_not(kind)), reason=f'{kind}: {why_not(kind)}'))
    for kind in ('torch', 'tensorrt')
]


def loaded(
    kind: str, folder: Path, max_batch: int = 4, batch: int | str = 'batch', **options: object
) -> Engine:
    if kind == 'torch':
        from stand_in_torch import write_torch_stand_in  # noqa: PLC0415

        path = write_torch_stand_in(folder / 'stand_in.pt2', batch=batch)
    else:
        path = write_stand_in(folder / 'stand_in.onnx', batch=batch)
    config = EngineConfig(kind=kind, device='cuda:0', cache_dir=str(folder / 'plans'), **options)
    engine = make_engine(EngineSpec(config, path, max_batch))
    engine.load()
    return engine


def expected_ground(pictures: np.ndarray) -> np.ndarray:
    return pictures.reshape(len(pictures), 60, 4, 80, 4, 3).mean(axis=(2, 4, 5)) / 255


@pytest.fixture(scope='module')
def pictures() -> np.ndarray:
    return np.random.default_rng(7).integers(0, 256, (9, 240, 320, 3), np.uint8)


@pytest.mark.parametrize('batch', ['batch', 4])
@pytest.mark.parametrize('kind', KINDS)
def test_every_size_again_and_again_with_other_pictures(kind, batch, tmp_path, pictures, caplog):
    with caplog.at_level(logging.WARNING):
        engine = loaded(kind, tmp_path, batch=batch)
        for turn in range(4):  # the third time it is a replay
            for n in (1, 3, 4, 9, 2):
                images = np.roll(pictures, turn, axis=0)
                ground = infer(engine, images[:n])['ground']
                np.testing.assert_allclose(ground, expected_ground(images[:n]), atol=TOLERANCE)
    assert 'CUDA graphs are not used' not in caplog.text
    engine.close()


@pytest.mark.parametrize('kind', KINDS)
def test_fp16_is_near(kind, tmp_path, pictures):
    exact = infer(loaded(kind, tmp_path, precision='fp32'), pictures[:3])['boxes']
    boxes = infer(loaded(kind, tmp_path, precision='fp16'), pictures[:3])['boxes']
    np.testing.assert_allclose(boxes, exact, atol=1e-2)


@pytest.mark.parametrize('kind', KINDS)
def test_two_engines_share_a_gpu_and_one_may_go(kind, tmp_path, pictures):
    first, second = loaded(kind, tmp_path), loaded(kind, tmp_path)
    expected = infer(first, pictures[:4])['boxes']
    first.close()
    np.testing.assert_allclose(infer(second, pictures[:4])['boxes'], expected, atol=1e-5)
    first.load()
    np.testing.assert_allclose(infer(first, pictures[:4])['boxes'], expected, atol=1e-5)
