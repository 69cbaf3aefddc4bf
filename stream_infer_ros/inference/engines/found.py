"""What engines this machine has, and which of them 'auto' means."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stream_infer_ros.config import EngineConfig
from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference.engines.availability import Availability, is_installed, missing, version_of
from stream_infer_ros.inference.engines.onnxruntime_providers import find_onnxruntime
from stream_infer_ros.inference.engines.openvino_devices import find_openvino
from stream_infer_ros.inference.engines.tensorrt.found import find_tensorrt


def find_torch() -> Availability:
    """Whether torch works here. Its devices are known only once it is imported, which takes seconds."""
    if not is_installed('torch'):
        return missing('torch')
    return Availability(f'torch {version_of("torch")}, for .pt2 and TorchScript files')


def find_kserve() -> Availability:
    """Whether servers can be spoken to."""
    if not is_installed('tritonclient'):
        return missing('tritonclient', 'tritonclient[grpc,http]')
    return Availability(
        f'tritonclient {version_of("tritonclient")}, for the servers in engine.kserve.endpoints'
    )


FINDERS: dict[str, Callable[[], Availability]] = {
    'tensorrt': find_tensorrt,
    'openvino': find_openvino,
    'onnxruntime': find_onnxruntime,
    'torch': find_torch,
    'kserve': find_kserve,
}

# What 'auto' tries, fastest first, by the suffix of the model's file.
_ONNX = ('tensorrt', 'openvino', 'onnxruntime')
_BY_SUFFIX = {'.pt2': ('torch',), '.pt': ('torch',), '.ts': ('torch',), '.xml': ('openvino',)}


def automatic_kind(config: EngineConfig, model: Path) -> str:
    """The best engine that works here with such a file; kserve where servers are named.

    Raises EngineError with every reason if there is none.
    """
    if config.kserve.endpoints:
        return 'kserve'
    reasons = []
    for kind in _BY_SUFFIX.get(model.suffix.lower(), _ONNX):
        found = FINDERS[kind]()
        if found.works:
            return kind
        reasons.append(f'{kind}: {found.problem} ({found.remedy})')
    raise EngineError(f'expected an engine for {model.name}, found none that works. {"; ".join(reasons)}')
