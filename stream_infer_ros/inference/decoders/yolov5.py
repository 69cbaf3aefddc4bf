"""The YOLOv5 family (v5 and v7), decoded in the graph: one row for each of three anchors of each cell.

Jocher, YOLOv5, doi:10.5281/zenodo.3908559; Wang et al., YOLOv7, arXiv:2207.02696. The output is
(batch, 3 x cells, 5 + classes) in network pixels. Segmentation networks add mask coefficients behind the
classes, and the masks as one more output. For exports without decoding see `yolov5_raw`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.decoders.box_decoder import BoxDecoder, in_float32
from stream_infer_ros.inference.decoders.box_selection import Boxes
from stream_infer_ros.inference.decoders.decoder import Outputs
from stream_infer_ros.inference.decoders.grid import corners, strides_of
from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.model_card import UNIT, ModelCard
from stream_infer_ros.inference.model_metadata import is_ultralytics
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo

ANCHORS_PER_CELL = 3
BEFORE_CLASSES = 5  # centre u, v, width, height, objectness


class Yolov5Decoder(BoxDecoder):
    """Decoder of boxes; masks are not read."""

    default_card = ModelCard('yolov5', normalisation=UNIT)
    output_layout = 'one (batch, 3 x cells, 5 + classes)'
    reads_float16 = True

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        output = decoded_output(io)
        classes = self.class_count(io)
        if output is None or classes is None:
            raise ModelError(
                f'expected output of a YOLOv5 network with a known number of fields, got {io.outputs[0]}; '
                f'export the network again'
            )
        super().__init__(config, io, card)
        self._output = output.name
        self._classes_end = BEFORE_CLASSES + classes

    @classmethod
    def recognises(cls, io: EngineIo) -> bool:
        return decoded_output(io) is not None

    @classmethod
    def is_certain(cls, io: EngineIo) -> bool:
        return is_from_yolov5_repository(io)

    @classmethod
    def class_count(cls, io: EngineIo) -> int | None:
        output = decoded_output(io)
        if output is None or output.shape[2] < 0:
            return None
        return output.shape[2] - BEFORE_CLASSES - _mask_coefficients(io)

    def boxes(self, outputs: Outputs, thresholds: Thresholds) -> Boxes:
        rows = outputs[self._output]
        # The score is objectness times class probability, so objectness alone excludes nearly all rows.
        chosen = in_float32(rows[thresholds.passing(in_float32(rows[:, 4]))])
        return scored_boxes(chosen[:, : self._classes_end])


def decoded_output(io: EngineIo) -> TensorInfo | None:
    """Return the output that is decoded in the graph, if any. Older exports have the raw heads beside it."""
    image_input = ImageInput.of(io)
    for tensor in io.outputs:
        if len(tensor.shape) != 3 or -1 < tensor.shape[2] <= BEFORE_CLASSES + _mask_coefficients(io):
            continue
        rows = tensor.shape[1]
        if rows < 0 or strides_of(image_input.height, image_input.width, rows, ANCHORS_PER_CELL):
            return tensor
    return None


def is_from_yolov5_repository(io: EngineIo) -> bool:
    """Return True if the exporter of YOLOv5's own repository wrote the metadata: names and stride only."""
    return {'names', 'stride'} <= set(io.metadata) and not is_ultralytics(io.metadata)


def scored_boxes(rows: NDArray[np.float32]) -> Boxes:
    """Convert rows (N, 5 + classes) of centre, size, objectness and classes to the best class of each."""
    classes = rows[:, BEFORE_CLASSES:]
    class_id = classes.argmax(axis=1)
    score = rows[:, 4] * classes[np.arange(len(rows)), class_id]
    return Boxes(corners(rows), score, class_id)


def _mask_coefficients(io: EngineIo) -> int:
    """Return the number of mask coefficients behind the classes: the channels of the output with masks."""
    if len(io.outputs) != 2 or len(io.outputs[1].shape) != 4:
        return 0
    return max(0, io.outputs[1].shape[1])
