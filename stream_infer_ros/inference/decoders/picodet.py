"""PicoDet: Yu et al., PP-PicoDet, arXiv:2111.00902, as PaddleDetection exports it."""

from __future__ import annotations

from typing import NamedTuple

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
    distance_boxes,
    grid_points,
)
from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.model_card import IMAGENET, ModelCard
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo


class PicoDetDecoder(BoxDecoder):
    """Scores of each stride, then the distance distributions of each stride."""

    default_card = ModelCard('picodet', normalisation=IMAGENET, fit='stretch')
    output_layout = 'a (batch, cells, classes) and a (batch, cells, 32) for each stride'

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        super().__init__(config, io, card)
        levels = _levels(io)
        assert levels is not None
        self._levels = levels
        self._points = grid_points(ImageInput.of(io), STRIDES[: len(levels.scores)], 0.5)

    @classmethod
    def recognises(cls, io: EngineIo) -> bool:
        return _levels(io) is not None

    @classmethod
    def is_certain(cls, io: EngineIo) -> bool:
        return True

    @classmethod
    def class_count(cls, io: EngineIo) -> int:
        return io.outputs[0].shape[2]

    def boxes(self, outputs: Outputs, thresholds: Thresholds) -> Boxes:
        scores = np.concatenate([outputs[tensor.name] for tensor in self._levels.scores])
        sides = np.concatenate([outputs[tensor.name] for tensor in self._levels.sides])
        return distance_boxes(scores, sides, self._points, thresholds)


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


class _Levels(NamedTuple):
    """The outputs of each stride, by increasing stride."""

    scores: tuple[TensorInfo, ...]
    sides: tuple[TensorInfo, ...]


def _levels(io: EngineIo) -> _Levels | None:
    """Return the outputs of each stride; None if the outputs are others."""
    half = len(io.outputs) // 2
    if len(io.outputs) != 2 * half or half not in (3, 4) or any(len(it.shape) != 3 for it in io.outputs):
        return None
    found = _Levels(io.outputs[:half], io.outputs[half:])
    image_input = ImageInput.of(io)
    for stride, scores, sides in zip(STRIDES, found.scores, found.sides, strict=False):
        cells = count_points(image_input, (stride,))
        if scores.shape[1] != cells or sides.shape[1] != cells or sides.shape[2] != SIDES * USUAL_STEPS:
            return None
    return found


def _boxes_and_scores(io: EngineIo) -> tuple[TensorInfo, TensorInfo] | None:
    """Return boxes (batch, cells, 4) and scores (batch, classes, cells); None if the outputs are others."""
    if len(io.outputs) != 2 or any(len(tensor.shape) != 3 for tensor in io.outputs):
        return None
    cells = count_points(ImageInput.of(io), STRIDES)
    for boxes, scores in (io.outputs, io.outputs[::-1]):
        if boxes.shape[1:] == (cells, SIDES) and scores.shape[2] == cells:
            return boxes, scores
    return None
