"""The YOLOv8 family (v8, v9, 11, 12, YOLO-World): one output with a column for each cell, without objectness.

Jocher et al., Ultralytics YOLO, https://github.com/ultralytics/ultralytics; Wang et al., YOLOv9,
arXiv:2402.13616; Tian et al., YOLOv12, arXiv:2502.12524. The exported head returns centre and size in pixels
and a sigmoid for each class. Segmentation and pose networks add mask coefficients or keypoints behind them.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.decoders.box_decoder import BoxDecoder
from stream_infer_ros.inference.decoders.box_selection import Boxes
from stream_infer_ros.inference.decoders.decoder import Outputs
from stream_infer_ros.inference.decoders.grid import corners, strides_of
from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.model_card import UNIT, ModelCard
from stream_infer_ros.inference.model_metadata import is_ultralytics, keypoint_channels, selects_boxes
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo

_BEFORE_CLASSES = 4  # centre u, v, width, height


class Yolov8Decoder(BoxDecoder):
    """Decoder of boxes; masks and keypoints are not read."""

    default_card = ModelCard('yolov8', normalisation=UNIT)
    output_layout = 'one (batch, 4 + classes, cells), or the same as (batch, cells, 4 + classes)'

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        super().__init__(config, io, card)
        head = _head(io)
        assert head is not None
        self._head = head
        self._classes_end = _BEFORE_CLASSES + len(self.class_names)

    @classmethod
    def recognises(cls, io: EngineIo) -> bool:
        return _head(io) is not None

    @classmethod
    def is_certain(cls, io: EngineIo) -> bool:
        if 'rtdetr' in io.metadata.get('description', '').lower():
            return False
        return is_ultralytics(io.metadata) and not selects_boxes(io.metadata)

    @classmethod
    def class_count(cls, io: EngineIo) -> int | None:
        head = _head(io)
        return None if head is None or head.channels < 0 else head.channels - _BEFORE_CLASSES - head.extra

    def boxes(self, outputs: Outputs, thresholds: Thresholds) -> Boxes:
        """Raises ModelError if the number of channels does not fit the class names."""
        columns = outputs[self._head.output.name]
        if self._head.rows:
            columns = cv2.transpose(columns)  # three times as fast as reading a transposed numpy view
        if len(columns) != self._classes_end + self._head.extra:
            raise ModelError(
                f'expected {self._classes_end + self._head.extra} channels in a YOLOv8 output, for '
                f'{len(self.class_names)} class names, got {len(columns)}; set model.class_names_file'
            )
        scores = columns[_BEFORE_CLASSES : self._classes_end]
        # The maximum is NaN where one of the scores is, so that `select` counts the box as invalid.
        best = scores.max(axis=0)
        candidates = thresholds.passing(best)
        class_id = scores[:, candidates].argmax(axis=0)
        return Boxes(corners(columns[:4, candidates].T), best[candidates], class_id)


class _Head(NamedTuple):
    """The output with the boxes, and its layout.

    Attributes:
        output: (batch, channels, cells), or (batch, cells, channels) if `rows`.
        channels: number of values for each cell, -1 if dynamic.
        extra: number of the values behind the classes.
    """

    output: TensorInfo
    rows: bool
    channels: int
    extra: int


def _head(io: EngineIo) -> _Head | None:
    """Return the output with the boxes; None if there is none."""
    flat = [tensor for tensor in io.outputs if len(tensor.shape) == 3]
    masks = [tensor for tensor in io.outputs if len(tensor.shape) == 4]
    if len(flat) != 1 or len(masks) > 1 or len(io.outputs) != len(flat) + len(masks):
        return None
    (output,) = flat
    extra = keypoint_channels(io.metadata) + (max(0, masks[0].shape[1]) if masks else 0)
    image_input = ImageInput.of(io)
    for rows in (False, True):
        channels, cells = output.shape[:0:-1] if rows else output.shape[1:]
        fits = cells < 0 or bool(strides_of(image_input.height, image_input.width, cells))
        if fits and (channels < 0 or channels > _BEFORE_CLASSES + extra):
            return _Head(output, rows, channels, extra)
    return None
