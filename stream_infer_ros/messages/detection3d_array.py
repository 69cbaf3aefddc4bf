"""vision_msgs/msg/Detection3DArray."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stream_infer_ros.errors import MessageError
from stream_infer_ros.mapping.ground_object import GroundObject
from stream_infer_ros.messages.cdr_reader import Cdr, CdrReader
from stream_infer_ros.messages.cdr_writer import CdrWriter
from stream_infer_ros.messages.hypothesis import read_best_hypothesis

TYPE_NAME = 'vision_msgs/msg/Detection3DArray'

# header with an empty frame, no hypotheses, ten doubles, an empty id
_MIN_DETECTION_BYTES = 8 + 5 + 4 + 10 * 8 + 5


@dataclass(frozen=True, slots=True)
class Detection3DArrayMessage:
    """Objects on the ground at one moment (nanoseconds), in the frame `frame_id`."""

    stamp_ns: int
    frame_id: str
    objects: tuple[GroundObject, ...]


def encode_detection3d_array(stamp_ns: int, frame_id: str, objects: Sequence[GroundObject]) -> bytes:
    """Write objects on the ground; none give an empty array.

    The box is upright and stands on z = 0. The hypothesis' pose is the box' centre; its covariance holds the
    variance of x and y (sigma squared), and zeros for what is not estimated.

    Args:
        stamp_ns: the moment they describe, nanoseconds.
        frame_id: the map frame they are given in.
    """
    writer = CdrWriter(TYPE_NAME)
    writer.header(stamp_ns, frame_id)
    writer.uint32(len(objects))
    for thing in objects:
        centre = (thing.x_m, thing.y_m, thing.height_m / 2)
        pose = (*centre, 0.0, 0.0, math.sin(thing.yaw_rad / 2), math.cos(thing.yaw_rad / 2))
        covariance = np.zeros((6, 6))
        covariance[0, 0] = covariance[1, 1] = thing.sigma_m**2
        writer.header(stamp_ns, frame_id)
        writer.uint32(1)
        writer.string(thing.class_name)
        writer.float64_array([thing.score, *pose])
        writer.float64_array(covariance)
        writer.float64_array([*pose, thing.length_m, thing.width_m, thing.height_m])
        writer.string('')
    return writer.finish()


def decode_detection3d_array(cdr: Cdr) -> Detection3DArrayMessage:
    """Read objects; of each the best hypothesis, its place in the plane, heading and size.

    Raises:
        MessageError: the bytes are no Detection3DArray, or an object has no hypothesis, or is not finite.
    """
    reader = CdrReader(cdr, TYPE_NAME)
    stamp_ns, frame_id = reader.header()
    count = reader.sequence_length(_MIN_DETECTION_BYTES)
    objects = tuple(_object(reader) for _ in range(count))
    reader.end()
    return Detection3DArrayMessage(stamp_ns, frame_id, objects)


def _object(reader: CdrReader) -> GroundObject:
    reader.header()
    name, score, pose = read_best_hypothesis(reader, TYPE_NAME)
    numbers = reader.float64_array(10)
    reader.string()
    variance = float(max(pose[7], pose[14]))
    if not np.isfinite(numbers).all() or not 0.0 <= variance < math.inf:
        raise MessageError(
            f'{TYPE_NAME}: a finite box and a variance of 0 or more were expected for {name!r}, '
            f'{numbers.tolist()} and {variance} came'
        )
    x, y, _, qx, qy, qz, qw, length, width, height = numbers.tolist()
    # The heading of the box' x axis: exact for an upright box, the projection of any other.
    yaw = math.atan2(2 * (qw * qz + qx * qy), qw * qw + qx * qx - qy * qy - qz * qz)
    return GroundObject(name, score, x, y, yaw, length, width, height, math.sqrt(variance))
