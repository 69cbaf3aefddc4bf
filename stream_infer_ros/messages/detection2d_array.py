"""vision_msgs/msg/Detection2DArray."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.errors import MessageError
from stream_infer_ros.inference.detections import Detections
from stream_infer_ros.messages.cdr_reader import Cdr, CdrReader
from stream_infer_ros.messages.cdr_writer import CdrWriter

TYPE_NAME = 'vision_msgs/msg/Detection2DArray'

# Numbers in a geometry_msgs/PoseWithCovariance: position, orientation, 6 x 6 covariance.
_POSE_NUMBERS = 3 + 4 + 36

# Other detectors may send any score that fits into `Detections`.
_LARGEST_SCORE = float(np.finfo(np.float32).max)

# An empty string, the score and the pose.
_MIN_HYPOTHESIS_BYTES = 5 + 8 * (1 + _POSE_NUMBERS)

# A header with an empty frame, no hypotheses, five doubles and an empty id.
_MIN_DETECTION_BYTES = 8 + 5 + 4 + 5 * 8 + 5


@dataclass(frozen=True, slots=True, eq=False)
class Detection2DArrayMessage:
    """The boxes of one image, with stamp (nanoseconds) and optical frame of the image."""

    stamp_ns: int
    frame_id: str
    detections: Detections


def encode_detection2d_array(stamp_ns: int, frame_id: str, detections: Detections) -> bytes:
    """Encode the boxes of one image.

    Each box has one hypothesis with the name of its class. The pose of the hypothesis is left empty, because
    a single image does not determine it. The contact point is not sent, because vision_msgs has no field for
    it. `id` is the track, or empty.

    Args:
        stamp_ns: header stamp of the image, in nanoseconds.
        frame_id: header frame of the image.
        detections: boxes in pixels of the image.
    """
    writer = CdrWriter(TYPE_NAME)
    writer.header(stamp_ns, frame_id)
    writer.uint32(len(detections))
    tracks = [''] * len(detections) if detections.track_id is None else map(str, detections.track_id)
    names = [detections.class_names[i] for i in detections.class_id]
    for name, numbers, track in zip(names, _numbers(detections), tracks, strict=True):
        writer.header(stamp_ns, frame_id)
        writer.uint32(1)
        writer.string(name)
        writer.float64_array(numbers)
        writer.string(track)
    return writer.finish()


def decode_detection2d_array(cdr: Cdr, class_names: Sequence[str] = ()) -> Detection2DArrayMessage:
    """Decode the boxes of any detector.

    If a box has several hypotheses, the one with the highest score is used. Class ids are indices into
    `class_names` (for example, from a LabelInfo). Other names are appended in the order in which they appear.

    Raises:
        MessageError: the bytes are not a Detection2DArray, or a box has no hypothesis, is rotated or is not
            finite.
    """
    reader = CdrReader(cdr, TYPE_NAME)
    stamp_ns, frame_id = reader.header()
    names = {name: index for index, name in enumerate(class_names)}
    boxes, scores, classes, tracks = [], [], [], []
    for _ in range(reader.sequence_length(_MIN_DETECTION_BYTES)):
        reader.header()
        name, score = _best_hypothesis(reader)
        boxes.append(reader.float64_array(5))
        tracks.append(reader.string())
        scores.append(score)
        classes.append(names.setdefault(name, len(names)))
    reader.end()
    numbered = tracks and all(track.isascii() and track.isdigit() and len(track) < 19 for track in tracks)
    detections = Detections(
        _corners(np.array(boxes).reshape(-1, 5)),
        np.array(scores, np.float32),
        np.array(classes, np.int32),
        tuple(names),
        track_id=np.array(tracks, np.int64) if numbered else None,
    )
    return Detection2DArrayMessage(stamp_ns, frame_id, detections)


def _numbers(detections: Detections) -> NDArray[np.float64]:
    """Return the doubles of each Detection2D: score, pose, covariance, centre, angle, size."""
    xyxy = detections.xyxy.astype(np.float64)
    numbers = np.zeros((len(detections), 1 + _POSE_NUMBERS + 5))
    numbers[:, 0] = detections.score
    numbers[:, 7] = 1.0  # w of the quaternion of the empty pose
    numbers[:, -5:-3] = (xyxy[:, :2] + xyxy[:, 2:]) / 2
    numbers[:, -2:] = xyxy[:, 2:] - xyxy[:, :2]
    return numbers


def _corners(boxes: NDArray[np.float64]) -> NDArray[np.float32]:
    """Convert (N, 5) centre u, v, angle, width, height to (N, 4) xyxy."""
    with np.errstate(over='ignore', invalid='ignore'):
        half = boxes[:, 3:] / 2
        xyxy = np.hstack([boxes[:, :2] - half, boxes[:, :2] + half]).astype(np.float32)
    if not np.isfinite(xyxy).all() or np.any(boxes[:, 2] != 0):
        raise MessageError(
            f'{TYPE_NAME}: expected finite boxes without rotation, got one that is rotated or not finite'
        )
    return xyxy


def _best_hypothesis(reader: CdrReader) -> tuple[str, float]:
    """Return class name and score of the hypothesis with the highest score in `Detection2D.results`.

    Raises:
        MessageError: there is no hypothesis, or a score is not a finite float32.
    """
    best: tuple[str, float] | None = None
    for _ in range(reader.sequence_length(_MIN_HYPOTHESIS_BYTES)):
        name = reader.string()
        score = float(reader.float64_array(1 + _POSE_NUMBERS)[0])
        if not abs(score) <= _LARGEST_SCORE:
            raise MessageError(f'{TYPE_NAME}: expected a score in 0..1, got {score}')
        if best is None or score > best[1]:
            best = name, score
    if best is None:
        raise MessageError(f'{TYPE_NAME}: expected at least one hypothesis for each detection, got none')
    return best
