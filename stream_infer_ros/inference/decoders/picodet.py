"""PicoDet: Yu et al., PP-PicoDet, arXiv:2111.00902, as PaddleDetection exports it."""

from __future__ import annotations

import re

import numpy as np

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.inference.decoders.box_decoder import BoxDecoder
from stream_infer_ros.inference.decoders.box_selection import Boxes
from stream_infer_ros.inference.decoders.decoder import Outputs
from stream_infer_ros.inference.decoders.distance_distribution import (
    SIDES,
    STRIDES,
    USUAL_STEPS,
    count_points,
)
from stream_infer_ros.inference.decoders.nanodet import is_named_as_nanodet
from stream_infer_ros.inference.decoders.stride_outputs import ByStrideDecoder, StrideOutputs, stride_outputs
from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.model_card import IMAGENET, ModelCard
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo

# Names that Paddle gives to tensors.
_PADDLE_NAME = re.compile(r'tmp_\d|save_infer_model|fetch_name|p2o\.')


class PicoDetDecoder(ByStrideDecoder):
    """Scores of each stride, then the distance distributions of each stride."""

    default_card = ModelCard('picodet', normalisation=IMAGENET, fit='stretch')
    output_layout = 'a (batch, cells, classes) and a (batch, cells, 32) for each of the strides 8, 16, 32, 64'
    strides = STRIDES
    offset = 0.5

    @classmethod
    def fits(cls, found: StrideOutputs) -> bool:
        return found.steps == USUAL_STEPS

    @classmethod
    def is_certain(cls, io: EngineIo) -> bool:
        """Return True for Paddle's names, and for its order unless the names are those of NanoDet."""
        if any(_PADDLE_NAME.search(tensor.name) for tensor in (*io.inputs, *io.outputs)):
            return True
        found = stride_outputs(io)
        return found is not None and not found.interleaved and not is_named_as_nanodet(io)


class PicoDetMergedDecoder(BoxDecoder):
    """Boxes and scores of all cells, before suppression."""

    default_card = PicoDetDecoder.default_card
    output_layout = 'boxes (batch, cells, 4) and scores (batch, classes, cells)'

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        super().__init__(config, io, card)
        found = _boxes_and_scores(io)
        assert found is not None
        self._boxes, self._scores = (tensor.name for tensor in found)

    @classmethod
    def recognises(cls, io: EngineIo) -> bool:
        return _boxes_and_scores(io) is not None

    @classmethod
    def is_certain(cls, io: EngineIo) -> bool:
        return True

    @classmethod
    def class_count(cls, io: EngineIo) -> int | None:
        found = _boxes_and_scores(io)
        return None if found is None else found[1].shape[1]

    def boxes(self, outputs: Outputs, thresholds: Thresholds) -> Boxes:
        boxes, scores = outputs[self._boxes], outputs[self._scores]
        class_id = scores.argmax(axis=0)
        return Boxes(boxes - np.float32(0.5), scores[class_id, np.arange(len(class_id))], class_id)


def _boxes_and_scores(io: EngineIo) -> tuple[TensorInfo, TensorInfo] | None:
    """Return boxes (batch, cells, 4) and scores (batch, classes, cells); None if the outputs are others."""
    if len(io.outputs) != 2 or any(len(tensor.shape) != 3 for tensor in io.outputs):
        return None
    cells = count_points(ImageInput.of(io), STRIDES)
    for boxes, scores in (io.outputs, io.outputs[::-1]):
        if boxes.shape[1:] == (cells, SIDES) and scores.shape[2] == cells:
            return boxes, scores
    return None
