"""Definitions and type hashes of all message types that are used."""

from __future__ import annotations

from functools import cache
from typing import Any

from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from stream_infer_ros.errors import MessageError

# The messages that rosbags does not include, from vision_msgs 4.1, map_msgs 2.4 and bond 4.1. They are the
# same from Humble to Rolling. Comments are left out: the RIHS01 hash depends only on names, types and order.
DEFINITIONS = {
    'vision_msgs/msg/Point2D': 'float64 x\nfloat64 y',
    'vision_msgs/msg/Pose2D': 'vision_msgs/Point2D position\nfloat64 theta',
    'vision_msgs/msg/BoundingBox2D': 'vision_msgs/Pose2D center\nfloat64 size_x\nfloat64 size_y',
    'vision_msgs/msg/BoundingBox3D': 'geometry_msgs/Pose center\ngeometry_msgs/Vector3 size',
    'vision_msgs/msg/ObjectHypothesis': 'string class_id\nfloat64 score',
    'vision_msgs/msg/ObjectHypothesisWithPose': (
        'vision_msgs/ObjectHypothesis hypothesis\ngeometry_msgs/PoseWithCovariance pose'
    ),
    'vision_msgs/msg/Detection2D': (
        'std_msgs/Header header\n'
        'vision_msgs/ObjectHypothesisWithPose[] results\n'
        'vision_msgs/BoundingBox2D bbox\n'
        'string id'
    ),
    'vision_msgs/msg/Detection2DArray': 'std_msgs/Header header\nvision_msgs/Detection2D[] detections',
    'vision_msgs/msg/Detection3D': (
        'std_msgs/Header header\n'
        'vision_msgs/ObjectHypothesisWithPose[] results\n'
        'vision_msgs/BoundingBox3D bbox\n'
        'string id'
    ),
    'vision_msgs/msg/Detection3DArray': 'std_msgs/Header header\nvision_msgs/Detection3D[] detections',
    'vision_msgs/msg/VisionClass': 'uint16 class_id\nstring class_name',
    'vision_msgs/msg/LabelInfo': (
        'std_msgs/Header header\nvision_msgs/VisionClass[] class_map\nfloat32 threshold'
    ),
    'map_msgs/msg/OccupancyGridUpdate': (
        'std_msgs/Header header\nint32 x\nint32 y\nuint32 width\nuint32 height\nint8[] data'
    ),
    'bond/msg/Status': (
        'std_msgs/Header header\n'
        'string id\n'
        'string instance_id\n'
        'bool active\n'
        'float32 heartbeat_timeout\n'
        'float32 heartbeat_period'
    ),
}


@cache
def typestore() -> Typestore:
    """Return the types of ROS 2 Jazzy, vision_msgs, map_msgs and bond.

    The store is shared by all callers, which must not change it.

    Every message this package sends or receives has the same definition from Humble on.
    """
    store = get_typestore(Stores.ROS2_JAZZY)
    for type_name, definition in DEFINITIONS.items():
        store.register(get_types_from_msg(definition, type_name))
    # rosidl turns char into uint8 before it hashes a type, rosbags does not: its hash of
    # rmw_dds_common/msg/ParticipantEntitiesInfo is not the one that ROS 2 announces.
    store.fielddefs = {
        type_name: (constants, [(name, _char_as_uint8(field)) for name, field in fields])
        for type_name, (constants, fields) in store.fielddefs.items()
    }
    return store


@cache
def type_hash(type_name: str) -> str:
    """Return the hash of a type, 'RIHS01_...', which peers announce and compare (REP-2016).

    Raises:
        MessageError: the type is unknown.
    """
    store = typestore()
    if type_name not in store.fielddefs:
        raise MessageError(
            f'expected a message type of ROS 2 Jazzy, vision_msgs, map_msgs or bond, got {type_name!r}; '
            "names are written 'package/msg/Type'"
        )
    return store.hash_rihs01(type_name)


def _char_as_uint8(field: Any) -> Any:
    if isinstance(field, tuple):
        return tuple(_char_as_uint8(part) for part in field)
    return 'uint8' if field == 'char' else field
