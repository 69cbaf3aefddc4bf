"""Which of the DETRs a network is: their outputs look alike, and what they mean does not.

Three kinds are told apart. Softmax with a class "no object": DETR, YOLOS, Table Transformer. Sigmoid, pixels
0..1: RT-DETR, D-FINE. Sigmoid, pixels less a mean and over a std: RF-DETR, LW-DETR, Deformable, Conditional
and DAB-DETR. What tells: the names of the outputs, the number of class names against that of logits, and
what the published models have in common. Exporters may leave the number of queries free.
"""

from __future__ import annotations

from typing import NamedTuple

from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.model_metadata import class_names
from stream_infer_ros.inference.network_io import EngineIo, TensorInfo

# (boxes, logits) as exporters call them: optimum and transformers; the original repositories; RF-DETR.
_NAMES = (('pred_boxes', 'logits'), ('pred_boxes', 'pred_logits'), ('dets', 'labels'))
_RF_DETR = ('dets', 'labels')
# Numbers of queries of published softmax models (Table Transformer, DETR, YOLOS); the others have 300 and
# up, but for LW-DETR's smallest, which has 100.
_SOFTMAX_QUERIES = (15, 100, 125)
_LEAST_SIGMOID_QUERIES = 300
# Logits of models of COCO: RT-DETR and D-FINE count its 80 classes, the others go by its category numbers,
# up to 90, and softmax models have one more.
_COCO_CLASSES, _COCO_CATEGORIES = 80, 91
# Height and width that RT-DETR and D-FINE are trained and exported in. Of the other sigmoid models only
# LW-DETR is, too.
_RT_DETR_SIZE = (640, 640)


class QueryOutputs(NamedTuple):
    """The two outputs of a DETR."""

    boxes: TensorInfo
    logits: TensorInfo


def query_outputs(io: EngineIo) -> QueryOutputs | None:
    """The outputs that hold a box and logits for each query; None if this is no DETR."""
    for names in _NAMES:
        boxes, logits = (io.output(name) for name in names)
        if boxes is None or logits is None or len(boxes.shape) != 3 or len(logits.shape) != 3:
            continue
        if boxes.shape[2] == 4 and boxes.shape[1] == logits.shape[1] and logits.shape[2] > 0:
            return QueryOutputs(boxes, logits)
    return None


def query_classes(io: EngineIo, nothing: int = 0) -> int | None:
    """How many classes the logits are of, if `nothing` of them mean no object; None if this is no DETR."""
    found = query_outputs(io)
    return None if found is None else found.logits.shape[2] - nothing


def is_query_detector(io: EngineIo) -> bool:
    """Whether there are boxes and logits under any of the names in use."""
    return query_outputs(io) is not None


def is_rf_detr_export(io: EngineIo) -> bool:
    """Whether there are boxes and logits under RF-DETR's own names."""
    found = query_outputs(io)
    return found is not None and (found.boxes.name, found.logits.name) == _RF_DETR


def is_surely_softmax(io: EngineIo) -> bool:
    """Whether there are as many queries as the published models with a "no object" class have.

    As many class names as logits say otherwise, and so do numbers of logits that only sigmoid models have.
    """
    found = query_outputs(io)
    if found is None or is_rf_detr_export(io) or _names_without_logit(io, found) == 0:
        return False
    sigmoid = found.logits.shape[2] in (_COCO_CLASSES, _COCO_CATEGORIES)
    return found.boxes.shape[1] in _SOFTMAX_QUERIES and not sigmoid


def is_surely_rt_detr(io: EngineIo) -> bool:
    """Whether there are COCO's 80 classes, or sigmoid logits of other classes behind RT-DETR's input size."""
    found = query_outputs(io)
    if found is None or is_rf_detr_export(io) or _names_without_logit(io, found) == 1:
        return False
    logits = found.logits.shape[2]
    if logits in (_COCO_CLASSES, _COCO_CATEGORIES, _COCO_CATEGORIES + 1):
        return logits == _COCO_CLASSES
    image_input = ImageInput.of(io)
    is_sigmoid = found.boxes.shape[1] >= _LEAST_SIGMOID_QUERIES or _names_without_logit(io, found) == 0
    return is_sigmoid and (image_input.height, image_input.width) == _RT_DETR_SIZE


def is_surely_sigmoid_of_normalised(io: EngineIo) -> bool:
    """Whether this is RF-DETR's own export, or has logits of COCO's category numbers and no further."""
    found = query_outputs(io)
    if found is None or is_rf_detr_export(io):
        return found is not None
    missing = _names_without_logit(io, found)
    if found.logits.shape[2] != _COCO_CATEGORIES or missing == 1:
        return False
    return missing == 0 or found.boxes.shape[1] not in _SOFTMAX_QUERIES


def _names_without_logit(io: EngineIo, found: QueryOutputs) -> int | None:
    """Logits beyond the class names that the metadata tell; None if they tell none."""
    names = len(class_names(io.metadata))
    return found.logits.shape[2] - names if names else None
