"""The YOLOv5 family (v5 and v7): three anchors a cell, with objectness.

Jocher, YOLOv5, doi:10.5281/zenodo.3908559; Wang et al., YOLOv7, arXiv:2207.02696. Two forms are exported:
decoded, (batch, anchors x cells, 5 + classes) in network pixels; and raw heads, one output a stride,
(batch, anchors, rows, columns, 5 + classes) or (batch, anchors x (5 + classes), rows, columns), where with
the sigmoid s of each number

    centre = (2 s_uv - 0.5 + cell) * stride,    size = (2 s_wh)^2 * anchor.

Segmentation networks add mask coefficients behind the classes, and the masks as one more output.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.decoders.box_decoder import BoxDecoder, in_float32
from stream_infer_ros.inference.decoders.box_selection import Boxes
from stream_infer_ros.inference.decoders.grid import centred, strides_of
from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.decoders.yolov5_heads import RawHeads, raw_heads
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.model_card import ModelCard, names_of_classes
from stream_infer_ros.inference.model_metadata import is_ultralytics
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo

ANCHORS_A_CELL = 3
_BEFORE_CLASSES = 5  # centre u, v, width, height, objectness


def is_yolov5(io: EngineIo) -> bool:
    """Whether an output has three rows for each cell of the usual grids, or there is one raw head a grid."""
    return decoded_output(io) is not None or bool(raw_heads(io))


def yolov5_classes(io: EngineIo) -> int | None:
    """How many classes its rows tell of; None where the file does not tell."""
    output = decoded_output(io)
    if output is None:
        heads = raw_heads(io)
        return heads[0].fields - _BEFORE_CLASSES if heads else None
    return None if output.shape[2] < 0 else output.shape[2] - _BEFORE_CLASSES - _masks(io)


def claims_yolov5(io: EngineIo) -> bool:
    """Whether the exporter of YOLOv5's own repository wrote the file: names and stride, and nothing else."""
    return {'names', 'stride'} <= set(io.metadata) and not is_ultralytics(io.metadata)


class Yolov5Decoder(BoxDecoder):
    """Boxes; masks are left aside."""

    takes_half = True

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        """Raises ConfigError or ModelError if classes are not as many as names, or raw heads lack anchors."""
        output = decoded_output(io)
        self._output = output.name if output is not None else ''
        self._raw = RawHeads(io, card) if output is None else None
        classes = yolov5_classes(io)
        if classes is None:
            raise ModelError(
                f'expected output of a YOLOv5 network with a known number of fields, got {io.outputs[0]}; '
                f'export the network again'
            )
        self._classes_end = _BEFORE_CLASSES + classes
        super().__init__(config, io, card, names_of_classes(card, config, classes))

    def boxes(self, outputs: dict[str, NDArray[Any]], thresholds: Thresholds) -> Boxes:
        """See BoxDecoder."""
        rows = outputs[self._output] if self._raw is None else self._raw.rows(outputs, thresholds.passing)
        # A score is objectness times class probability, so objectness alone rules out nearly all rows.
        chosen = in_float32(rows[thresholds.passing(in_float32(rows[:, 4]))])
        classes = chosen[:, _BEFORE_CLASSES : self._classes_end]
        class_id = classes.argmax(axis=1)
        score = chosen[:, 4] * classes[np.arange(len(chosen)), class_id]
        return Boxes(centred(chosen), score, class_id)


def decoded_output(io: EngineIo) -> TensorInfo | None:
    """The output that is decoded in the graph, if any; older exports have the raw heads beside it."""
    image_input = ImageInput.of(io)
    for tensor in io.outputs:
        if len(tensor.shape) != 3 or -1 < tensor.shape[2] <= _BEFORE_CLASSES + _masks(io):
            continue
        rows = tensor.shape[1]
        if rows < 0 or strides_of(image_input.height, image_input.width, rows, ANCHORS_A_CELL):
            return tensor
    return None


def _masks(io: EngineIo) -> int:
    """Mask coefficients behind the classes: as many as the output of masks has channels."""
    if len(io.outputs) != 2 or len(io.outputs[1].shape) != 4:
        return 0
    return max(0, io.outputs[1].shape[1])
