"""From an ONNX file to a plan."""

from __future__ import annotations

from stream_infer_ros.inference.engines.spec import EngineSpec
from stream_infer_ros.inference.engines.tensorrt.plan import Plan
from stream_infer_ros.inference.engines.tensorrt.target import Gpu


def built_plan(spec: EngineSpec, gpu: Gpu | None) -> Plan:
    """The plan of a network, from the cache or built now.

    Args:
        spec: of the engine; `on_progress` is told how far a build is.
        gpu: the one to run on. None where there is none: TensorRT for RTX then builds for
            `tensorrt.compute_capabilities`, the others refuse.

    Raises ModelError if TensorRT cannot take the network, EngineError if it is missing, cannot honour the
    precision, or the cache cannot be written.
    """
    raise NotImplementedError((spec, gpu))
