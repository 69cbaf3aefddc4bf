"""From frames to perceptions: letterbox, engines, decoders."""

from stream_infer_ros.inference.batch import Batch, write_letterboxed
from stream_infer_ros.inference.check_model import ModelReport, check_model
from stream_infer_ros.inference.decoders import Decoder, Thresholds, make_decoder, network_card
from stream_infer_ros.inference.detections import Detections, FreeSpace, Perception
from stream_infer_ros.inference.engines import ENGINES, Engine, FakeEngine, engine_kind, make_engine
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.letterbox import Letterbox, fit
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo

__all__ = [
    'ENGINES',
    'Batch',
    'Decoder',
    'Detections',
    'Engine',
    'EngineIo',
    'FakeEngine',
    'FreeSpace',
    'ImageInput',
    'Letterbox',
    'ModelReport',
    'Perception',
    'TensorInfo',
    'Thresholds',
    'check_model',
    'engine_kind',
    'fit',
    'make_decoder',
    'make_engine',
    'network_card',
    'write_letterboxed',
]
