"""The live settings of decoding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.config import ModelConfig


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Settings that every call of `Decoder.decode` gets, so that they can change from one call to the next.

    Attributes:
        score: lowest score of a box that is published, 0..1.
        iou: largest intersection over union of two boxes of one class, 0..1. Above it, the box with the lower
            score is suppressed.
    """

    score: float
    iou: float

    @classmethod
    def of(cls, config: ModelConfig) -> Thresholds:
        """Return the thresholds of a configuration."""
        return cls(config.score_threshold, config.nms_iou)

    def passing(self, score: NDArray[np.float32]) -> NDArray[np.intp]:
        """Return the indices of the scores (A,) that reach the threshold, and of those that are NaN.

        Decoders compute boxes for these rows only. Rows with NaN stay, so that `select` can count them.
        A score of 0 never passes: networks fill unused rows with zeros.
        """
        if self.score > 0.0:
            return np.flatnonzero(~(score < np.float32(self.score)))
        return np.flatnonzero(~(score <= 0.0))
