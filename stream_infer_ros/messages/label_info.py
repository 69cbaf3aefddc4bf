"""vision_msgs/msg/LabelInfo."""

from __future__ import annotations

from collections.abc import Sequence

from stream_infer_ros.messages.cdr_writer import CdrWriter

TYPE_NAME = 'vision_msgs/msg/LabelInfo'


def encode_label_info(stamp_ns: int, frame_id: str, class_names: Sequence[str], threshold: float) -> bytes:
    """Encode the classes of the model. The id of a class is its index in `class_names`.

    Args:
        stamp_ns: header stamp in nanoseconds.
        frame_id: header frame.
        class_names: names of the classes.
        threshold: lowest score that is published.
    """
    writer = CdrWriter(TYPE_NAME)
    writer.header(stamp_ns, frame_id)
    writer.uint32(len(class_names))
    for class_id, name in enumerate(class_names):
        writer.uint16(class_id)
        writer.string(name)
    writer.float32(threshold)
    return writer.finish()
