"""tf2_msgs/msg/TFMessage."""

from __future__ import annotations

import math
from collections.abc import Sequence

from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.cameras.transform_buffer import StampedTransform
from stream_infer_ros.errors import MessageError
from stream_infer_ros.messages.cdr_reader import Cdr, CdrReader
from stream_infer_ros.messages.cdr_writer import CdrWriter

TYPE_NAME = 'tf2_msgs/msg/TFMessage'

# A stamp, two empty strings and seven doubles.
_MIN_TRANSFORM_BYTES = 8 + 2 * 5 + 7 * 8


def decode_tf(cdr: Cdr) -> list[StampedTransform | MessageError]:
    """Decode a TFMessage from /tf or /tf_static. Quaternions are normalised.

    If a transform is not finite or has a zero quaternion, its place in the list has an error instead. The
    other transforms of the message are valid.

    Raises:
        MessageError: the bytes are not a TFMessage.
    """
    reader = CdrReader(cdr, TYPE_NAME)
    transforms = [_transform(reader) for _ in range(reader.sequence_length(_MIN_TRANSFORM_BYTES))]
    reader.end()
    return transforms


def encode_tf(transforms: Sequence[StampedTransform]) -> bytes:
    """Encode a TFMessage."""
    writer = CdrWriter(TYPE_NAME)
    writer.uint32(len(transforms))
    for transform in transforms:
        writer.header(transform.stamp_ns, transform.parent)
        writer.string(transform.child)
        writer.float64_array(transform.transform.translation)
        writer.float64_array(transform.transform.quaternion())
    return writer.finish()


def _transform(reader: CdrReader) -> StampedTransform | MessageError:
    stamp_ns, parent = reader.header()
    child = reader.string()
    # Python floats, because numpy takes three times as long for so few numbers, and odometry is frequent.
    numbers = reader.float64_array(7).tolist()
    translation, xyzw = numbers[:3], numbers[3:]
    if not all(map(math.isfinite, numbers)) or max(map(abs, xyzw)) <= 1e-6:
        return MessageError(
            f'{TYPE_NAME}: expected a finite translation and a quaternion of length 1 from '
            f'{parent!r} to {child!r}, got {translation} and {xyzw}; correct its broadcaster'
        )
    return StampedTransform(stamp_ns, parent, child, RigidTransform.from_quaternion(translation, xyzw))
