"""Model families: raw outputs to perceptions."""

from stream_infer_ros.inference.decoders.decoder import Decoder
from stream_infer_ros.inference.decoders.registry import DECODERS, Family, card_of, make_decoder, model_family
from stream_infer_ros.inference.decoders.surround import SurroundDecoder
from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.decoders.yolox import YoloxDecoder

__all__ = [
    'DECODERS',
    'Decoder',
    'Family',
    'SurroundDecoder',
    'Thresholds',
    'YoloxDecoder',
    'card_of',
    'make_decoder',
    'model_family',
]
