"""Model families: from raw outputs to perceptions."""

from stream_infer_ros.inference.decoders.decoder import Decoder
from stream_infer_ros.inference.decoders.registry import decoders, make_decoder, network_card
from stream_infer_ros.inference.decoders.thresholds import Thresholds

__all__ = ['Decoder', 'Thresholds', 'decoders', 'make_decoder', 'network_card']
