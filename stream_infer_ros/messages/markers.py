"""visualization_msgs/msg/MarkerArray: objects on the ground, for display in rviz and Foxglove."""

from __future__ import annotations

import colorsys
import math
import zlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from stream_infer_ros.mapping.ground_object import GroundObject
from stream_infer_ros.messages.cdr_writer import CdrWriter

TYPE_NAME = 'visualization_msgs/msg/MarkerArray'

_CUBE = 1
_TEXT_VIEW_FACING = 9
_ADD = 0
_DELETE_ALL = 3
_TEXT_HEIGHT_M = 0.3


class _Marker(NamedTuple):
    """Fields of visualization_msgs/Marker that are used here, in metres; the quaternion is x, y, z, w."""

    action: int
    namespace: str = ''
    number: int = 0
    shape: int = 0
    position: tuple[float, float, float] = (0.0, 0.0, 0.0)
    quaternion: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0)
    size: tuple[float, float, float] = (0.0, 0.0, 0.0)
    rgba: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    text: str = ''


def encode_marker_array(
    stamp_ns: int, frame_id: str, objects: Sequence[GroundObject], lifetime_ns: int = 1_000_000_000
) -> bytes:
    """Encode a box and a label for each object. The markers of the previous message are deleted.

    The colour of a box depends on its class.

    Args:
        stamp_ns: time of the positions, in nanoseconds.
        frame_id: the map frame.
        objects: objects in the map frame.
        lifetime_ns: time after which viewers remove the markers, in case the publisher has ended.
    """
    markers = [_Marker(_DELETE_ALL)]
    for number, thing in enumerate(objects):
        markers.extend(_markers_of(number, thing))
    writer = CdrWriter(TYPE_NAME)
    writer.uint32(len(markers))
    for marker in markers:
        writer.header(stamp_ns, frame_id)
        _write_marker(writer, marker, lifetime_ns)
    return writer.finish()


def _markers_of(number: int, thing: GroundObject) -> Iterator[_Marker]:
    yield _Marker(
        _ADD,
        'boxes',
        number,
        _CUBE,
        position=(thing.x_m, thing.y_m, thing.height_m / 2),
        quaternion=(0.0, 0.0, math.sin(thing.yaw_rad / 2), math.cos(thing.yaw_rad / 2)),
        size=(thing.length_m, thing.width_m, thing.height_m),
        rgba=_class_colour(thing.class_name),
    )
    yield _Marker(
        _ADD,
        'labels',
        number,
        _TEXT_VIEW_FACING,
        position=(thing.x_m, thing.y_m, thing.height_m + _TEXT_HEIGHT_M),
        size=(0.0, 0.0, _TEXT_HEIGHT_M),
        rgba=(1.0, 1.0, 1.0, 1.0),
        text=f'{thing.class_name} {thing.score:.0%}',
    )


def _class_colour(class_name: str) -> tuple[float, float, float, float]:
    """Return the colour of a class, which depends only on its name."""
    hue = zlib.crc32(class_name.encode()) / 2**32
    return (*colorsys.hsv_to_rgb(hue, 0.75, 0.95), 0.6)


def _write_marker(writer: CdrWriter, marker: _Marker, lifetime_ns: int) -> None:
    """Write a visualization_msgs/Marker after its header."""
    writer.string(marker.namespace)
    writer.int32(marker.number)
    writer.int32(marker.shape)
    writer.int32(marker.action)
    writer.float64_array([*marker.position, *marker.quaternion, *marker.size])
    for share in marker.rgba:
        writer.float32(share)
    writer.time_ns(lifetime_ns)  # a Duration has the layout of a Time
    writer.uint8(0)  # frame_locked
    writer.uint32(0)  # points
    writer.uint32(0)  # colors
    writer.string('')  # texture_resource
    writer.header(0, '')  # texture, a CompressedImage
    writer.string('')
    writer.uint32(0)
    writer.uint32(0)  # uv_coordinates
    writer.string(marker.text)
    writer.string('')  # mesh_resource
    writer.string('')  # mesh_file: name, data
    writer.uint32(0)
    writer.uint8(0)  # mesh_use_embedded_materials
