"""The YOLOX family: one output, a row per anchor point, without anchors' sizes.

Ge et al., YOLOX: Exceeding YOLO Series in 2021, arXiv:2107.08430.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.inference.decoders.box_decoder import BoxDecoder, Boxes
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
    return fields > _BEFORE_CLASSES and rows in (-1, len(_cells(ImageInput.of(io))))


class YoloxDecoder(BoxDecoder):
    """Takes networks exported with or without the grid decoded inside."""

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        """Raises ConfigError or ModelError if there are not as many class names as classes."""
        (output,) = io.outputs
        self._output = output.name
        image_input = ImageInput.of(io)
        self._network_width = image_input.width
        self._cells = _cells(image_input)
        fields = output.shape[2]
        rows = TensorInfo(output.name, output.dtype, (output.shape[0], len(self._cells), fields))
        names = names_of_classes(card, config, fields - _BEFORE_CLASSES)
        super().__init__(config, replace(io, outputs=(rows,)), card, names)

    def boxes(self, outputs: dict[str, NDArray[Any]]) -> Boxes:
        """See BoxDecoder."""
        rows = outputs[self._output]
        # A score is objectness times class probability, so objectness alone rules out nearly all rows.
        candidates = self.passing(rows[:, 4])
        chosen = rows[candidates]
        class_id = chosen[:, _BEFORE_CLASSES:].argmax(axis=1)
        score = chosen[:, 4] * chosen[np.arange(len(chosen)), _BEFORE_CLASSES + class_id]
        xyxy = self._boxes(chosen, self._cells[candidates], decoded=self._is_decoded(rows))
        return Boxes(xyxy, score, class_id)

    def _boxes(
        self, rows: NDArray[np.float32], cells: NDArray[np.float32], decoded: bool
    ) -> NDArray[np.float32]:
        """(N, 4) xyxy in network pixels, centres at whole numbers."""
        centre, size = rows[:, :2], rows[:, 2:4]
        if not decoded:
            stride = cells[:, 2:]
            centre = (centre + cells[:, :2]) * stride
            size = np.exp(size) * stride
        # YOLOX measures from the image's corner, where pixel centres lie at halves.
        centre = centre - np.float32(0.5)
        half = size * np.float32(0.5)
        xyxy: NDArray[np.float32] = np.concatenate([centre - half, centre + half], axis=1)
        return xyxy

    def _is_decoded(self, rows: NDArray[np.float32]) -> bool:
        """Whether centres are pixels already and spread over the image; else they lie within a cell or two.

        Exports of both kinds have the same shape and say nothing of it.
        """
        return bool(np.median(rows[::16, 0]) > self._network_width / 8)


def _cells(image_input: ImageInput) -> NDArray[np.float32]:
    """(A, 3): column, row and stride of each cell, in the order of the network's rows."""
    grids = []
    for stride in STRIDES:
        row, column = np.mgrid[: image_input.height // stride, : image_input.width // stride]
        grids.append(np.stack([column.ravel(), row.ravel(), np.full(row.size, stride)], axis=1))
    cells: NDArray[np.float32] = np.concatenate(grids).astype(np.float32)
    return cells
