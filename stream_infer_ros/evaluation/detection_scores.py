"""Scores of boxes: average precision at an overlap of 0.5, and the error of the contact point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.errors import ConfigError
from stream_infer_ros.inference.detections import Detections

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ContactError:
    """Distance between predicted and true contact points, in pixels of the images.

    Attributes:
        count: number of boxes that it was measured on.
        median, p90: median and 90th percentile of the Euclidean distance.
        median_u, median_v: medians of the absolute error along u and v.
    """

    count: int
    median: float
    p90: float
    median_u: float
    median_v: float


@dataclass(frozen=True, slots=True)
class DetectionReport:
    """The result of `DetectionScores`.

    Attributes:
        map50: mean of `average_precision` over the classes that occur; NaN if none occurs.
        average_precision: by class name; NaN for a class without counted boxes.
        truths: number of counted true boxes, by class name.
        contact: error of contact points; None if no detected box has a known contact point.
    """

    map50: float
    average_precision: dict[str, float]
    truths: dict[str, int]
    contact: ContactError | None


class DetectionScores:
    """Accumulates scores over images.

    True boxes are either counted or not counted. Boxes that are not counted are, for example, too small, too
    hidden or too far away. The detections of a class are assigned to its counted boxes in the order of their
    scores:

    - A detection is correct if it overlaps a counted box of its class by at least `iou` and no better
      detection has this box. If there are several, it gets the box with the largest overlap.
    - All other detections are wrong, except those that overlap a box that is not counted, of any class, by at
      least `ignore_iou`. These are ignored.

    The average precision is the area under the curve of precision over recall, where the precision at each
    recall is the largest precision at this recall or a higher one (PASCAL VOC 2010 and later).

    Args:
        class_names: names of the classes, indexed by `class_id`.
        iou: smallest overlap of a correct detection with its box.
        ignore_iou: smallest overlap with a box that is not counted for which a detection is ignored.
        contact_score: smallest score of the correct detections whose contact points are compared.

    Raises:
        ConfigError: a threshold outside 0..1.
    """

    def __init__(
        self,
        class_names: Sequence[str],
        iou: float = 0.5,
        ignore_iou: float = 0.3,
        contact_score: float = 0.3,
    ):
        for name, value in (('iou', iou), ('ignore_iou', ignore_iou), ('contact_score', contact_score)):
            if not 0.0 <= value <= 1.0:
                raise ConfigError(f'{name}: expected a value in 0..1, got {value}')
        self.class_names = tuple(class_names)
        self._iou, self._ignore_iou, self._contact_score = iou, ignore_iou, contact_score
        self._truths = np.zeros(len(self.class_names), np.int64)
        self._scores: list[list[float]] = [[] for _ in self.class_names]
        self._right: list[list[bool]] = [[] for _ in self.class_names]
        self._contact_errors: list[FloatArray] = []

    def add(
        self,
        detections: Detections,
        xyxy: NDArray[np.floating],
        class_id: NDArray[np.integer],
        counted: NDArray[np.bool_],
        contact: NDArray[np.floating] | None = None,
    ) -> None:
        """Add one image.

        Args:
            detections: the detections of the network.
            xyxy: (N, 4) true boxes, in the same pixels as the detections.
            class_id: (N,) classes of the true boxes.
            counted: (N,) bool, True for boxes that are counted.
            contact: (N, 2) true contact points, NaN if unknown.
        """
        excuses = box_iou(detections.xyxy, xyxy[~counted])
        excused = (
            excuses.max(1, initial=0.0) >= self._ignore_iou
            if excuses.size
            else np.zeros(len(detections), bool)
        )
        for index in range(len(self.class_names)):
            wanted = np.flatnonzero((class_id == index) & counted)
            found = np.flatnonzero(detections.class_id == index)
            found = found[np.argsort(-detections.score[found], kind='stable')]
            self._truths[index] += len(wanted)
            match = greedy_match(box_iou(detections.xyxy[found], xyxy[wanted]), self._iou)
            judged = (match >= 0) | ~excused[found]
            self._scores[index] += detections.score[found[judged]].tolist()
            self._right[index] += (match[judged] >= 0).tolist()
            confident = (match >= 0) & (detections.score[found] >= self._contact_score)
            if contact is not None and detections.contact is not None:
                error = detections.contact[found[confident]] - contact[wanted[match[confident]]]
                self._contact_errors.append(error.astype(np.float64))

    def report(self) -> DetectionReport:
        """Return the scores of all images so far."""
        precision = {
            name: average_precision(
                np.array(self._scores[i]), np.array(self._right[i], bool), int(self._truths[i])
            )
            for i, name in enumerate(self.class_names)
        }
        known = [value for value in precision.values() if not np.isnan(value)]
        return DetectionReport(
            float(np.mean(known)) if known else float('nan'),
            precision,
            dict(zip(self.class_names, self._truths.tolist(), strict=True)),
            self._contact(),
        )

    def _contact(self) -> ContactError | None:
        errors = np.concatenate([*self._contact_errors, np.zeros((0, 2))])
        errors = errors[np.isfinite(errors).all(1)]
        if not len(errors):
            return None
        distance = np.hypot(errors[:, 0], errors[:, 1])
        median_u, median_v = np.median(np.abs(errors), 0)
        median, p90 = np.percentile(distance, [50, 90])
        return ContactError(len(errors), float(median), float(p90), float(median_u), float(median_v))


def box_iou(a: NDArray[np.floating], b: NDArray[np.floating]) -> FloatArray:
    """Return the intersection over union (N, M), in 0..1, of boxes xyxy (N, 4) and (M, 4).

    Example:
        >>> box_iou(np.array([[0.0, 0.0, 2.0, 2.0]]), np.array([[1.0, 0.0, 3.0, 2.0]])).round(3).tolist()
        [[0.333]]
    """
    a, b = a.astype(np.float64)[:, None], b.astype(np.float64)[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    inner = np.prod(np.maximum(sides, 0.0), -1)
    union = np.prod(a[..., 2:] - a[..., :2], -1) + np.prod(b[..., 2:] - b[..., :2], -1) - inner
    overlap: FloatArray = inner / np.maximum(union, 1e-9)
    return overlap


def greedy_match(overlap: FloatArray, least: float) -> NDArray[np.int64]:
    """Assign N detections, best first, to M boxes by their overlaps (N, M).

    Returns:
        (N,) index of the box of each detection, or -1 if there is none with an overlap of at least `least`.
    """
    match = np.full(len(overlap), -1, np.int64)
    if not overlap.size:
        return match
    free = overlap.copy()
    for row in range(len(free)):
        best = int(free[row].argmax())
        if free[row, best] >= least:
            match[row] = best
            free[:, best] = -1.0
    return match


def average_precision(scores: FloatArray, right: NDArray[np.bool_], truths: int) -> float:
    """Return the area under precision over recall, with monotone precision; NaN if `truths` is 0.

    Args:
        scores, right: (N,) score of each detection, and True if it is correct.
        truths: number of true boxes.
    """
    if truths == 0:
        return float('nan')
    order = np.argsort(-scores, kind='stable')
    hits = right[order].cumsum()
    precision = hits / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    recall = np.concatenate([[0.0], hits / truths])
    return float((np.diff(recall) * envelope).sum())
