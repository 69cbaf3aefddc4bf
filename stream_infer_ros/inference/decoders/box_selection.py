"""What every decoder of boxes does last: threshold, suppression, back to source pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.config import ModelConfig
from stream_infer_ros.inference.detections import Detections
from stream_infer_ros.inference.letterbox import Letterbox
from stream_infer_ros.inference.nms import TOP_K, nms, plausible

# Sums of rounded probabilities come out a little above 1; logits far above.
_HIGHEST_SCORE = 1.001


class BoxSelection:
    """Which boxes of a network's are published, with the live settings and a count of the broken ones.

    Args:
        config: score_threshold and nms_iou are used, and taken on again by `retune`.
        class_names: in order of class_id.
        suppress: whether boxes of one class that overlap are suppressed; False for networks without copies.
    """

    def __init__(self, config: ModelConfig, class_names: tuple[str, ...], *, suppress: bool = True) -> None:
        self._class_names = class_names
        self._suppress = suppress
        self._dropped = 0
        self.retune(config)

    def retune(self, config: ModelConfig) -> None:
        """See Decoder."""
        self._score_threshold = config.score_threshold
        self._nms_iou = config.nms_iou

    @property
    def dropped(self) -> int:
        """See Decoder."""
        return self._dropped

    def passing(self, score: NDArray[np.float32]) -> NDArray[np.intp]:
        """Indices of the scores (A,) that are not below the threshold; NaN among them, to be counted.

        For decoders: only these rows need their boxes worked out.
        """
        if self._score_threshold > 0.0:
            return np.flatnonzero(~(score < np.float32(self._score_threshold)))
        return np.flatnonzero(~(score <= 0.0))

    def select(
        self,
        xyxy: NDArray[np.float32],
        score: NDArray[np.float32],
        class_id: NDArray[Any],
        letterbox: Letterbox,
    ) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """The boxes of one image that stay.

        A box goes if its score is below the threshold, if a better one suppresses it, or if it lies in the
        padding. It goes and is counted as dropped if its numbers are not finite or no box can have them:
        a score above 1, a class there is no name for, pixels beyond any picture.

        Args:
            xyxy: (A, 4) float32, network pixels, centres at whole numbers.
            score: (A,) float32.
            class_id: (A,) whole numbers of any dtype.

        Returns:
            (N,) indices, best score first, and (N, 4) float32 xyxy in source pixels, cut at its edges.
        """
        candidates = self.passing(score)
        if not len(candidates):
            return candidates, np.empty((0, 4), np.float32)
        ids = class_id[candidates]
        real = plausible(xyxy[candidates]) & (score[candidates] <= _HIGHEST_SCORE)
        # A NaN fails every comparison.
        real &= (ids >= 0) & (ids < len(self._class_names))
        if not real.all():
            self._dropped += len(candidates) - int(np.count_nonzero(real))
            candidates = candidates[real]
        if self._suppress:
            ids = np.rint(class_id[candidates]).astype(np.int32)
            candidates = candidates[nms(xyxy[candidates], score[candidates], ids, self._nms_iou)]
        else:
            candidates = candidates[np.argsort(-score[candidates], kind='stable')[:TOP_K]]
        in_source = letterbox.boxes_to_source(xyxy[candidates])
        inside = (in_source[:, 2] > in_source[:, 0]) & (in_source[:, 3] > in_source[:, 1])
        return candidates[inside], in_source[inside]

    def detections(
        self,
        xyxy: NDArray[np.float32],
        score: NDArray[np.float32],
        class_id: NDArray[Any],
        letterbox: Letterbox,
    ) -> Detections:
        """What stays after `select`, as Detections."""
        best, in_source = self.select(xyxy, score, class_id, letterbox)
        ids = np.rint(class_id[best]).astype(np.int32)
        return Detections(in_source, score[best].clip(None, 1.0), ids, self._class_names)
