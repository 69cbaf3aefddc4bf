"""The three exports of RT-DETR, and of its successors D-FINE and DEIM.

Zhao et al., DETRs Beat YOLOs on Real-time Object Detection, arXiv:2304.08069.
"""

from __future__ import annotations

import numpy as np

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.inference.decoders.box_decoder import BoxDecoder
from stream_infer_ros.inference.decoders.box_selection import Boxes
from stream_infer_ros.inference.decoders.decoder import Outputs
from stream_infer_ros.inference.decoders.detr import QueryDecoder, best_pairs, query_corners
from stream_infer_ros.inference.decoders.detr_variants import is_certainly_rtdetr, is_rfdetr_export
from stream_infer_ros.inference.decoders.postprocessed import PostprocessedDecoder
from stream_infer_ros.inference.decoders.ssd import (
    has_labelled_boxes,
    is_certainly_torchvision,
    labelled_boxes,
)
from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.model_card import UNIT, ModelCard
from stream_infer_ros.inference.network_io import EngineIo

_BOX_FIELDS = 4


class RtDetrDecoder(QueryDecoder):
    """Hugging Face's export: logits and pred_boxes."""

    default_card = ModelCard('rtdetr', normalisation=UNIT, fit='stretch')
    output_layout = 'pred_boxes (batch, queries, 4) and logits (batch, queries, classes), sigmoid'

    @classmethod
    def recognises(cls, io: EngineIo) -> bool:
        return super().recognises(io) and not is_rfdetr_export(io)

    @classmethod
    def is_certain(cls, io: EngineIo) -> bool:
        return is_certainly_rtdetr(io)


class RtDetrPostprocessedDecoder(PostprocessedDecoder):
    """The export of the original repositories (tools/deployment/export_onnx.py), with post-processing.

    Labels count from the first class. Boxes are in pixels of the size in the input `orig_target_sizes`.
    """

    default_card = RtDetrDecoder.default_card
    output_layout = 'labels, boxes (batch, N, 4), scores'

    @classmethod
    def recognises(cls, io: EngineIo) -> bool:
        return has_labelled_boxes(io)

    @classmethod
    def is_certain(cls, io: EngineIo) -> bool:
        """Return True if batched outputs come with an input for the size that the boxes are scaled to.

        Without it, they can be those of another family, whose labels count from the background.
        """
        return not is_certainly_torchvision(io) and any(it.name == 'orig_target_sizes' for it in io.inputs)

    def read(self, outputs: Outputs) -> Boxes:
        return labelled_boxes(outputs)


class RtDetrUltralyticsDecoder(BoxDecoder):
    """Ultralytics' export: boxes and probabilities side by side."""

    default_card = RtDetrDecoder.default_card
    output_layout = 'one (batch, queries, 4 + classes), with "RTDETR" in the metadata'
    suppresses = False

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        super().__init__(config, io, card)
        self._output = io.outputs[0].name
        self._size = np.array([self.network_width, self.network_height], np.float32)

    @classmethod
    def recognises(cls, io: EngineIo) -> bool:
        if len(io.outputs) != 1 or 'rtdetr' not in io.metadata.get('description', '').lower():
            return False
        return len(io.outputs[0].shape) == 3 and io.outputs[0].shape[2] > _BOX_FIELDS

    @classmethod
    def is_certain(cls, io: EngineIo) -> bool:
        return True

    @classmethod
    def class_count(cls, io: EngineIo) -> int:
        return io.outputs[0].shape[2] - _BOX_FIELDS

    def boxes(self, outputs: Outputs, thresholds: Thresholds) -> Boxes:
        rows = outputs[self._output]
        query, class_id, score = best_pairs(rows[:, _BOX_FIELDS:].copy(), thresholds)
        return Boxes(query_corners(rows[query, :_BOX_FIELDS], self._size), score, class_id)
