"""Names of topics and types in ROS 2, and names of types in DDS and zenoh."""

from __future__ import annotations

import re

from stream_infer_ros.errors import GraphError

_TOPIC = re.compile(r'(/[A-Za-z_][A-Za-z0-9_]*)+')
_TYPE = re.compile(r'[a-z][a-z0-9_]*/msg/[A-Z][A-Za-z0-9]*')


def is_topic_name(name: str) -> bool:
    """True if ROS 2 allows this absolute topic name. DDS itself allows more ('/a-b/image_raw')."""
    return _TOPIC.fullmatch(name) is not None


def check_names(topic: str, type_name: str) -> None:
    """Raise GraphError unless `topic` is absolute and `type_name` reads 'package/msg/Type'."""
    if not is_topic_name(topic):
        raise GraphError(
            f'topic {topic!r}: expected an absolute ROS name such as /front/image_raw '
            '(letters, digits and underscores between slashes); resolve it against the namespace first'
        )
    if not _TYPE.fullmatch(type_name):
        raise GraphError(
            f'topic {topic}: expected a message type such as sensor_msgs/msg/Image, got {type_name!r}'
        )


def wire_name(type_name: str) -> str:
    """Return the name of a type in DDS and zenoh: 'std_msgs::msg::dds_::String_' for std_msgs/msg/String."""
    package, kind, name = type_name.split('/')
    return f'{package}::{kind}::dds_::{name}_'


def ros_name(wire: str) -> str | None:
    """Return the ROS 2 type of a name in DDS or zenoh; None if it is not a type of ROS 2."""
    match wire.split('::'):
        case [package, kind, 'dds_', name] if name.endswith('_'):
            return f'{package}/{kind}/{name[:-1]}'
    return None
