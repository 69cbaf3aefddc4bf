"""Which engines there are, and making the configured one."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

from stream_infer_ros.config import EngineConfig
from stream_infer_ros.errors import EngineError
from stream_infer_ros.inference.engines.engine import Engine
from stream_infer_ros.inference.engines.fake_engine import FakeEngine
from stream_infer_ros.inference.engines.onnxruntime_engine import OnnxRuntimeEngine
from stream_infer_ros.inference.engines.openvino_engine import OpenVinoEngine
from stream_infer_ros.inference.engines.spec import EngineSpec

ENGINES: dict[str, Callable[[EngineSpec], Engine]] = {
    'openvino': OpenVinoEngine,
    'onnxruntime': OnnxRuntimeEngine,
    'fake': FakeEngine.of,
}

# Fastest first, for kind 'auto'; each is imported under its own name.
_AUTOMATIC = ('openvino', 'onnxruntime')


def engine_kind(config: EngineConfig) -> str:
    """The configured kind; for 'auto' the first runtime that is installed.

    Raises EngineError if there is none.
    """
    if config.kind != 'auto':
        return config.kind
    for kind in _AUTOMATIC:
        if find_spec(kind) is not None:
            return kind
    raise EngineError(
        f'expected an inference runtime ({" or ".join(_AUTOMATIC)}), found none; '
        f'`pip install {_AUTOMATIC[0]}`'
    )


def make_engine(spec: EngineSpec) -> Engine:
    """The engine of a spec, not yet loaded.

    Raises EngineError if its runtime is missing.
    """
    return ENGINES[engine_kind(spec.config)](spec)
