"""Boxes, labels and scores as torchvision, TensorFlow and the SSD of the ONNX model zoo return them.

torchvision.models.detection (SSD, Faster R-CNN, FCOS, RetinaNet): pixels of the input; label 0 is background.
TensorFlow Object Detection API, exporter_main_v2: top, left, bottom, right as fractions of the input; labels
from 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.inference.decoders.box_selection import Boxes
from stream_infer_ros.inference.decoders.decoder import Outputs
from stream_infer_ros.inference.decoders.postprocessed import PostprocessedDecoder
from stream_infer_ros.inference.model_card import UNIT, ModelCard
from stream_infer_ros.inference.network_io import EngineIo
from stream_infer_ros.inference.unbatched_outputs import unbatched_outputs

# The second name is that of the ONNX model zoo.
_BOX_NAMES = ('boxes', 'bboxes')
_TENSORFLOW = ('detection_boxes', 'detection_classes', 'detection_scores')


class TorchvisionDecoder(PostprocessedDecoder):
    """Boxes, labels and scores, batched or of one image."""

    default_card = ModelCard('torchvision', normalisation=UNIT)
    output_layout = 'boxes (N, 4), labels (N), scores (N), perhaps with a batch dimension'
    labels_from_background = True

    @classmethod
    def recognises(cls, io: EngineIo) -> bool:
        return has_labelled_boxes(io)

    @classmethod
    def is_certain(cls, io: EngineIo) -> bool:
        return is_certainly_torchvision(io)

    def read(self, outputs: Outputs) -> Boxes:
        return labelled_boxes(outputs)


class TensorflowDecoder(PostprocessedDecoder):
    """Outputs under the names of the Object Detection API. Unused rows have score 0."""

    default_card = ModelCard('tensorflow', fit='stretch')
    output_layout = 'detection_boxes (batch, N, 4), detection_classes and detection_scores (batch, N)'
    labels_from_background = True

    @classmethod
    def recognises(cls, io: EngineIo) -> bool:
        tensors = [io.output(name) for name in _TENSORFLOW]
        return [len(tensor.shape) for tensor in tensors if tensor] == [3, 2, 2]

    @classmethod
    def is_certain(cls, io: EngineIo) -> bool:
        return True

    def read(self, outputs: Outputs) -> Boxes:
        boxes, classes, scores = (outputs[name] for name in _TENSORFLOW)
        xyxy: NDArray[np.float32] = boxes[:, [1, 0, 3, 2]]
        return Boxes(xyxy, scores, classes)


def has_labelled_boxes(io: EngineIo) -> bool:
    """Return True for boxes (.., N, 4), labels (.., N) and scores (.., N), batched or of one image."""
    if (boxes := _boxes_name(io)) is None:
        return False
    ranks = [len(tensor.shape) for name in (boxes, 'labels', 'scores') if (tensor := io.output(name))]
    return ranks in ([2, 1, 1], [3, 2, 2])


def is_certainly_torchvision(io: EngineIo) -> bool:
    """Return True for labelled boxes of one image, or with the names of the model zoo."""
    return _boxes_name(io) == 'bboxes' or bool(unbatched_outputs(io))


def labelled_boxes(outputs: Outputs) -> Boxes:
    """Return the boxes, scores and labels of one image."""
    boxes, zoo_boxes = _BOX_NAMES
    return Boxes(outputs[boxes if boxes in outputs else zoo_boxes], outputs['scores'], outputs['labels'])


def _boxes_name(io: EngineIo) -> str | None:
    if io.output('labels') is None or io.output('scores') is None:
        return None
    for name in _BOX_NAMES:
        tensor = io.output(name)
        if tensor is not None and tensor.shape[-1:] in ((4,), (-1,)):
            return name
    return None
