"""Networks with suppression in the graph, in the layouts of their exporters."""

from __future__ import annotations

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.inference.decoders.box_selection import Boxes
from stream_infer_ros.inference.decoders.decoder import Outputs
from stream_infer_ros.inference.decoders.grid import MOST_SELECTED
from stream_infer_ros.inference.decoders.postprocessed import PostprocessedDecoder
from stream_infer_ros.inference.model_card import IMAGENET, UNIT, ModelCard
from stream_infer_ros.inference.network_io import EngineIo

_EFFICIENT_NMS = ('num_dets', 'det_boxes', 'det_scores', 'det_classes')
_ROW = 7  # image, left, top, right, bottom, class, score
_PADDLE_ROW = 6  # class, score, left, top, right, bottom


class EfficientNmsDecoder(PostprocessedDecoder):
    """NVIDIA TensorRT's EfficientNMS_TRT plugin, and exporters that imitate it."""

    default_card = ModelCard('efficient_nms', normalisation=UNIT)
    output_layout = 'num_dets (batch, 1), det_boxes (batch, N, 4), det_scores and det_classes (batch, N)'

    @classmethod
    def recognises(cls, io: EngineIo) -> bool:
        ranks = [len(tensor.shape) for name in _EFFICIENT_NMS if (tensor := io.output(name))]
        return ranks[1:] == [3, 2, 2] and ranks[0] in (1, 2)

    @classmethod
    def is_certain(cls, io: EngineIo) -> bool:
        return True

    def read(self, outputs: Outputs) -> Boxes:
        count, boxes, scores, classes = (outputs[name] for name in _EFFICIENT_NMS)
        # The rows behind the last box contain uninitialised memory.
        found = slice(0, max(int(count.reshape(-1)[0]), 0))
        return Boxes(boxes[found], scores[found], classes[found])


class NmsRowsDecoder(PostprocessedDecoder):
    """YOLOv7's end-to-end export (github.com/WongKinYiu/yolov7, models/experimental.py, ONNX_ORT)."""

    default_card = ModelCard('nms_rows', normalisation=UNIT)
    output_layout = 'one (N, 7): image, x0, y0, x1, y1, class, score'

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
        return Boxes(rows[:, 1:5], rows[:, 6], rows[:, 5])


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
