"""Boxes, labels and scores as torchvision, TensorFlow and the ONNX model zoo's SSD give them.

torchvision.models.detection (SSD, Faster R-CNN, FCOS, RetinaNet): pixels of the input; label 0 is background.
TensorFlow Object Detection API, exporter_main_v2: top, left, bottom, right in parts of the input; labels
from 1. RT-DETR, D-FINE and DEIM with their post-processing inside (tools/deployment/export_onnx.py of each):
pixels of what `orig_target_sizes` says, labels from 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.inference.decoders.box_selection import Boxes
from stream_infer_ros.inference.decoders.decoder import Decoder
from stream_infer_ros.inference.decoders.ready_boxes import ReadyBoxesDecoder
from stream_infer_ros.inference.loose_outputs import loose_outputs
from stream_infer_ros.inference.model_card import ModelCard
from stream_infer_ros.inference.network_io import EngineIo

_BOX_NAMES = ('boxes', 'bboxes')
# What lists that count from the background call it; lists of COCO's categories have no name for number 0.
_BACKGROUND = ('__background__', 'background', 'bg', 'n/a')
_TENSORFLOW = ('detection_boxes', 'detection_classes', 'detection_scores')


def is_torchvision(io: EngineIo) -> bool:
    """Whether there are boxes (.., N, 4), labels (.., N) and scores (.., N), batched or of one image."""
    boxes = _boxes_name(io)
    if not boxes:
        return False
    ranks = [len(tensor.shape) for name in (boxes, 'labels', 'scores') if (tensor := io.output(name))]
    return ranks in ([2, 1, 1], [3, 2, 2])


def is_surely_torchvision(io: EngineIo) -> bool:
    """The same, of one image, or under the model zoo's name."""
    boxes = _boxes_name(io)
    return is_torchvision(io) and (boxes == 'bboxes' or bool(loose_outputs(io)))


def is_detr_with_labels(io: EngineIo) -> bool:
    """Whether there are batched `boxes`, `labels` and `scores`, and an input for what they are scaled to.

    Without it they may be anybody's, whose labels count from the background.
    """
    is_scaled = any(tensor.name == 'orig_target_sizes' for tensor in io.inputs)
    return is_torchvision(io) and not is_surely_torchvision(io) and is_scaled


def is_tensorflow(io: EngineIo) -> bool:
    """Whether there are boxes (batch, N, 4), classes and scores under the Object Detection API's names."""
    tensors = [io.output(name) for name in _TENSORFLOW]
    return [len(tensor.shape) for tensor in tensors if tensor] == [3, 2, 2]


def torchvision_decoder(config: ModelConfig, io: EngineIo, card: ModelCard) -> Decoder:
    """Labels count from the background; the names may leave it out. Raises ModelError without names."""
    boxes = _boxes_name(io)
    return ReadyBoxesDecoder(
        config, io, card, lambda outputs: _named(outputs, boxes), first_label=_first_label(card)
    )


def detr_with_labels_decoder(config: ModelConfig, io: EngineIo, card: ModelCard) -> Decoder:
    """Labels count from the first class. Raises ModelError without names."""
    boxes = _boxes_name(io)
    return ReadyBoxesDecoder(config, io, card, lambda outputs: _named(outputs, boxes))


def tensorflow_decoder(config: ModelConfig, io: EngineIo, card: ModelCard) -> Decoder:
    """Labels count from the background, as torchvision's. How many boxes there are, their scores tell.

    Raises ModelError without names.
    """
    return ReadyBoxesDecoder(config, io, card, _tensorflow, first_label=_first_label(card))


def _first_label(card: ModelCard) -> int:
    """Label of the first class that has a name: 0 where the background has one, else 1."""
    if card.background is not None:
        return 0
    return 0 if card.class_names and card.class_names[0].lower() in _BACKGROUND else 1


def _boxes_name(io: EngineIo) -> str:
    if io.output('labels') is None or io.output('scores') is None:
        return ''
    for name in _BOX_NAMES:
        tensor = io.output(name)
        if tensor is not None and tensor.shape[-1:] in ((4,), (-1,)):
            return name
    return ''


def _named(outputs: Mapping[str, NDArray[Any]], boxes: str) -> Boxes:
    return Boxes(outputs[boxes], outputs['scores'], outputs['labels'])


def _tensorflow(outputs: Mapping[str, NDArray[Any]]) -> Boxes:
    boxes, classes, scores = (outputs[name] for name in _TENSORFLOW)
    xyxy: NDArray[np.float32] = boxes[:, [1, 0, 3, 2]]
    return Boxes(xyxy, scores, classes)
