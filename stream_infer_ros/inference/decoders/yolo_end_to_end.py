"""YOLO networks that select the boxes in the graph: v10 and 26, or any that was exported with `nms=True`.

Wang et al., YOLOv10: Real-Time End-to-End Object Detection, arXiv:2405.14458; Jocher et al., Ultralytics
YOLO, https://github.com/ultralytics/ultralytics. The output is (batch, boxes, 6): left, top, right, bottom in
network pixels, score, class. Segmentation and pose networks add values behind them. Unused rows have score 0.
"""

from __future__ import annotations

import numpy as np

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.inference.decoders.box_decoder import BoxDecoder
from stream_infer_ros.inference.decoders.box_selection import Boxes
from stream_infer_ros.inference.decoders.decoder import Outputs
from stream_infer_ros.inference.decoders.grid import MOST_SELECTED, count_cells
from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.model_card import UNIT, ModelCard
from stream_infer_ros.inference.model_metadata import keypoint_channels, selects_boxes
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo

_FIELDS = 6


class YoloEndToEndDecoder(BoxDecoder):
    """Decoder of boxes; masks and keypoints are not read."""

    default_card = ModelCard('yolo_end_to_end', normalisation=UNIT)
    output_layout = 'one (batch, boxes, 6): x0, y0, x1, y1, score, class'
    suppresses = False

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        super().__init__(config, io, card)
        output = _rows(io)
        assert output is not None
        self._output = output.name

    @classmethod
    def recognises(cls, io: EngineIo) -> bool:
        return _rows(io) is not None

    @classmethod
    def is_certain(cls, io: EngineIo) -> bool:
        return selects_boxes(io.metadata)

    def boxes(self, outputs: Outputs, thresholds: Thresholds) -> Boxes:
        rows = outputs[self._output]
        # The network measures from the corner of the image, so that pixel centres are at halves.
        return Boxes(rows[:, :4] - np.float32(0.5), rows[:, 4], rows[:, 5])


def _rows(io: EngineIo) -> TensorInfo | None:
    """Return the output with at most MOST_SELECTED rows of boxes; None if there is none."""
    flat = [tensor for tensor in io.outputs if len(tensor.shape) == 3]
    masks = [tensor for tensor in io.outputs if len(tensor.shape) == 4]
    if len(flat) != 1 or len(masks) > 1 or len(io.outputs) != len(flat) + len(masks):
        return None
    (output,) = flat
    _, boxes, fields = output.shape
    extra = keypoint_channels(io.metadata) + (max(0, masks[0].shape[1]) if masks else 0)
    if fields != _FIELDS + extra and not (fields < 0 and selects_boxes(io.metadata)):
        return None
    image_input = ImageInput.of(io)
    grid = count_cells(image_input.height, image_input.width, (8, 16, 32))
    return None if boxes > MOST_SELECTED or boxes == grid else output
