"""Networks with suppression in the graph, in the layouts of their exporters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.inference.decoders.box_selection import Boxes
from stream_infer_ros.inference.decoders.decoder import Outputs
from stream_infer_ros.inference.decoders.grid import MOST_SELECTED
from stream_infer_ros.inference.decoders.postprocessed import PostprocessedDecoder
from stream_infer_ros.inference.model_card import IMAGENET, UNIT, ModelCard
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo

# Count, boxes, scores and classes: the names of TensorRT's plugin, and those of super-gradients (YOLO-NAS),
# which may have a prefix such as `graph2_`.
_EFFICIENT_NMS = (
    ('num_dets', 'det_boxes', 'det_scores', 'det_classes'),
    ('num_predictions', 'pred_boxes', 'pred_scores', 'pred_classes'),
)
_FLAT = 'flat_predictions'  # super-gradients' name of rows with the score before the class
_ROW = 7  # image, left, top, right, bottom, class, score
_PADDLE_ROW = 6  # class, score, left, top, right, bottom


class EfficientNmsDecoder(PostprocessedDecoder):
    """NVIDIA TensorRT's EfficientNMS_TRT plugin, and exporters that imitate it.

    One of them is super-gradients with `DetectionOutputFormatMode.BATCH_FORMAT`
    (github.com/Deci-AI/super-gradients, documentation/source/models_export.md).
    """

    default_card = ModelCard('efficient_nms', normalisation=UNIT)
    output_layout = (
        'num_dets (batch, 1), det_boxes (batch, N, 4), det_scores and det_classes (batch, N), or the same as '
        'num_predictions and pred_...'
    )

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        super().__init__(config, io, card)
        self._names = tuple(tensor.name for tensor in _efficient_nms(io))

    @classmethod
    def recognises(cls, io: EngineIo) -> bool:
        return bool(_efficient_nms(io))

    @classmethod
    def is_certain(cls, io: EngineIo) -> bool:
        return True

    def read(self, outputs: Outputs) -> Boxes:
        count, boxes, scores, classes = (outputs[name] for name in self._names)
        # The rows behind the last box contain uninitialised memory.
        found = slice(0, max(int(count.reshape(-1)[0]), 0))
        return Boxes(boxes[found], scores[found], classes[found])


class NmsRowsDecoder(PostprocessedDecoder):
    """Rows of YOLOv7 (github.com/WongKinYiu/yolov7, models/experimental.py, ONNX_ORT) or of YOLO-NAS.

    YOLO-NAS (super-gradients, `DetectionOutputFormatMode.FLAT_FORMAT`) has the score before the class. If the
    name of the output does not show the order, the values do: classes are whole numbers.
    """

    default_card = ModelCard('nms_rows', normalisation=UNIT)
    output_layout = 'one (N, 7): image, x0, y0, x1, y1, then class and score, or score and class'

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        super().__init__(config, io, card)
        self._output = io.outputs[0].name

    @classmethod
    def recognises(cls, io: EngineIo) -> bool:
        if len(io.outputs) != 1 or io.outputs[0].shape[-1:] != (_ROW,):
            return False
        shape = io.outputs[0].shape
        return len(shape) == 2 or (len(shape) == 3 and shape[1] <= MOST_SELECTED)

    def read(self, outputs: Outputs) -> Boxes:
        rows = outputs[self._output]
        flat = _FLAT in self._output or (_are_classes(rows[:, 6]) and not _are_classes(rows[:, 5]))
        score, class_id = (5, 6) if flat else (6, 5)
        return Boxes(rows[:, 1:5], rows[:, score], rows[:, class_id])


def _efficient_nms(io: EngineIo) -> tuple[TensorInfo, ...]:
    """Return count, boxes, scores and classes; nothing if the outputs are others."""
    for names in _EFFICIENT_NMS:
        found = [tensor for name in names for tensor in io.outputs if tensor.name.endswith(name)]
        ranks = [len(tensor.shape) for tensor in found]
        if ranks[1:] == [3, 2, 2] and ranks[0] in (1, 2):
            return tuple(found)
    return ()


def _are_classes(values: NDArray[np.float32]) -> bool:
    return bool((values == np.rint(values)).all())


class MmdeployDecoder(PostprocessedDecoder):
    """The export of mmdeploy (github.com/open-mmlab/mmdeploy)."""

    default_card = ModelCard('mmdeploy', normalisation=IMAGENET, fit='corner', padding=0)
    output_layout = 'dets (batch, N, 5): x0, y0, x1, y1, score, and labels (batch, N)'

    @classmethod
    def recognises(cls, io: EngineIo) -> bool:
        dets, labels = io.output('dets'), io.output('labels')
        if dets is None or labels is None:
            return False
        return len(dets.shape) == 3 and dets.shape[2] == 5 and len(labels.shape) == 2

    def read(self, outputs: Outputs) -> Boxes:
        dets = outputs['dets']
        return Boxes(dets[:, :4], dets[:, 4], outputs['labels'])


class PaddleNmsDecoder(PostprocessedDecoder):
    """PaddleDetection's multiclass_nms3: rows, and the number of them."""

    default_card = ModelCard('paddle_nms', normalisation=IMAGENET, fit='stretch')
    output_layout = 'one (N, 6): class, score, x0, y0, x1, y1, and a count (batch)'

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        super().__init__(config, io, card)
        (self._output,) = (tensor.name for tensor in io.outputs if len(tensor.shape) == 2)

    @classmethod
    def recognises(cls, io: EngineIo) -> bool:
        shapes = sorted((tensor.shape for tensor in io.outputs), key=len)
        return [len(shape) for shape in shapes] == [1, 2] and shapes[1][1] == _PADDLE_ROW

    def read(self, outputs: Outputs) -> Boxes:
        rows = outputs[self._output]
        return Boxes(rows[:, 2:6], rows[:, 1], rows[:, 0])
