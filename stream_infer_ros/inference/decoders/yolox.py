"""The YOLOX family: one output, a row per cell, without anchors' sizes. YOLOv6 exports look the same.

Ge et al., YOLOX: Exceeding YOLO Series in 2021, arXiv:2107.08430.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.inference.decoders.box_decoder import BoxDecoder, in_float32
from stream_infer_ros.inference.decoders.box_selection import Boxes
from stream_infer_ros.inference.decoders.grid import centred, count_cells, grid_cells
from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.model_card import ModelCard, names_of_classes
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo

STRIDES = (8, 16, 32)
_BEFORE_CLASSES = 5  # centre u, v, width, height, objectness


def is_yolox(io: EngineIo) -> bool:
    """Whether there is one output with a row for each cell of the grids at strides 8, 16 and 32."""
    if len(io.outputs) != 1 or len(io.outputs[0].shape) != 3:
        return False
    _, rows, fields = io.outputs[0].shape
    image_input = ImageInput.of(io)
    return fields > _BEFORE_CLASSES and rows in (
        -1,
        count_cells(image_input.height, image_input.width, STRIDES),
    )


def yolox_classes(io: EngineIo) -> int:
    """How many classes its rows tell of."""
    return io.outputs[0].shape[2] - _BEFORE_CLASSES


class YoloxDecoder(BoxDecoder):
    """Takes networks exported with or without the grid decoded inside."""

    takes_half = True

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        """Raises ConfigError or ModelError if there are not as many class names as classes."""
        (output,) = io.outputs
        self._output = output.name
        image_input = ImageInput.of(io)
        self._network_width = image_input.width
        self._cells = grid_cells(image_input.height, image_input.width, card.strides or STRIDES)
        rows = TensorInfo(output.name, output.dtype, (-1, len(self._cells), output.shape[2]))
        names = names_of_classes(card, config, yolox_classes(io))
        super().__init__(config, replace(io, outputs=(rows,)), card, names)

    def boxes(self, outputs: dict[str, NDArray[Any]], thresholds: Thresholds) -> Boxes:
        """See BoxDecoder."""
        rows = outputs[self._output]
        # A score is objectness times class probability, so objectness alone rules out nearly all rows.
        candidates = thresholds.passing(in_float32(rows[:, 4]))
        chosen = in_float32(rows[candidates])
        class_id = chosen[:, _BEFORE_CLASSES:].argmax(axis=1)
        score = chosen[:, 4] * chosen[np.arange(len(chosen)), _BEFORE_CLASSES + class_id]
        box = chosen[:, :4]
        if not self._is_decoded(rows):
            cells = self._cells[candidates]
            stride = cells[:, 2:]
            box = np.concatenate([box[:, :2] + cells[:, :2], np.exp(box[:, 2:])], axis=1) * stride
        return Boxes(centred(box), score, class_id)

    def _is_decoded(self, rows: NDArray[np.float32]) -> bool:
        """Whether centres are pixels already and spread over the image; else they lie within a cell or two.

        Exports of both kinds have the same shape and say nothing of it.
        """
        some = rows[::7, 0]  # a step of whole rows would see one column only
        return bool(2 * np.count_nonzero(some > self._network_width / 8) > len(some))
