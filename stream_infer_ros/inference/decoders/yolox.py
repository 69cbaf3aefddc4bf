"""The YOLOX family: one output with a row for each cell, without anchor sizes. YOLOv6 exports look the same.

Ge et al., YOLOX: Exceeding YOLO Series in 2021, arXiv:2107.08430.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.inference.decoders.box_decoder import BoxDecoder, in_float32
from stream_infer_ros.inference.decoders.box_selection import Boxes
from stream_infer_ros.inference.decoders.decoder import Outputs
from stream_infer_ros.inference.decoders.grid import corners, count_cells, grid_cells
from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.model_card import ModelCard
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo

STRIDES = (8, 16, 32)
_BEFORE_CLASSES = 5  # centre u, v, width, height, objectness


class YoloxDecoder(BoxDecoder):
    """Decoder of networks that were exported with the grid decoded, or without it."""

    default_card = ModelCard('yolox', colour='bgr', fit='corner')
    output_layout = 'one (batch, cells, 5 + classes), cells of the grids at strides 8, 16, 32'
    reads_float16 = True

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        image_input = ImageInput.of(io)
        self._cells = grid_cells(image_input.height, image_input.width, card.strides or STRIDES)
        super().__init__(config, io, card)
        self._output = io.outputs[0].name

    @classmethod
    def recognises(cls, io: EngineIo) -> bool:
        if len(io.outputs) != 1 or len(io.outputs[0].shape) != 3:
            return False
        _, rows, fields = io.outputs[0].shape
        image_input = ImageInput.of(io)
        cells = count_cells(image_input.height, image_input.width, STRIDES)
        return fields > _BEFORE_CLASSES and rows in (-1, cells)

    @classmethod
    def class_count(cls, io: EngineIo) -> int:
        return io.outputs[0].shape[2] - _BEFORE_CLASSES

    def expected_outputs(self) -> Sequence[TensorInfo]:
        (output,) = self.io.outputs
        return (TensorInfo(output.name, output.dtype, (-1, len(self._cells), output.shape[2])),)

    def boxes(self, outputs: Outputs, thresholds: Thresholds) -> Boxes:
        rows = outputs[self._output]
        # The score is objectness times class probability, so objectness alone excludes nearly all rows.
        candidates = thresholds.passing(in_float32(rows[:, 4]))
        chosen = in_float32(rows[candidates])
        class_id = chosen[:, _BEFORE_CLASSES:].argmax(axis=1)
        score = chosen[:, 4] * chosen[np.arange(len(chosen)), _BEFORE_CLASSES + class_id]
        box = chosen[:, :4]
        if not self._is_decoded(rows):
            cells = self._cells[candidates]
            stride = cells[:, 2:]
            box = np.concatenate([box[:, :2] + cells[:, :2], np.exp(box[:, 2:])], axis=1) * stride
        return Boxes(corners(box), score, class_id)

    def _is_decoded(self, rows: NDArray[np.float32]) -> bool:
        """Return True if the centres are in pixels, spread over the image, and not in cells.

        Exports of both kinds have the same shape and the same metadata.
        """
        some = rows[::7, 0]  # a step that divides the length of a row would see few columns only
        return bool(2 * np.count_nonzero(some > self.network_width / 8) > len(some))
