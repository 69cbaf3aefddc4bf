"""sensor_msgs/msg/CompressedImage."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.errors import EncodingError
from stream_infer_ros.messages.cdr_reader import Cdr, CdrReader
from stream_infer_ros.messages.cdr_writer import CdrWriter
from stream_infer_ros.messages.image import ImageMessage

TYPE_NAME = 'sensor_msgs/msg/CompressedImage'

_SIGNATURES = {b'\xff\xd8\xff': 'jpeg', b'\x89PNG\r\n\x1a\n': 'png'}


def decode_compressed_image(cdr: Cdr) -> ImageMessage:
    """Decode a CompressedImage without decompressing or copying the file in it.

    The image of the result is a read-only view (n,) uint8 of the JPEG or PNG file, and its encoding is 'jpeg'
    or 'png'. The first bytes of the file decide which. The `format` field is not used, because drivers write
    it in many ways ('jpeg', 'jpg', 'rgb8; jpeg compressed bgr8', ...) or leave it empty.

    Raises:
        MessageError: the bytes are not a CompressedImage.
        EncodingError: the message contains neither a JPEG nor a PNG file.
    """
    reader = CdrReader(cdr, TYPE_NAME)
    stamp_ns, frame_id = reader.header()
    declared = reader.string()
    data = reader.byte_sequence()
    reader.end()
    return ImageMessage(stamp_ns, frame_id, data, recognise(data, declared))


def encode_compressed_image(
    stamp_ns: int, frame_id: str, data: bytes | bytearray | memoryview | NDArray[np.uint8], format: str
) -> bytes:
    """Encode a CompressedImage from a complete file and the value of its format field, 'jpeg' or 'png'."""
    writer = CdrWriter(TYPE_NAME)
    writer.header(stamp_ns, frame_id)
    writer.string(format)
    return writer.finish_with_bytes(data.data if isinstance(data, np.ndarray) else data)


def recognise(data: NDArray[np.uint8], declared: str) -> str:
    """Return 'jpeg' or 'png' from the first bytes of a file.

    Args:
        data: (n,) uint8, the file.
        declared: the format field, for the error message.

    Raises:
        EncodingError: it is another kind of file.
    """
    start = data[:8].tobytes()
    for signature, encoding in _SIGNATURES.items():
        if start.startswith(signature):
            return encoding
    remedy = 'subscribe to the raw image instead'
    if 'compressedDepth' in declared:
        remedy = 'use the raw depth image'
    raise EncodingError(
        f'{TYPE_NAME}: expected a JPEG or PNG file, got {data.size} bytes of format {declared!r} that begin '
        f'with [{start.hex(" ")}]; {remedy}'
    )
