"""The DETR families: a set of boxes, one a query, each with logits of its classes; no copies to suppress.

Carion et al., End-to-End Object Detection with Transformers, arXiv:2005.12872: the last class is "no object",
softmax (DETR, YOLOS, Table Transformer). Zhao et al., DETRs Beat YOLOs on Real-time Object Detection,
arXiv:2304.08069, and after it D-FINE, RF-DETR, Deformable DETR: no such class, sigmoid.
Boxes are centre u, v, width, height, in parts of the network's input.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.errors import ModelError
from stream_infer_ros.inference.decoders.box_decoder import BoxDecoder
from stream_infer_ros.inference.decoders.box_selection import Boxes
from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.decoders.which_detr import query_outputs
from stream_infer_ros.inference.input_packing import ImageInput
from stream_infer_ros.inference.model_card import ModelCard, names_of_classes
from stream_infer_ros.inference.network_io import EngineIo


class DetrDecoder(BoxDecoder):
    """Softmax over the classes and "no object"; the best class of each query.

    "No object" is the last, which has no name, unless the card says which of the named classes it is.
    """

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        """Raises ConfigError or ModelError if there are not as many class names as classes."""
        found = query_outputs(io)
        if found is None:
            raise ModelError(f'expected boxes and logits by query, got {[str(it) for it in io.outputs]}')
        self._boxes, self._logits = found.boxes.name, found.logits.name
        self._set_up(config, io, card, found.logits.shape[2])

    def _set_up(self, config: ModelConfig, io: EngineIo, card: ModelCard, logits: int) -> None:
        image_input = ImageInput.of(io)
        self._size = np.array([image_input.width, image_input.height], np.float32)
        super().__init__(config, io, card, self._names(config, card, logits), suppress=False)

    def boxes(self, outputs: dict[str, NDArray[Any]], thresholds: Thresholds) -> Boxes:
        """See BoxDecoder."""
        query, class_id, score = self._best(outputs[self._logits], thresholds)
        return Boxes(self._xyxy(outputs[self._boxes][query]), score, class_id)

    def _names(self, config: ModelConfig, card: ModelCard, classes: int) -> tuple[str, ...]:
        return names_of_classes(card, config, classes - (card.background is None))

    def _best(
        self, logits: NDArray[np.float32], thresholds: Thresholds
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
        """Logits (Q, C) to query, class and score of what may pass; scores that are NaN among them."""
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        probability = odds[:, : len(self.class_names)] / odds.sum(axis=1, keepdims=True)
        if self.card.background is not None:
            probability[:, self.card.background] = 0.0
        class_id = probability.argmax(axis=1)
        score = probability[np.arange(len(class_id)), class_id]
        query = thresholds.passing(score)
        return query, class_id[query], score[query]

    def _xyxy(self, cxcywh: NDArray[np.float32]) -> NDArray[np.float32]:
        """Boxes (N, 4) in parts of the input to pixels, whose centres lie at whole numbers."""
        centre = cxcywh[:, :2] * self._size - np.float32(0.5)
        half = cxcywh[:, 2:] * self._size * np.float32(0.5)
        xyxy: NDArray[np.float32] = np.concatenate([centre - half, centre + half], axis=1)
        return xyxy


class SigmoidDetrDecoder(DetrDecoder):
    """Each class by itself: the best pairs of query and class, as many as there are queries."""

    def _names(self, config: ModelConfig, card: ModelCard, classes: int) -> tuple[str, ...]:
        # RF-DETR has one logit more than its data set has classes, which no training ever raised.
        if card.family == 'rfdetr' and len(card.class_names) == classes - 1:
            return (*card.class_names, 'none')
        return names_of_classes(card, config, classes)

    def _best(
        self, logits: NDArray[np.float32], thresholds: Thresholds
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
        """See DetrDecoder."""
        return self._best_pairs(np.float32(1.0) / (np.float32(1.0) + np.exp(-logits)), thresholds)

    def _best_pairs(
        self, probability: NDArray[np.float32], thresholds: Thresholds
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
        """Probabilities (Q, C), written over, to query, class and score of what may pass."""
        queries, classes = probability.shape
        broken = np.isnan(probability).any(axis=1)
        # A query of broken numbers is one broken box, not one for each class.
        probability[broken] = 0.0
        probability[broken, 0] = np.nan
        score = probability.ravel()
        pairs = thresholds.passing(score)
        if len(pairs) > queries:
            pairs = pairs[np.argsort(-score[pairs], kind='stable')[:queries]]
        return pairs // classes, pairs % classes, score[pairs]
