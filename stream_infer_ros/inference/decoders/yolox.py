"""The YOLOX family: one output, a row per anchor point, without anchors' sizes.

Ge et al., YOLOX: Exceeding YOLO Series in 2021, arXiv:2107.08430.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.detections import Detections, Perception
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.letterbox import Letterbox
from stream_infer_ros.inference.model_card import ModelCard, names_of_classes
from stream_infer_ros.inference.network_io import EngineIo
from stream_infer_ros.inference.nms import nms, plausible

STRIDES = (8, 16, 32)
_BEFORE_CLASSES = 5  # centre u, v, width, height, objectness


def is_yolox(io: EngineIo) -> bool:
    """Whether there is one output with a row for each cell of the grids at strides 8, 16 and 32."""
    if len(io.outputs) != 1 or len(io.outputs[0].shape) != 3:
        return False
    _, rows, fields = io.outputs[0].shape
    return fields > _BEFORE_CLASSES and rows in (-1, len(_cells(ImageInput.of(io))))


class YoloxDecoder:
    """Boxes only. Takes networks exported with or without the grid decoded inside."""

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        """Raises ConfigError or ModelError if there are not as many class names as classes."""
        self._output = io.outputs[0].name
        self._card = card
        self._class_names = names_of_classes(card, config, io.outputs[0].shape[2] - _BEFORE_CLASSES)
        self.retune(config)
        image_input = ImageInput.of(io)
        self._network_width = image_input.width
        self._cells = _cells(image_input)

    def retune(self, config: ModelConfig) -> None:
        """See Decoder."""
        self._score_threshold = config.score_threshold
        self._nms_iou = config.nms_iou

    @property
    def class_names(self) -> tuple[str, ...]:
        """See Decoder."""
        return self._class_names

    @property
    def card(self) -> ModelCard:
        """See Decoder."""
        return self._card

    def decode(self, outputs: dict[str, NDArray[Any]], letterboxes: Sequence[Letterbox]) -> list[Perception]:
        """See Decoder. Boxes that are not finite are left out.

        Raises ModelError if the output is not the shape the network announced.
        """
        rows = outputs[self._output]
        expected = (len(self._cells), _BEFORE_CLASSES + len(self._class_names))
        if rows.shape[1:] != expected:
            raise ModelError(
                f'expected YOLOX output (batch, {expected[0]}, {expected[1]}), got {rows.shape}; '
                f'export the network again, or name its family in model.family'
            )
        # Numbers that are not finite are found afterwards.
        with np.errstate(over='ignore', invalid='ignore'):
            return [
                Perception(self._detections(rows[index], letterbox))
                for index, letterbox in enumerate(letterboxes)
            ]

    def _detections(self, rows: NDArray[np.float32], letterbox: Letterbox) -> Detections:
        """Rows (A, 5 + classes) of one image."""
        # A score is objectness times class probability, so objectness alone rules out nearly all rows.
        candidates = np.flatnonzero(rows[:, 4] >= self._score_threshold)
        if not len(candidates):
            return Detections.empty(self._class_names)
        chosen = rows[candidates]
        class_id = chosen[:, _BEFORE_CLASSES:].argmax(axis=1).astype(np.int32)
        score = chosen[:, 4] * chosen[np.arange(len(chosen)), _BEFORE_CLASSES + class_id]
        xyxy = self._boxes(chosen, self._cells[candidates], decoded=self._is_decoded(rows))
        # A NaN fails every comparison.
        usable = (score >= self._score_threshold) & (score > 0.0) & (score <= 1.0)
        usable &= plausible(xyxy)
        xyxy, score, class_id = xyxy[usable], score[usable], class_id[usable]
        best = nms(xyxy, score, class_id, self._nms_iou)
        in_source = letterbox.boxes_to_source(xyxy[best])
        inside = (in_source[:, 2] > in_source[:, 0]) & (in_source[:, 3] > in_source[:, 1])
        best = best[inside]
        return Detections(in_source[inside], score[best], class_id[best], self._class_names)

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
