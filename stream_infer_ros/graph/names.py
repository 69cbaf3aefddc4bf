"""The names a graph accepts: absolute topics and message types, as ROS 2 writes them."""

from __future__ import annotations

import re

from stream_infer_ros.errors import GraphError

_TOPIC = re.compile(r'(/[A-Za-z_][A-Za-z0-9_]*)+')
_TYPE = re.compile(r'[a-z][a-z0-9_]*/msg/[A-Z][A-Za-z0-9]*')


def check_names(topic: str, type_name: str) -> None:
    """Raise GraphError unless `topic` is absolute and `type_name` reads 'package/msg/Type'."""
    if not _TOPIC.fullmatch(topic):
        raise GraphError(
            f'topic {topic!r}: expected an absolute ROS name such as /front/image_raw '
            '(letters, digits and underscores between slashes); resolve it against the namespace first'
        )
    if not _TYPE.fullmatch(type_name):
        raise GraphError(
            f'topic {topic}: type {type_name!r} is no message type; expected e.g. sensor_msgs/msg/Image'
        )
