"""rosgraph_msgs/msg/Clock."""

from __future__ import annotations

from stream_infer_ros.messages.cdr_writer import CdrWriter

TYPE_NAME = 'rosgraph_msgs/msg/Clock'


def encode_clock(stamp_ns: int) -> bytes:
    """Encode the simulated time, in nanoseconds."""
    writer = CdrWriter(TYPE_NAME)
    writer.time_ns(stamp_ns)
    return writer.finish()
