"""vision_msgs/msg/LabelInfo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stream_infer_ros.messages.cdr_reader import Cdr, CdrReader
from stream_infer_ros.messages.cdr_writer import CdrWriter

TYPE_NAME = 'vision_msgs/msg/LabelInfo'


@dataclass(frozen=True, slots=True)
class LabelInfoMessage:
    """What a detector can tell apart.

    Attributes:
        stamp_ns: header stamp, nanoseconds.
        frame_id: header frame.
        class_names: name by class id.
        threshold: the least score that is published.
    """

    stamp_ns: int
    frame_id: str
    class_names: dict[int, str]
    threshold: float


def encode_label_info(stamp_ns: int, frame_id: str, class_names: Sequence[str], threshold: float) -> bytes:
    """Write the model's classes; their ids are their places in `class_names`."""
    writer = CdrWriter(TYPE_NAME)
    writer.header(stamp_ns, frame_id)
    writer.uint32(len(class_names))
    for class_id, name in enumerate(class_names):
        writer.uint16(class_id)
        writer.string(name)
    writer.float32(threshold)
    return writer.finish()


def decode_label_info(cdr: Cdr) -> LabelInfoMessage:
    """Read a detector's classes. Raises MessageError."""
    reader = CdrReader(cdr, TYPE_NAME)
    stamp_ns, frame_id = reader.header()
    count = reader.sequence_length(2 + 5)
    class_names = {reader.uint16(): reader.string() for _ in range(count)}
    threshold = reader.float32()
    reader.end()
    return LabelInfoMessage(stamp_ns, frame_id, class_names, threshold)
