"""vision_msgs/msg/Detection3DArray."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from stream_infer_ros.mapping.ground_object import GroundObject
from stream_infer_ros.messages.cdr_writer import CdrWriter

TYPE_NAME = 'vision_msgs/msg/Detection3DArray'


def encode_detection3d_array(stamp_ns: int, frame_id: str, objects: Sequence[GroundObject]) -> bytes:
    """Encode objects on the ground.

    Each box is upright and stands on z = 0. The pose of the hypothesis is the centre of the box. Its
    covariance contains the variance of x and y, which is sigma_m squared. All other entries are zero, because
    they are not estimated.

    Args:
        stamp_ns: time of the positions, in nanoseconds.
        frame_id: the map frame.
        objects: objects in the map frame.
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
