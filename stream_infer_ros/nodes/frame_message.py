"""A frame in the form that message_filters expects."""

from __future__ import annotations

from typing import Any

from builtin_interfaces.msg import Time
from std_msgs.msg import Header

from stream_infer_ros.cameras.frame import Frame


class FrameMessage:
    """A `Frame` with the header that stock filters match by; its pixels stay in the message they came in.

    Attributes:
        frame: the frame.
        header: std_msgs/Header with the frame's stamp and frame_id.
    """

    __slots__ = ('frame', 'header')

    def __init__(self, frame: Frame) -> None:
        seconds, nanoseconds = divmod(frame.stamp_ns, 1_000_000_000)
        self.frame = frame
        self.header = Header(stamp=Time(sec=seconds, nanosec=nanoseconds), frame_id=frame.frame_id)


def stamp_ns(message: Any) -> int:
    """Return the header stamp of a message, nanoseconds."""
    stamp = message.header.stamp
    seconds, nanoseconds = int(stamp.sec), int(stamp.nanosec)
    return seconds * 1_000_000_000 + nanoseconds
