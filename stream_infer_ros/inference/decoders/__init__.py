"""Model families: raw outputs to perceptions."""

from stream_infer_ros.inference.decoders.decoder import Decoder
from stream_infer_ros.inference.decoders.registry import DECODERS, Family, make_decoder, model_family
from stream_infer_ros.inference.decoders.surround import SurroundDecoder
from stream_infer_ros.inference.decoders.yolox import YoloxDecoder

__all__ = [
    'DECODERS',
    'Decoder',
    'Family',
    'SurroundDecoder',
    'YoloxDecoder',
    'make_decoder',
    'model_family',
]
