"""The last step of every decoder of boxes: threshold, suppression, and the way back to source pixels."""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.inference.decoders.thresholds import Thresholds
from stream_infer_ros.inference.letterbox import Letterbox

MOST_BOXES = 300
# Sums of rounded probabilities can be slightly above 1. Logits are far above it.
_HIGHEST_SCORE = 1.001
_FARTHEST_PX = 1e6


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
        outside: number of boxes that were left out because they lie outside of the image.
    """

    rows: NDArray[np.intp]
    xyxy: NDArray[np.float32]
    invalid: int
    outside: int = 0


def select(
    boxes: Boxes, letterbox: Letterbox, thresholds: Thresholds, classes: int, *, suppress: bool = True
) -> Selected:
    """Select the boxes of one image to publish, at most MOST_BOXES.

    A box is left out if its score is below the threshold of its class, if a better one suppresses it, or if
    it lies in the padding. It is also left out, and counted, if its values are invalid: not finite, a score
    above 1, a class outside `classes`, or coordinates that no picture has.

    Args:
        classes: number of classes.
        suppress: False for networks that return at most one box for each object.
    """
    rows = thresholds.passing(boxes.score)
    if not len(rows):
        return Selected(rows, np.empty((0, 4), np.float32), 0)
    xyxy, score, class_id = boxes.xyxy[rows], boxes.score[rows], boxes.class_id[rows]
    if (by_class := thresholds.by_class) is not None:
        # Rows with an invalid class or score stay, to be counted below.
        number = np.rint(class_id)
        known = (number >= 0) & (number < len(by_class))
        lowest = by_class[np.where(known, number, 0).astype(np.intp)]
        wanted = ~(known & (score < lowest))
        rows, xyxy, score, class_id = rows[wanted], xyxy[wanted], score[wanted], class_id[wanted]
    # All comparisons with NaN are False.
    valid = plausible(xyxy) & (score <= _HIGHEST_SCORE)
    valid &= (class_id >= 0) & (class_id < classes)
    invalid = 0
    if not valid.all():
        invalid = len(rows) - int(np.count_nonzero(valid))
        rows, xyxy, score, class_id = rows[valid], xyxy[valid], score[valid], class_id[valid]
    if suppress:
        kept = non_maximum_suppression(xyxy, score, np.rint(class_id).astype(np.int32), thresholds.iou)
    else:
        kept = np.argsort(-score, kind='stable')[:MOST_BOXES]
    in_source = letterbox.boxes_to_source(xyxy[kept])
    inside = (in_source[:, 2] > in_source[:, 0]) & (in_source[:, 3] > in_source[:, 1])
    outside = len(kept) - int(np.count_nonzero(inside))
    return Selected(rows[kept[inside]], in_source[inside], invalid, outside)


def non_maximum_suppression(
    xyxy: NDArray[np.float32],
    score: NDArray[np.float32],
    class_id: NDArray[np.int32],
    iou: float,
    most: int = MOST_BOXES,
) -> NDArray[np.intp]:
    """Suppress boxes that overlap a better box of the same class, among the `most` best boxes.

    A box is suppressed if its intersection over union with a better one that was kept is above `iou`. Of
    boxes with equal scores, the first one is the better. All values must be finite, and the boxes plausible.

    Args:
        xyxy: (N, 4) float32, left, top, right, bottom.
        score: (N,) float32, above 0.
        class_id: (N,) int32, not negative.
        iou: 0..1.

    Returns:
        (K,) indices of the boxes that are kept, best score first.
    """
    if len(score) < 2:
        return np.arange(len(score))
    # NMSBoxes knows no classes, so boxes of different classes are moved apart. NMSBoxesBatched does the same,
    # but moves by the largest coordinate: boxes with negative coordinates then suppress those of other
    # classes. It also needs OpenCV 4.7; Ubuntu 22.04 has 4.5.4.
    xywh = np.empty((len(score), 4))
    xywh[:, :2] = xyxy[:, :2]
    np.subtract(xyxy[:, 2:], xyxy[:, :2], out=xywh[:, 2:])
    # A box with negative size would suppress boxes that it does not overlap.
    np.maximum(xywh[:, 2:], 0.0, out=xywh[:, 2:])
    xywh[:, 0] += class_id * (float(xyxy.max()) - float(xyxy.min()) + 1.0)
    # Without boxes to keep, it returns an empty tuple.
    return np.asarray(cv2.dnn.NMSBoxes(xywh, score, 0.0, iou, 1.0, most), np.intp)  # type: ignore[arg-type]


def plausible(pixels: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return (...) True where all of (..., k) pixel coordinates can be those of a picture; False for NaN."""
    near = np.abs(pixels) < _FARTHEST_PX
    if near.all():  # nearly always, and faster than looking at each row
        return np.ones(pixels.shape[:-1], np.bool_)
    return np.asarray(near.all(axis=-1), np.bool_)
