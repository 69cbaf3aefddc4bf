"""Export of the network for the torch engine."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='the train extra is not installed: pip install .[train]')
pytest.importorskip('onnx', reason='the train extra is not installed: pip install .[train]')

from engine_runs import infer  # noqa: E402

from stream_infer_ros.config import EngineConfig  # noqa: E402
from stream_infer_ros.inference.engines import EngineSpec, make_engine  # noqa: E402
from training import HEIGHT, WIDTH  # noqa: E402
from training.deployed import OUTPUT_SHAPES, DeployedNet  # noqa: E402
from training.export import METADATA, export_program  # noqa: E402
from training.network import SurroundNet  # noqa: E402


def test_engine_torch_gives_what_the_network_gives(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = SurroundNet().eval()
    export_program(network, tmp_path / 'surround.pt2')
    engine = make_engine(
        EngineSpec(EngineConfig(kind='auto', device='cpu', threads=1), tmp_path / 'surround.pt2')
    )
    engine.load()
    assert engine.io.metadata == METADATA
    pictures = np.random.default_rng(3).integers(0, 256, (3, HEIGHT, WIDTH, 3), np.uint8)
    with torch.inference_mode():
        expected = DeployedNet(network).eval()(torch.from_numpy(pictures[:2]))
    outputs = infer(engine, pictures[:2])
    assert list(outputs) == list(OUTPUT_SHAPES)
    for array, tensor in zip(outputs.values(), expected, strict=True):
        np.testing.assert_allclose(array, tensor.numpy(), atol=1e-3)
