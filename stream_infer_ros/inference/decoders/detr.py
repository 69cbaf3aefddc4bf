"""The DETR family: a box for each query, and the logits of its classes. There are no duplicates to suppress.

Carion et al., End-to-End Object Detection with Transformers, arXiv:2005.12872 (DETR, YOLOS, Table
Transformer): softmax, where the last class is "no object". Boxes are centre u, v, width, height, as fractions
of the network's input.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.inference.decoders.box_decoder import BoxDecoder
from stream_infer_ros.inference.decoders.box_selection import Boxes
from stream_infer_ros.inference.decoders.decoder import Outputs
from stream_infer_ros.inference.decoders.detr_variants import is_certainly_softmax, query_outputs
from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.model_card import IMAGENET, ModelCard, class_names_of
from stream_infer_ros.inference.network_io import EngineIo


class Classified(NamedTuple):
    """Queries that reach the score threshold, and those whose score is NaN.

    Attributes:
        query: (N,) indices of the queries.
        class_id: (N,).
        score: (N,) float32.
    """

    query: NDArray[np.intp]
    class_id: NDArray[np.intp]
    score: NDArray[np.float32]


class QueryDecoder(BoxDecoder):
    """The base class of decoders with an output of boxes and an output of logits for each query."""

    suppresses = False

    def __init__(self, config: ModelConfig, io: EngineIo, card: ModelCard) -> None:
        super().__init__(config, io, card)
        found = query_outputs(io)
        assert found is not None
        self._boxes, self._logits = found.boxes.name, found.logits.name
        self._size = np.array([self.network_width, self.network_height], np.float32)

    @classmethod
    def recognises(cls, io: EngineIo) -> bool:
        return query_outputs(io) is not None

    @classmethod
    def class_count(cls, io: EngineIo) -> int | None:
        found = query_outputs(io)
        return None if found is None else found.logits.shape[2]

    def boxes(self, outputs: Outputs, thresholds: Thresholds) -> Boxes:
        query, class_id, score = self.classify(outputs[self._logits], thresholds)
        return Boxes(query_corners(outputs[self._boxes][query], self._size), score, class_id)

    def classify(self, logits: NDArray[np.float32], thresholds: Thresholds) -> Classified:
        """Return the classes for logits (Q, C): sigmoid, every class independent of the others."""
        return best_pairs(np.float32(1.0) / (np.float32(1.0) + np.exp(-logits)), thresholds)


class DetrDecoder(QueryDecoder):
    """Softmax over the classes and "no object". The best class of each query is published.

    "No object" is the last class, which has no name, unless the card declares a named class as `background`.
    """

    default_card = ModelCard('detr', normalisation=IMAGENET, fit='stretch')
    output_layout = 'pred_boxes (batch, queries, 4) and logits (batch, queries, classes + 1), softmax'

    @classmethod
    def is_certain(cls, io: EngineIo) -> bool:
        return is_certainly_softmax(io)

    @classmethod
    def class_count(cls, io: EngineIo) -> int | None:
        logits = super().class_count(io)
        return None if logits is None else logits - 1

    def find_class_names(self, config: ModelConfig) -> tuple[str, ...]:
        count = super().class_count(self.io)
        if count is not None and self.card.background is None:
            count -= 1
        return class_names_of(self.card, config, count)

    def classify(self, logits: NDArray[np.float32], thresholds: Thresholds) -> Classified:
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        probability = odds[:, : len(self.class_names)] / odds.sum(axis=1, keepdims=True)
        if self.card.background is not None:
            probability[:, self.card.background] = 0.0
        class_id = probability.argmax(axis=1)
        score = probability[np.arange(len(class_id)), class_id]
        query = thresholds.passing(score)
        return Classified(query, class_id[query], score[query])


def best_pairs(probability: NDArray[np.float32], thresholds: Thresholds) -> Classified:
    """Return the best pairs of query and class, at most as many as there are queries.

    `probability` (Q, C) is overwritten.
    """
    queries, classes = probability.shape
    broken = np.isnan(probability).any(axis=1)
    # Such a query counts as one invalid box, not as one for each class.
    probability[broken] = 0.0
    probability[broken, 0] = np.nan
    score = probability.ravel()
    pairs = thresholds.passing(score)
    if len(pairs) > queries:
        pairs = pairs[np.argsort(-score[pairs], kind='stable')[:queries]]
    return Classified(pairs // classes, pairs % classes, score[pairs])


def query_corners(cxcywh: NDArray[np.float32], size: NDArray[np.float32]) -> NDArray[np.float32]:
    """Convert boxes (N, 4) as fractions of the input to xyxy in network pixels, centres at whole numbers.

    `size` is the width and height of the input.
    """
    centre = cxcywh[:, :2] * size - np.float32(0.5)
    half = cxcywh[:, 2:] * size * np.float32(0.5)
    xyxy: NDArray[np.float32] = np.concatenate([centre - half, centre + half], axis=1)
    return xyxy
