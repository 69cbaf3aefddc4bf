"""The YOLOv8 family (v8, v9, 11, 12, YOLO-World): one output, a column per cell, without objectness.

Jocher et al., Ultralytics YOLO, https://github.com/ultralytics/ultralytics; Wang et al., YOLOv9,
arXiv:2402.13616; Tian et al., YOLOv12, arXiv:2502.12524. The exported head gives centre and size in pixels
and a sigmoid per class; segmentation and pose networks add mask coefficients or keypoints behind the classes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
from numpy.typing import NDArray

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.decoders.box_decoder import BoxDecoder
from stream_infer_ros.inference.decoders.box_selection import Boxes
from stream_infer_ros.inference.decoders.grid import centred, strides_of
from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.model_card import ModelCard, names_of_classes
from stream_infer_ros.inference.model_metadata import (
    has_boxes_inside,
    is_ultralytics,
    keypoint_channels,
)
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo

_BEFORE_CLASSES = 4  # centre u, v, width, height


class _Head(NamedTuple):
    """Which output has the boxes, and how it lies.

    Attributes:
        output: (batch, channels, cells), or (batch, cells, channels) if `rows`.
        channels: numbers for each cell, -1 where the file does not tell.
        extra: of them, those behind the classes.
    """

    output: TensorInfo
    rows: bool
    channels: int
    extra: int


def is_yolov8(io: EngineIo) -> bool:
    """Whether an output has a column (or a row) for each cell of the usual grids."""
    return _head(io) is not None


def yolov8_classes(io: EngineIo) -> int | None:
    """How many classes its columns tell of; None where the file does not tell."""
    head = _head(io)
    return None if head is None or head.channels < 0 else head.channels - _BEFORE_CLASSES - head.extra


def claims_yolov8(io: EngineIo) -> bool:
    """Whether Ultralytics' exporter wrote the file, and left picking the best boxes to us."""
    if 'rtdetr' in io.metadata.get('description', '').lower():
        return False
    return is_ultralytics(io.metadata) and not has_boxes_inside(io.metadata)


class Yolov8Decoder(BoxDecoder):
    """Boxes; masks and keypoints are left aside."""

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        """Raises ConfigError or ModelError if there are not as many class names as classes."""
        head = _head(io)
        classes = len(card.class_names)
        if head is None or (head.channels < 0 and not classes):
            raise ModelError(
                f'expected output of a YOLOv8 network with a known number of channels, got {io.outputs[0]}; '
                f'set model.class_names_file'
            )
        self._head = head
        if head.channels >= 0:
            classes = head.channels - _BEFORE_CLASSES - head.extra
        self._classes_end = _BEFORE_CLASSES + classes
        super().__init__(config, io, card, names_of_classes(card, config, classes))

    def boxes(self, outputs: dict[str, NDArray[Any]], thresholds: Thresholds) -> Boxes:
        """See BoxDecoder. Raises ModelError if there are other channels than class names ask for."""
        columns = outputs[self._head.output.name]
        if self._head.rows:
            columns = cv2.transpose(columns)  # numpy would go through a view, three times as slow
        if len(columns) != self._classes_end + self._head.extra:
            raise ModelError(
                f'expected {self._classes_end + self._head.extra} channels in a YOLOv8 output, for '
                f'{len(self.class_names)} class names, got {len(columns)}; set model.class_names_file'
            )
        scores = columns[_BEFORE_CLASSES : self._classes_end]
        # The maximum is NaN where one of them is: such boxes are found, and counted, afterwards.
        best = scores.max(axis=0)
        candidates = thresholds.passing(best)
        class_id = scores[:, candidates].argmax(axis=0)
        return Boxes(centred(columns[:4, candidates].T), best[candidates], class_id)


def _head(io: EngineIo) -> _Head | None:
    """The output with the boxes; None if no output can be it."""
    flat = [tensor for tensor in io.outputs if len(tensor.shape) == 3]
    masks = [tensor for tensor in io.outputs if len(tensor.shape) == 4]
    if len(flat) != 1 or len(masks) > 1 or len(io.outputs) != len(flat) + len(masks):
        return None
    (output,) = flat
    extra = keypoint_channels(io.metadata) + (max(0, masks[0].shape[1]) if masks else 0)
    image_input = ImageInput.of(io)
    for rows in (False, True):
        channels, cells = output.shape[:0:-1] if rows else output.shape[1:]
        known = cells < 0 or bool(strides_of(image_input.height, image_input.width, cells))
        if known and (channels < 0 or channels > _BEFORE_CLASSES + extra):
            return _Head(output, rows, channels, extra)
    return None
