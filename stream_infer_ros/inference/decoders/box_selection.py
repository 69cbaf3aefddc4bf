"""The last step of every decoder of boxes: threshold, suppression, and the way back to source pixels."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.letterbox import Letterbox
from stream_infer_ros.inference.nms import TOP_K, nms, plausible

# Sums of rounded probabilities can be slightly above 1. Logits are far above it.
_HIGHEST_SCORE = 1.001


class Boxes(NamedTuple):
    """Boxes of one image before any are left out, in any order.

    Attributes:
        xyxy: (A, 4) float32, network pixels, with pixel centres at whole numbers.
        score: (A,) float32 in 0..1.
        class_id: (A,) whole numbers of any dtype.
    """

    xyxy: NDArray[np.float32]
    score: NDArray[np.float32]
    class_id: NDArray[Any]


class Selected(NamedTuple):
    """The boxes of one image that are published.

    Attributes:
        rows: (N,) indices into the Boxes, best score first.
        xyxy: (N, 4) float32, source pixels, clipped to the image.
        invalid: number of boxes that were left out because their values are invalid.
    """

    rows: NDArray[np.intp]
    xyxy: NDArray[np.float32]
    invalid: int


def select(
    boxes: Boxes, letterbox: Letterbox, thresholds: Thresholds, classes: int, *, suppress: bool = True
) -> Selected:
    """Select the boxes of one image to publish.

    A box is left out if its score is below the threshold, if a better one suppresses it, or if it lies in the
    padding. It is also left out, and counted, if its values are invalid: not finite, a score above 1, a class
    outside `classes`, or coordinates that no picture has.

    Args:
        classes: number of classes.
        suppress: False for networks that do not return several boxes for one object.
    """
    xyxy, score, class_id = boxes
    candidates = thresholds.passing(score)
    if not len(candidates):
        return Selected(candidates, np.empty((0, 4), np.float32), 0)
    ids = class_id[candidates]
    # All comparisons with NaN are False.
    valid = plausible(xyxy[candidates]) & (score[candidates] <= _HIGHEST_SCORE)
    valid &= (ids >= 0) & (ids < classes)
    invalid = 0
    if not valid.all():
        invalid = len(candidates) - int(np.count_nonzero(valid))
        candidates = candidates[valid]
    if suppress:
        ids = np.rint(class_id[candidates]).astype(np.int32)
        candidates = candidates[nms(xyxy[candidates], score[candidates], ids, thresholds.iou)]
    else:
        candidates = candidates[np.argsort(-score[candidates], kind='stable')[:TOP_K]]
    in_source = letterbox.boxes_to_source(xyxy[candidates])
    inside = (in_source[:, 2] > in_source[:, 0]) & (in_source[:, 3] > in_source[:, 1])
    return Selected(candidates[inside], in_source[inside], invalid)
