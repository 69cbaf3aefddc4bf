"""Yolo-FastestV2 (github.com/dog-qiuqiu/Yolo-FastestV2): a map for each of the strides 16 and 32.

A cell has four values r of the box for each of three anchors, an objectness for each anchor, and one set of
classes for all of them. Sigmoid and softmax are in the exported graph (model/detector.py). Then, as in YOLOv5
(utils/utils.py, handel_preds),

    centre = (2 r_uv - 0.5 + cell) * stride,    size = (2 r_wh)^2 * anchor,    score = objectness * class.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.decoders.box_decoder import BoxDecoder
from stream_infer_ros.inference.decoders.box_selection import Boxes
from stream_infer_ros.inference.decoders.decoder import Outputs
from stream_infer_ros.inference.decoders.grid import corners
from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.model_card import UNIT, ModelCard
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo

_STRIDES = (16, 32)
_ANCHORS_PER_CELL = 3
_BOX_FIELDS = 4 * _ANCHORS_PER_CELL
_BEFORE_CLASSES = _BOX_FIELDS + _ANCHORS_PER_CELL
# Anchors of the published network (data/coco.data), for its 352 x 352 pixels.
_COCO_CLASSES = 80
_COCO_ANCHORS = (
    ((12.64, 19.39), (37.88, 51.48), (55.71, 138.31)),
    ((126.91, 78.23), (131.57, 214.55), (279.92, 258.87)),
)


class YoloFastestV2Decoder(BoxDecoder):
    """Decoder of both maps, with the anchors of the card, or those of the published network for COCO."""

    default_card = ModelCard('yolo_fastest_v2', colour='bgr', normalisation=UNIT, fit='stretch')
    output_layout = 'a (batch, rows, columns, 15 + classes) for each of the strides 16 and 32'

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        super().__init__(config, io, card)
        maps = _maps(io)
        assert maps is not None
        self._maps = maps
        anchors = card.anchors or (_COCO_ANCHORS if self.class_count(io) == _COCO_CLASSES else ())
        if [len(each) for each in anchors] != [_ANCHORS_PER_CELL] * len(_STRIDES):
            raise ModelError(
                f'which anchors has this Yolo-FastestV2 network? Expected {_ANCHORS_PER_CELL} for each of '
                f'the strides {_STRIDES[0]} and {_STRIDES[1]}, got {[len(each) for each in anchors]}; copy '
                f'them from the .data file of its training to `anchors` in a model card, and set model.card'
            )
        self._anchors = [np.array(each, np.float32) for each in anchors]

    @classmethod
    def recognises(cls, io: EngineIo) -> bool:
        return _maps(io) is not None

    @classmethod
    def class_count(cls, io: EngineIo) -> int | None:
        maps = _maps(io)
        return None if maps is None else maps[0].fields - _BEFORE_CLASSES

    def boxes(self, outputs: Outputs, thresholds: Thresholds) -> Boxes:
        found = [
            self._boxes_of(each, anchors, outputs[each.output.name], thresholds)
            for each, anchors in zip(self._maps, self._anchors, strict=True)
        ]
        return Boxes(*(np.concatenate(parts) for parts in zip(*found, strict=True)))

    def _boxes_of(
        self, found: _Map, anchors: NDArray[np.float32], values: NDArray[np.float32], thresholds: Thresholds
    ) -> Boxes:
        rows = (
            values.reshape(found.fields, -1).T if found.channels_first else values.reshape(-1, found.fields)
        )
        classes = cv2.transpose(np.ascontiguousarray(rows[:, _BEFORE_CLASSES:]))
        score = rows[:, _BOX_FIELDS:_BEFORE_CLASSES] * classes.max(axis=0)[:, None]
        chosen = thresholds.passing(score.ravel())
        cell, anchor = chosen // _ANCHORS_PER_CELL, chosen % _ANCHORS_PER_CELL
        box = rows[:, :_BOX_FIELDS].reshape(-1, _ANCHORS_PER_CELL, 4)[cell, anchor]
        columns = self.network_width // found.stride
        origin = np.stack([cell % columns, cell // columns], axis=1).astype(np.float32)
        centre = (np.float32(2.0) * box[:, :2] - np.float32(0.5) + origin) * np.float32(found.stride)
        size = (np.float32(2.0) * box[:, 2:]) ** 2 * anchors[anchor]
        class_id = classes[:, cell].argmax(axis=0)
        return Boxes(corners(np.concatenate([centre, size], axis=1)), score.ravel()[chosen], class_id)


class _Map(NamedTuple):
    """The output of one stride.

    Attributes:
        output: (batch, rows, columns, fields), or (batch, fields, rows, columns) if `channels_first`.
    """

    output: TensorInfo
    stride: int
    fields: int
    channels_first: bool


def _maps(io: EngineIo) -> tuple[_Map, ...] | None:
    """Return the maps by increasing stride; None if the outputs are others."""
    if len(io.outputs) != len(_STRIDES):
        return None
    image_input = ImageInput.of(io)
    maps = []
    for stride in _STRIDES:
        size = image_input.height // stride, image_input.width // stride
        for tensor in io.outputs:
            if len(tensor.shape) == 4 and tensor.shape[1:3] == size:
                maps.append(_Map(tensor, stride, tensor.shape[3], False))
            elif len(tensor.shape) == 4 and tensor.shape[2:] == size:
                maps.append(_Map(tensor, stride, tensor.shape[1], True))
    fields = {each.fields for each in maps}
    fits = (
        [each.stride for each in maps] == list(_STRIDES)
        and len(fields) == 1
        and min(fields) > _BEFORE_CLASSES
    )
    return tuple(maps) if fits else None
