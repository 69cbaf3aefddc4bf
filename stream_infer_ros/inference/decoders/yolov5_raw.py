"""YOLOv5 and YOLOv7 without decoding in the graph: one raw head for each stride.

A head is (batch, anchors, rows, columns, 5 + classes) or (batch, anchors x (5 + classes), rows, columns).
With the sigmoid s of each value (see `yolov5` for the sources),

    centre = (2 s_uv - 0.5 + cell) * stride,    size = (2 s_wh)^2 * anchor.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.decoders.box_decoder import BoxDecoder, in_float32
from stream_infer_ros.inference.decoders.box_selection import Boxes
from stream_infer_ros.inference.decoders.decoder import Outputs
from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.decoders.yolov5 import (
    ANCHORS_PER_CELL,
    BEFORE_CLASSES,
    Yolov5Decoder,
    decoded_output,
    is_from_yolov5_repository,
    scored_boxes,
)
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.model_card import ModelCard
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo


class Yolov5RawDecoder(BoxDecoder):
    """Decoder of raw heads, with the anchors of the card."""

    default_card = Yolov5Decoder.default_card
    output_layout = 'a raw head (batch, 3, rows, columns, 5 + classes) for each stride'
    reads_float16 = True

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        super().__init__(config, io, card)
        self._heads = _raw_heads(io)
        if not card.anchors:
            raise ModelError(
                f'which anchors has this network? Its {len(self._heads)} outputs are raw YOLOv5 or YOLOv7 '
                f'heads. Set model.card to a card with anchors, such as yolov5_coco, or export it decoded'
            )
        if [len(anchors) for anchors in card.anchors] != [ANCHORS_PER_CELL] * len(self._heads):
            raise ModelError(
                f'expected anchors for {len(self._heads)} heads of {ANCHORS_PER_CELL} each, got '
                f'{[len(anchors) for anchors in card.anchors]}; correct anchors in model.card'
            )
        self._anchors = [np.array(anchors, np.float32) for anchors in card.anchors]

    @classmethod
    def recognises(cls, io: EngineIo) -> bool:
        return bool(_raw_heads(io)) and decoded_output(io) is None

    @classmethod
    def is_certain(cls, io: EngineIo) -> bool:
        return is_from_yolov5_repository(io)

    @classmethod
    def class_count(cls, io: EngineIo) -> int:
        return _raw_heads(io)[0].fields - BEFORE_CLASSES

    def boxes(self, outputs: Outputs, thresholds: Thresholds) -> Boxes:
        chosen = []
        for head, anchors in zip(self._heads, self._anchors, strict=True):
            raw = in_float32(outputs[head.output.name])
            if raw.ndim == 3:
                raw = raw.reshape(ANCHORS_PER_CELL, head.fields, *raw.shape[1:]).transpose(0, 2, 3, 1)
            passing = thresholds.passing(_sigmoid(raw[..., 4]).ravel())
            anchor, row, column = np.unravel_index(passing, raw.shape[:3])
            rows = _sigmoid(raw[anchor, row, column])
            cell = np.stack([column, row], axis=1).astype(np.float32)
            rows[:, :2] = (rows[:, :2] * 2.0 - 0.5 + cell) * head.stride
            rows[:, 2:4] = (rows[:, 2:4] * 2.0) ** 2 * anchors[anchor]
            chosen.append(rows)
        return scored_boxes(np.concatenate(chosen))


class _RawHead(NamedTuple):
    """One head: its output, its stride in pixels, and the number of values for each anchor of each cell."""

    output: TensorInfo
    stride: int
    fields: int


def _raw_heads(io: EngineIo) -> list[_RawHead]:
    """Return the heads by increasing stride; empty unless all outputs are raw heads."""
    image_input = ImageInput.of(io)
    heads = [_raw_head(tensor, image_input) for tensor in io.outputs]
    found = [head for head in heads if head is not None]
    if len(found) < 2 or len(found) < len(heads) or len({head.fields for head in found}) > 1:
        return []
    return sorted(found, key=lambda head: head.stride)


def _raw_head(tensor: TensorInfo, image_input: ImageInput) -> _RawHead | None:
    shape = tensor.shape
    if len(shape) == 5 and shape[1] == ANCHORS_PER_CELL:
        rows, columns, fields = shape[2:]
    elif len(shape) == 4 and shape[1] > 0 and shape[1] % ANCHORS_PER_CELL == 0:
        rows, columns, fields = shape[2], shape[3], shape[1] // ANCHORS_PER_CELL
    else:
        return None
    if rows < 1 or columns < 1 or fields <= BEFORE_CLASSES:
        return None
    stride = image_input.width // columns
    if (image_input.height // stride, image_input.width // stride) != (rows, columns):
        return None
    return _RawHead(tensor, stride, fields)


def _sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    probability: NDArray[np.float32] = np.float32(1.0) / (np.float32(1.0) + np.exp(-logits))
    return probability
