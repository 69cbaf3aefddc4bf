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
    """Read a CompressedImage; the file in it stays where it is, and is not decompressed.

    The image is a read-only view (n,) uint8 of a whole JPEG or PNG file, the encoding 'jpeg' or 'png'. The
    file's own first bytes decide which: the `format` field is spelled in many ways ('jpeg', 'jpg', 'png',
    'rgb8; jpeg compressed bgr8', ...), and some drivers leave it empty.

    Raises:
        MessageError: the bytes are no CompressedImage.
        EncodingError: it holds neither a JPEG nor a PNG file.
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
    """Write a CompressedImage; `data` is a whole file, `format` what its readers are told ('jpeg', 'png')."""
    writer = CdrWriter(TYPE_NAME)
    writer.header(stamp_ns, frame_id)
    writer.string(format)
    return writer.finish_with_bytes(data.data if isinstance(data, np.ndarray) else data)


def recognise(data: NDArray[np.uint8], declared: str) -> str:
    """'jpeg' or 'png' from a file's own first bytes; `declared`, the format field, is only told in the error.

    Raises EncodingError for anything else.
    """
    start = data[:8].tobytes()
    for signature, encoding in _SIGNATURES.items():
        if start.startswith(signature):
            return encoding
    remedy = 'subscribe to the raw image instead'
    if 'compressedDepth' in declared:
        remedy = 'depth images are taken raw'
    raise EncodingError(
        f'{TYPE_NAME}: a JPEG or PNG file was expected, {data.size} bytes of format {declared!r} starting '
        f'[{start.hex(" ")}] came; {remedy}'
    )
