"""YOLO networks that pick the best boxes themselves: v10 and 26, or any exported with `nms=True`.

Wang et al., YOLOv10: Real-Time End-to-End Object Detection, arXiv:2405.14458; Jocher et al., Ultralytics
YOLO, https://github.com/ultralytics/ultralytics. One output (batch, boxes, 6): left, top, right, bottom in
network pixels, score, class; segmentation and pose networks add numbers behind. What is not filled has
score 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.decoders.box_decoder import BoxDecoder
from stream_infer_ros.inference.decoders.box_selection import Boxes
from stream_infer_ros.inference.decoders.grid import MOST_PICKED, count_cells
from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.model_card import ModelCard
from stream_infer_ros.inference.model_metadata import has_boxes_inside, keypoint_channels
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo

_FIELDS = 6


def is_yolo_end_to_end(io: EngineIo) -> bool:
    """Whether there is one output of at most 1000 rows of six numbers (and keypoints or masks)."""
    return _output(io) is not None


def claims_yolo_end_to_end(io: EngineIo) -> bool:
    """Whether Ultralytics' exporter wrote that the best boxes are picked in the graph."""
    return has_boxes_inside(io.metadata)


class YoloEndToEndDecoder(BoxDecoder):
    """Boxes, which nothing suppresses any more; masks and keypoints are left aside."""

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        """Raises ModelError if nobody tells the names of the classes: the output does not tell how many."""
        output = _output(io)
        if output is None or not card.class_names:
            raise ModelError(
                'expected class names for a YOLO network that picks its boxes itself, got none, and its '
                'output does not tell how many classes there are; set model.class_names_file or model.card'
            )
        self._output = output.name
        super().__init__(config, io, card, card.class_names, suppress=False)

    def boxes(self, outputs: dict[str, NDArray[Any]], thresholds: Thresholds) -> Boxes:
        """See BoxDecoder."""
        rows = outputs[self._output]
        # Measured from the image's corner, where pixel centres lie at halves.
        return Boxes(rows[:, :4] - np.float32(0.5), rows[:, 4], rows[:, 5])


def _output(io: EngineIo) -> TensorInfo | None:
    flat = [tensor for tensor in io.outputs if len(tensor.shape) == 3]
    masks = [tensor for tensor in io.outputs if len(tensor.shape) == 4]
    if len(flat) != 1 or len(masks) > 1 or len(io.outputs) != len(flat) + len(masks):
        return None
    (output,) = flat
    _, boxes, fields = output.shape
    extra = keypoint_channels(io.metadata) + (max(0, masks[0].shape[1]) if masks else 0)
    if fields != _FIELDS + extra and not (fields < 0 and claims_yolo_end_to_end(io)):
        return None
    image_input = ImageInput.of(io)
    grid = count_cells(image_input.height, image_input.width, (8, 16, 32))
    return None if boxes > MOST_PICKED or boxes == grid else output
