"""YOLOv5's raw heads, one output a stride, to rows in network pixels. The formula is in `yolov5`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.decoders.box_decoder import in_float32
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.model_card import ModelCard
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo

_ANCHORS_A_CELL = 3
_LEAST_FIELDS = 6


class RawHead(NamedTuple):
    """One of them: its output, its stride in pixels, and numbers for each anchor of each cell."""

    output: TensorInfo
    stride: int
    fields: int


def raw_heads(io: EngineIo) -> list[RawHead]:
    """The heads by growing stride; empty if the outputs are none, or not all of them are."""
    image_input = ImageInput.of(io)
    heads = [_head(tensor, image_input) for tensor in io.outputs]
    found = [head for head in heads if head is not None]
    if len(found) < 2 or len(found) < len(heads) or len({head.fields for head in found}) > 1:
        return []
    return sorted(found, key=lambda head: head.stride)


class RawHeads:
    """Those of one network, with the card's anchors.

    Raises ModelError if the card has none, or not three for each head.
    """

    def __init__(self, io: EngineIo, card: ModelCard) -> None:
        self._heads = raw_heads(io)
        if not card.anchors:
            raise ModelError(
                f'which anchors has this network? Its {len(self._heads)} outputs are raw YOLOv5 or YOLOv7 '
                f'heads. Set model.card to a card with anchors, such as yolov5_coco, or export it decoded'
            )
        if [len(anchors) for anchors in card.anchors] != [_ANCHORS_A_CELL] * len(self._heads):
            raise ModelError(
                f'expected anchors for {len(self._heads)} heads of {_ANCHORS_A_CELL} each, got '
                f'{[len(anchors) for anchors in card.anchors]}; correct anchors in model.card'
            )
        self._anchors = [np.array(anchors, np.float32) for anchors in card.anchors]

    def rows(
        self, outputs: dict[str, NDArray[Any]], passing: Callable[[NDArray[np.float32]], NDArray[np.intp]]
    ) -> NDArray[np.float32]:
        """One image's outputs to (N, 5 + classes): centre, size, objectness, classes, of those that pass."""
        chosen = []
        for head, anchors in zip(self._heads, self._anchors, strict=True):
            raw = in_float32(outputs[head.output.name])
            if raw.ndim == 3:
                raw = raw.reshape(_ANCHORS_A_CELL, head.fields, *raw.shape[1:]).transpose(0, 2, 3, 1)
            anchor, row, column = np.unravel_index(passing(_sigmoid(raw[..., 4]).ravel()), raw.shape[:3])
            rows = _sigmoid(raw[anchor, row, column])
            cell = np.stack([column, row], axis=1).astype(np.float32)
            rows[:, :2] = (rows[:, :2] * 2.0 - 0.5 + cell) * head.stride
            rows[:, 2:4] = (rows[:, 2:4] * 2.0) ** 2 * anchors[anchor]
            chosen.append(rows)
        return np.concatenate(chosen)


def _sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    probability: NDArray[np.float32] = np.float32(1.0) / (np.float32(1.0) + np.exp(-logits))
    return probability


def _head(tensor: TensorInfo, image_input: ImageInput) -> RawHead | None:
    shape = tensor.shape
    if len(shape) == 5 and shape[1] == _ANCHORS_A_CELL:
        rows, columns, fields = shape[2:]
    elif len(shape) == 4 and shape[1] > 0 and shape[1] % _ANCHORS_A_CELL == 0:
        rows, columns, fields = shape[2], shape[3], shape[1] // _ANCHORS_A_CELL
    else:
        return None
    if rows < 1 or columns < 1 or fields < _LEAST_FIELDS:
        return None
    stride = image_input.width // columns
    if (image_input.height // stride, image_input.width // stride) != (rows, columns):
        return None
    return RawHead(tensor, stride, fields)
