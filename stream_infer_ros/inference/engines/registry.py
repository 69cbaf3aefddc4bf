"""Which engines there are, and making the configured one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from stream_infer_ros.config import EngineConfig
from stream_infer_ros.inference.engines.engine import Engine
from stream_infer_ros.inference.engines.fake_engine import FakeEngine
from stream_infer_ros.inference.engines.found import automatic_kind
from stream_infer_ros.inference.engines.kserve import KserveEngine
from stream_infer_ros.inference.engines.onnxruntime_engine import OnnxRuntimeEngine
from stream_infer_ros.inference.engines.openvino_engine import OpenVinoEngine
from stream_infer_ros.inference.engines.spec import EngineSpec
from stream_infer_ros.inference.engines.tensorrt.tensorrt_engine import TensorRtEngine
from stream_infer_ros.inference.engines.torch.torch_engine import TorchEngine, torch_gpus

ENGINES: dict[str, Callable[[EngineSpec], Engine]] = {
    'tensorrt': TensorRtEngine,
    'openvino': OpenVinoEngine,
    'onnxruntime': OnnxRuntimeEngine,
    'torch': TorchEngine,
    'kserve': lambda spec: KserveEngine(spec, make_engine),
    'fake': FakeEngine.of,
}


def engine_kind(config: EngineConfig, model: Path) -> str:
    """The configured kind; for 'auto' the best that works here with such a file.

    Raises EngineError if there is none.
    """
    return automatic_kind(config, model) if config.kind == 'auto' else config.kind


def instances(
    config: EngineConfig, kind: str, count_torch_gpus: Callable[[], int] = torch_gpus
) -> list[EngineConfig]:
    """The configuration of each of `engine.instances` engines of a kind.

    With device cuda (or auto, for tensorrt) each gets a GPU of its own: cuda:0, cuda:1, ...; torch with
    device auto goes round the GPUs there are; on a CPU they share its cores.
    """
    config = config.model_copy(update={'kind': kind})
    numbers = range(config.instances)
    if config.instances == 1:
        return [config]
    if config.device == 'cuda' or (kind == 'tensorrt' and config.device == 'auto'):
        return [config.model_copy(update={'device': f'cuda:{number}'}) for number in numbers]
    gpus = count_torch_gpus() if kind == 'torch' and config.device == 'auto' else 0
    if gpus:
        return [config.model_copy(update={'device': f'cuda:{number % gpus}'}) for number in numbers]
    threads = config.threads or max(1, (os.cpu_count() or 1) // config.instances)
    return [config.model_copy(update={'threads': threads}) for _ in numbers]


def make_engine(spec: EngineSpec) -> Engine:
    """The engine of a spec, not yet loaded.

    Raises EngineError if its runtime is missing.
    """
    return ENGINES[engine_kind(spec.config, spec.model)](spec)
