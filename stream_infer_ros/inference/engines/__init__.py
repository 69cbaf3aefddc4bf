"""Inference runtimes behind one protocol."""

from stream_infer_ros.inference.engines.engine import Engine, Outputs, Picture
from stream_infer_ros.inference.engines.fake_engine import FakeEngine
from stream_infer_ros.inference.engines.onnxruntime_engine import OnnxRuntimeEngine
from stream_infer_ros.inference.engines.openvino_engine import OpenVinoEngine
from stream_infer_ros.inference.engines.registry import ENGINES, engine_kind, instances, make_engine
from stream_infer_ros.inference.engines.spec import EngineSpec, OnProgress
from stream_infer_ros.inference.engines.supervised_engine import EngineHealth, EngineState, SupervisedEngine
from stream_infer_ros.inference.engines.trial import EngineChoice, choose_engine

__all__ = [
    'ENGINES',
    'Engine',
    'EngineChoice',
    'EngineHealth',
    'EngineSpec',
    'EngineState',
    'FakeEngine',
    'OnProgress',
    'OnnxRuntimeEngine',
    'OpenVinoEngine',
    'Outputs',
    'Picture',
    'SupervisedEngine',
    'choose_engine',
    'engine_kind',
    'instances',
    'make_engine',
]
