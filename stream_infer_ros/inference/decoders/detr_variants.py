"""Telling the DETR variants apart: their outputs have the same shapes, but different meanings.

There are three kinds:

- Softmax with a class "no object": DETR, YOLOS, Table Transformer.
- Sigmoid, with pixels 0..1: RT-DETR, D-FINE.
- Sigmoid, with pixels normalised by mean and standard deviation: RF-DETR, LW-DETR, Deformable, Conditional
  and DAB-DETR.

The evidence is the names of the outputs, the number of class names compared with that of the logits, and what
the published models have in common. The number of queries can be dynamic.
"""

from __future__ import annotations

from typing import NamedTuple

from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.model_metadata import class_names
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo

# (boxes, logits) as exporters call them: optimum and transformers; the original repositories; RF-DETR.
_NAMES = (('pred_boxes', 'logits'), ('pred_boxes', 'pred_logits'), ('dets', 'labels'))
_RF_DETR = ('dets', 'labels')
# Numbers of queries of the published softmax models (Table Transformer, DETR, YOLOS). The others have at
# least 300, except for the smallest LW-DETR, which has 100.
_SOFTMAX_QUERIES = (15, 100, 125)
_LEAST_SIGMOID_QUERIES = 300
# Numbers of logits of models for COCO: RT-DETR and D-FINE have its 80 classes. The others use its category
# numbers, up to 90, and softmax models have one more.
_COCO_CLASSES, _COCO_CATEGORIES = 80, 91
# Height and width in which RT-DETR and D-FINE are trained and exported. Of the other sigmoid models, only
# LW-DETR uses this size, too.
_RT_DETR_SIZE = (640, 640)


class QueryOutputs(NamedTuple):
    """The two outputs of a DETR: a box, and the logits of its classes, for each query."""

    boxes: TensorInfo
    logits: TensorInfo


def query_outputs(io: EngineIo) -> QueryOutputs | None:
    """Return the boxes and logits of a DETR; None if this is not one."""
    for names in _NAMES:
        boxes, logits = (io.output(name) for name in names)
        if boxes is None or logits is None or len(boxes.shape) != 3 or len(logits.shape) != 3:
            continue
        if boxes.shape[2] == 4 and boxes.shape[1] == logits.shape[1] and logits.shape[2] > 0:
            return QueryOutputs(boxes, logits)
    return None


def is_rfdetr_export(io: EngineIo) -> bool:
    """Return True if boxes and logits have RF-DETR's own names."""
    found = query_outputs(io)
    return found is not None and (found.boxes.name, found.logits.name) == _RF_DETR


def is_certainly_softmax(io: EngineIo) -> bool:
    """Return True if there are as many queries as in the published models with a "no object" class.

    As many class names as logits, or a number of logits that only sigmoid models have, contradict this.
    """
    found = query_outputs(io)
    if found is None or is_rfdetr_export(io) or _logits_without_name(io, found) == 0:
        return False
    sigmoid = found.logits.shape[2] in (_COCO_CLASSES, _COCO_CATEGORIES)
    return found.boxes.shape[1] in _SOFTMAX_QUERIES and not sigmoid


def is_certainly_rtdetr(io: EngineIo) -> bool:
    """Return True for COCO's 80 classes, or for sigmoid logits of others with RT-DETR's input size."""
    found = query_outputs(io)
    if found is None or is_rfdetr_export(io) or _logits_without_name(io, found) == 1:
        return False
    logits = found.logits.shape[2]
    if logits in (_COCO_CLASSES, _COCO_CATEGORIES, _COCO_CATEGORIES + 1):
        return logits == _COCO_CLASSES
    image_input = ImageInput.of(io)
    is_sigmoid = found.boxes.shape[1] >= _LEAST_SIGMOID_QUERIES or _logits_without_name(io, found) == 0
    return is_sigmoid and (image_input.height, image_input.width) == _RT_DETR_SIZE


def is_certainly_rfdetr(io: EngineIo) -> bool:
    """Return True for RF-DETR's own export, and for logits that end with COCO's category numbers."""
    found = query_outputs(io)
    if found is None or is_rfdetr_export(io):
        return found is not None
    unnamed = _logits_without_name(io, found)
    if found.logits.shape[2] != _COCO_CATEGORIES or unnamed == 1:
        return False
    return unnamed == 0 or found.boxes.shape[1] not in _SOFTMAX_QUERIES


def _logits_without_name(io: EngineIo, found: QueryOutputs) -> int | None:
    """Return the number of logits minus the number of class names; None if the metadata have no names."""
    names = len(class_names(io.metadata))
    return found.logits.shape[2] - names if names else None
