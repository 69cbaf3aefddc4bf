"""How good boxes are: average precision at an overlap of one half, and the error of the contact point."""

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
    """Distance from said to true contact point, pixels of the images that were scored.

    Attributes:
        count: found boxes that it was measured on.
        median, p90: of the Euclidean distance.
        median_u, median_v: of its two components' absolute values.
    """

    count: int
    median: float
    p90: float
    median_u: float
    median_v: float


@dataclass(frozen=True, slots=True)
class DetectionReport:
    """What `DetectionScores` found.

    Attributes:
        map50: mean of `average_precision` over the classes that occur; NaN if none does.
        average_precision: per class name; NaN where no counted box exists.
        truths: counted boxes per class name.
        contact: None where no found box has a known contact point.
    """

    map50: float
    average_precision: dict[str, float]
    truths: dict[str, int]
    contact: ContactError | None


class DetectionScores:
    """Collects images one at a time.

    A detection is right if it overlaps a counted box of its class, not taken by a better-scored detection,
    by `iou` or more; of several it takes the one it overlaps most. One that is not right is held against the
    detector unless it overlaps a box that is not counted, of whatever class, by `ignore_iou`: such boxes
    (too small, too hidden, too far for the question asked) are neither wanted nor forbidden. The precision
    at each recall is the best at that recall or beyond; its area is the average precision (PASCAL VOC 2010
    and later).

    Args:
        class_names: names of the classes; `class_id` indexes them.
        iou: overlap from which a box counts as found.
        ignore_iou: overlap from which a box that is not counted excuses a detection.
        contact_score: contact errors are measured on right detections of at least this score.

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
        """Score one image.

        Args:
            detections: what was said.
            xyxy: (N, 4) true boxes, same pixels as the detections.
            class_id: (N,) their classes.
            counted: (N,) bool, False for boxes that are not asked for.
            contact: (N, 2) true contact points, NaN where there is none.
        """
        excuses = box_iou(detections.xyxy, xyxy[~counted])
        excused = (
            excuses.max(1, initial=0.0) >= self._ignore_iou
            if excuses.size
            else np.zeros(len(detections), bool)
        )
        for index in range(len(self.class_names)):
            wanted = np.flatnonzero((class_id == index) & counted)
            said = np.flatnonzero(detections.class_id == index)
            said = said[np.argsort(-detections.score[said], kind='stable')]
            self._truths[index] += len(wanted)
            match = greedy_match(box_iou(detections.xyxy[said], xyxy[wanted]), self._iou)
            judged = (match >= 0) | ~excused[said]
            self._scores[index] += detections.score[said[judged]].tolist()
            self._right[index] += (match[judged] >= 0).tolist()
            sure = (match >= 0) & (detections.score[said] >= self._contact_score)
            if contact is not None and detections.contact is not None:
                error = detections.contact[said[sure]] - contact[wanted[match[sure]]]
                self._contact_errors.append(error.astype(np.float64))

    def report(self) -> DetectionReport:
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
    """(N, 4) and (M, 4) boxes xyxy to (N, M) intersection over union, 0..1."""
    a, b = a.astype(np.float64)[:, None], b.astype(np.float64)[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    inner = np.prod(np.maximum(sides, 0.0), -1)
    union = np.prod(a[..., 2:] - a[..., :2], -1) + np.prod(b[..., 2:] - b[..., :2], -1) - inner
    overlap: FloatArray = inner / np.maximum(union, 1e-9)
    return overlap


def greedy_match(overlap: FloatArray, least: float) -> NDArray[np.int64]:
    """(N, M) overlaps of N detections, best first, to (N,) index of the box each one takes, -1 for none."""
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
    """Area under precision over recall, precision made monotone from the right; NaN without truths."""
    if truths == 0:
        return float('nan')
    order = np.argsort(-scores, kind='stable')
    hits = right[order].cumsum()
    precision = hits / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    recall = np.concatenate([[0.0], hits / truths])
    return float((np.diff(recall) * envelope).sum())
