"""The three exports of RT-DETR, and of D-FINE and DEIM after it.

Zhao et al., DETRs Beat YOLOs on Real-time Object Detection, arXiv:2304.08069. Hugging Face's: logits and
pred_boxes. The original repositories' (tools/deployment/export_onnx.py, or export_onnx.py): labels, boxes,
scores, with an input `orig_target_sizes`. Ultralytics': one output of boxes and probabilities side by side.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.decoders.box_selection import Boxes
from stream_infer_ros.inference.decoders.decoder import Decoder
from stream_infer_ros.inference.decoders.detr import SigmoidDetrDecoder
from stream_infer_ros.inference.decoders.ssd import (
    detr_with_labels_decoder,
    is_detr_with_labels,
    is_torchvision,
)
from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.decoders.which_detr import (
    is_query_detector,
    is_rf_detr_export,
    is_surely_rt_detr,
    query_classes,
)
from stream_infer_ros.inference.model_card import ModelCard
from stream_infer_ros.inference.network_io import EngineIo

_BOX_FIELDS = 4


def is_rtdetr(io: EngineIo) -> bool:
    """Whether the outputs are those of any of the three exports."""
    return (is_query_detector(io) and not is_rf_detr_export(io)) or is_torchvision(io) or _is_ultralytics(io)


def claims_rtdetr(io: EngineIo) -> bool:
    """Whether names, numbers or metadata leave no other family."""
    return is_surely_rt_detr(io) or is_detr_with_labels(io) or _is_ultralytics(io)


def rtdetr_classes(io: EngineIo) -> int | None:
    """How many classes the outputs tell of; None where they do not tell."""
    return io.outputs[0].shape[2] - _BOX_FIELDS if _is_ultralytics(io) else query_classes(io)


def rtdetr_decoder(config: ModelConfig, io: EngineIo, card: ModelCard) -> Decoder:
    """Raises ConfigError or ModelError if there are not as many class names as classes."""
    if is_torchvision(io):
        return detr_with_labels_decoder(config, io, card)
    return (
        JoinedDetrDecoder(config, io, card) if _is_ultralytics(io) else SigmoidDetrDecoder(config, io, card)
    )


class JoinedDetrDecoder(SigmoidDetrDecoder):
    """Boxes and probabilities in one output (batch, queries, 4 + classes)."""

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        """Raises ConfigError or ModelError if there are not as many class names as classes."""
        classes = rtdetr_classes(io)
        if classes is None:
            raise ModelError(f'expected one output of boxes and probabilities, got {io.outputs[0]}')
        self._set_up(config, io, card, classes)
        self._joined = io.outputs[0].name

    def boxes(self, outputs: dict[str, NDArray[Any]], thresholds: Thresholds) -> Boxes:
        """See BoxDecoder."""
        rows = outputs[self._joined]
        query, class_id, score = self._best_pairs(rows[:, _BOX_FIELDS:].copy(), thresholds)
        return Boxes(self._xyxy(rows[query, :_BOX_FIELDS]), score, class_id)


def _is_ultralytics(io: EngineIo) -> bool:
    if len(io.outputs) != 1 or 'rtdetr' not in io.metadata.get('description', '').lower():
        return False
    return len(io.outputs[0].shape) == 3 and io.outputs[0].shape[2] > _BOX_FIELDS
