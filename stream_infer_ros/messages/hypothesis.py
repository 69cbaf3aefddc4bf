"""vision_msgs/msg/ObjectHypothesisWithPose, the part that Detection2D and Detection3D share."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.errors import MessageError
from stream_infer_ros.messages.cdr_reader import CdrReader

# geometry_msgs/PoseWithCovariance: position, orientation, 6 x 6 covariance
POSE_NUMBERS = 3 + 4 + 36

# Scores of other detectors may be anything that `Detections` can hold.
_LARGEST_SCORE = float(np.finfo(np.float32).max)

# an empty string, the score, the pose
_MIN_BYTES = 5 + 8 * (1 + POSE_NUMBERS)


class Hypothesis(NamedTuple):
    """What an object is taken for: class name, score in 0..1, and (43,) float64 as `POSE_NUMBERS` says."""

    class_name: str
    score: float
    pose: NDArray[np.float64]


def read_best_hypothesis(reader: CdrReader, type_name: str) -> Hypothesis:
    """The `results` of a detection, the best of them. Raises MessageError when there is none."""
    best: Hypothesis | None = None
    for _ in range(reader.sequence_length(_MIN_BYTES)):
        name = reader.string()
        numbers = reader.float64_array(1 + POSE_NUMBERS)
        score = float(numbers[0])
        if not abs(score) <= _LARGEST_SCORE:
            raise MessageError(f'{type_name}: a score in 0..1 was expected, {score} came')
        if best is None or score > best.score:
            best = Hypothesis(name, score, numbers[1:])
    if best is None:
        raise MessageError(f'{type_name}: a detection without any hypothesis came; at least one is expected')
    return best
