"""The kinds of engines: their classes, their state on this machine, and the choice that 'auto' makes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from stream_infer_ros.config import EngineConfig
from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference.engines.availability import Availability, is_installed, missing, version_of
from stream_infer_ros.inference.engines.engine import Engine
from stream_infer_ros.inference.engines.fake_engine import FakeEngine
from stream_infer_ros.inference.engines.kserve import KserveEngine
from stream_infer_ros.inference.engines.onnxruntime_engine import OnnxRuntimeEngine
from stream_infer_ros.inference.engines.onnxruntime_providers import find_onnxruntime
from stream_infer_ros.inference.engines.openvino_devices import find_openvino
from stream_infer_ros.inference.engines.openvino_engine import OpenVinoEngine
from stream_infer_ros.inference.engines.runtime import KINDS_OF_FORMAT, MORE_ON_FORMAT
from stream_infer_ros.inference.engines.spec import EngineSpec
from stream_infer_ros.inference.engines.tensorrt.availability import find_tensorrt
from stream_infer_ros.inference.engines.tensorrt.tensorrt_engine import TensorRtEngine
from stream_infer_ros.inference.engines.torch.torch_engine import TorchEngine, torch_gpus
from stream_infer_ros.inference.model_file import ModelFormat, model_format


def find_torch() -> Availability:
    """Return whether torch is installed. Its devices are not listed, because importing it takes seconds."""
    if not is_installed('torch'):
        return missing('torch')
    return Availability(f'torch {version_of("torch")}, for .pt2 and TorchScript files')


def find_kserve() -> Availability:
    """Return whether the client library for inference servers is installed."""
    if not is_installed('tritonclient'):
        return missing('tritonclient', 'tritonclient[grpc,http]')
    return Availability(
        f'tritonclient {version_of("tritonclient")}, for the servers in engine.kserve.endpoints'
    )


ENGINES: dict[str, Callable[[EngineSpec], Engine]] = {
    'tensorrt': TensorRtEngine,
    'openvino': OpenVinoEngine,
    'onnxruntime': OnnxRuntimeEngine,
    'torch': TorchEngine,
    'kserve': lambda spec: KserveEngine(spec, make_engine),
    'fake': FakeEngine.of,
}

FINDERS: dict[str, Callable[[], Availability]] = {
    'tensorrt': find_tensorrt,
    'openvino': find_openvino,
    'onnxruntime': find_onnxruntime,
    'torch': find_torch,
    'kserve': find_kserve,
}

# The format of files that are not there yet, or whose content does not show it, by suffix.
_BY_SUFFIX = {
    '.pt2': ModelFormat.EXPORTED_PROGRAM,
    '.pt': ModelFormat.TORCHSCRIPT,
    '.ts': ModelFormat.TORCHSCRIPT,
    '.xml': ModelFormat.OPENVINO_IR,
}


def make_engine(spec: EngineSpec) -> Engine:
    """Create the engine of a spec. It is not loaded yet. Raises EngineError if its runtime is missing."""
    return ENGINES[engine_kind(spec.config, spec.model)](spec)


def engine_kind(config: EngineConfig, model: Path) -> str:
    """Return the configured kind; for 'auto' the fastest that works here with such a file.

    Raises ModelError or EngineError if there is none.
    """
    return automatic_kind(config, model) if config.kind == 'auto' else config.kind


def automatic_kind(config: EngineConfig, model: Path) -> str:
    """Return the kind that is usually the fastest with such a file, or 'kserve' if servers are configured.

    Raises as `working_kinds` does.
    """
    return 'kserve' if config.kserve.endpoints else next(_working(model))


def working_kinds(model: Path) -> list[str]:
    """Return the kinds that work here with such a file, the one that is usually the fastest first.

    Raises ModelError if no engine runs such a file. Raises EngineError with the reason for each kind if none
    works on this machine.
    """
    return list(_working(model))


def _working(model: Path) -> Iterator[str]:
    found = model_format(model) if model.exists() else ModelFormat.UNKNOWN
    if found is ModelFormat.UNKNOWN:
        found = _BY_SUFFIX.get(model.suffix.lower(), ModelFormat.ONNX)
    reasons = []
    for kind in KINDS_OF_FORMAT[found]:
        there = FINDERS[kind]()
        if there.works:
            yield kind
        else:
            reasons.append(f'{kind}: {there.problem} ({there.remedy})')
    if len(reasons) < len(KINDS_OF_FORMAT[found]):
        return
    raise EngineError(
        f'expected an engine for {model.name}, {found.value}, found none that works. {"; ".join(reasons)}'
        f'{MORE_ON_FORMAT.get(found, "")}'
    )


def instances(
    config: EngineConfig, kind: str, count_torch_gpus: Callable[[], int] = torch_gpus
) -> list[EngineConfig]:
    """Return the configuration of each of `engine.instances` engines of a kind.

    With device cuda (or auto, for tensorrt) each engine gets a GPU of its own: cuda:0, cuda:1, ... For torch
    with device auto the engines are distributed over the GPUs of the machine. On a CPU they share its cores.
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
