"""Networks with suppression in the graph, by the layouts their exporters use.

EfficientNMS: NVIDIA TensorRT's EfficientNMS_TRT plugin and what imitates it.
Rows of seven: YOLOv7's end-to-end export, github.com/WongKinYiu/yolov7 models/experimental.py, ONNX_ORT.
Boxes of five: mmdeploy's `dets` and `labels`. Rows of six with a count: PaddleDetection's multiclass_nms3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.inference.decoders.box_selection import Boxes
from stream_infer_ros.inference.decoders.decoder import Decoder
from stream_infer_ros.inference.decoders.grid import MOST_PICKED
from stream_infer_ros.inference.decoders.ready_boxes import ReadyBoxesDecoder
from stream_infer_ros.inference.model_card import ModelCard
from stream_infer_ros.inference.network_io import EngineIo

_EFFICIENT = ('num_dets', 'det_boxes', 'det_scores', 'det_classes')
_ROW = 7  # image, left, top, right, bottom, class, score
_PADDLE_ROW = 6  # class, score, left, top, right, bottom


def is_efficient_nms(io: EngineIo) -> bool:
    """Whether there are num_dets (batch, 1), det_boxes (batch, N, 4), det_scores, det_classes (batch, N)."""
    ranks = [len(tensor.shape) for name in _EFFICIENT if (tensor := io.output(name))]
    return ranks[1:] == [3, 2, 2] and ranks[0] in (1, 2)


def is_nms_rows(io: EngineIo) -> bool:
    """Whether there is one output of rows of seven, over the batch or by image."""
    if len(io.outputs) != 1 or io.outputs[0].shape[-1:] != (_ROW,):
        return False
    shape = io.outputs[0].shape
    return len(shape) == 2 or (len(shape) == 3 and shape[1] <= MOST_PICKED)


def is_mmdeploy(io: EngineIo) -> bool:
    """Whether there are dets (batch, N, 5) and labels (batch, N)."""
    dets, labels = io.output('dets'), io.output('labels')
    if dets is None or labels is None:
        return False
    return len(dets.shape) == 3 and dets.shape[2] == 5 and len(labels.shape) == 2


def is_paddle_nms(io: EngineIo) -> bool:
    """Whether there are rows of six (N, 6) and a number of them (batch,)."""
    shapes = sorted((tensor.shape for tensor in io.outputs), key=len)
    return [len(shape) for shape in shapes] == [1, 2] and shapes[1][1] == _PADDLE_ROW


def efficient_nms_decoder(config: ModelConfig, io: EngineIo, card: ModelCard) -> Decoder:
    """Raises ModelError without names."""
    return ReadyBoxesDecoder(config, io, card, _efficient)


def nms_rows_decoder(config: ModelConfig, io: EngineIo, card: ModelCard) -> Decoder:
    """Raises ModelError without names."""
    name = io.outputs[0].name
    return ReadyBoxesDecoder(config, io, card, lambda outputs: _rows(outputs[name]))


def mmdeploy_decoder(config: ModelConfig, io: EngineIo, card: ModelCard) -> Decoder:
    """Raises ModelError without names."""
    return ReadyBoxesDecoder(config, io, card, _mmdeploy)


def paddle_nms_decoder(config: ModelConfig, io: EngineIo, card: ModelCard) -> Decoder:
    """Raises ModelError without names."""
    (name,) = (tensor.name for tensor in io.outputs if len(tensor.shape) == 2)
    return ReadyBoxesDecoder(config, io, card, lambda outputs: _paddle(outputs[name]))


def _efficient(outputs: Mapping[str, NDArray[Any]]) -> Boxes:
    count, boxes, scores, classes = (outputs[name] for name in _EFFICIENT)
    # What lies behind the last box is whatever was in the memory.
    found = slice(0, max(int(count.reshape(-1)[0]), 0))
    return Boxes(boxes[found], scores[found], classes[found])


def _rows(rows: NDArray[np.float32]) -> Boxes:
    return Boxes(rows[:, 1:5], rows[:, 6], rows[:, 5])


def _mmdeploy(outputs: Mapping[str, NDArray[Any]]) -> Boxes:
    dets = outputs['dets']
    return Boxes(dets[:, :4], dets[:, 4], outputs['labels'])


def _paddle(rows: NDArray[np.float32]) -> Boxes:
    return Boxes(rows[:, 2:6], rows[:, 1], rows[:, 0])
