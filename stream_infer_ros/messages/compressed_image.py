"""sensor_msgs/msg/CompressedImage."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.encoding_names import BAYER_PATTERNS, numbers_within, standard_name
from stream_infer_ros.errors import EncodingError
from stream_infer_ros.messages.cdr_reader import Cdr, CdrReader
from stream_infer_ros.messages.cdr_writer import CdrWriter
from stream_infer_ros.messages.image import ImageMessage

TYPE_NAME = 'sensor_msgs/msg/CompressedImage'

_SIGNATURES = {b'\xff\xd8\xff': 'jpeg', b'\x89PNG\r\n\x1a\n': 'png'}
# The first bytes of files that this package does not decode.
_OTHER_FILES = {
    b'RIFF': 'WebP',
    b'II*\0': 'TIFF',
    b'MM\0*': 'TIFF',
    b'\0\0\0\x0cjP  ': 'JPEG 2000',
    b'\xffO\xffQ': 'JPEG 2000',
    b'\xff\n': 'JPEG XL',
    b'\0\0\0\x0cJXL ': 'JPEG XL',
    b'BM': 'BMP',
    b'GIF8': 'GIF',
    b'qoif': 'QOI',
    b'(\xb5/\xfd': 'zstd',
    b'\0\0\0\1': 'H.264 or H.265',
    b'\0\0\1': 'H.264 or H.265',
}


def decode_compressed_image(cdr: Cdr) -> ImageMessage:
    """Decode a CompressedImage without decompressing or copying the file in it.

    The image of the result is a read-only view (n,) uint8 of the JPEG or PNG file. Its encoding is a name in
    `cameras.compressed.COMPRESSED`, see `file_encoding`.

    Raises:
        MessageError: the bytes are not a CompressedImage.
        EncodingError: the message contains neither a JPEG nor a PNG file, or the file is not a picture.
    """
    reader = CdrReader(cdr, TYPE_NAME)
    stamp_ns, frame_id = reader.header()
    declared = reader.string()
    data = reader.byte_sequence()
    reader.end()
    return ImageMessage(stamp_ns, frame_id, data, file_encoding(recognise(data, declared), declared))


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

    The `format` field does not decide this, because drivers write it in many ways ('jpeg', 'jpg',
    'image/jpeg', ...) or leave it empty.

    Args:
        data: (n,) uint8, the file.
        declared: the format field, for the error message.

    Raises:
        EncodingError: it is another kind of file.
    """
    start = data[:12].tobytes()
    for signature, codec in _SIGNATURES.items():
        if start.startswith(signature):
            return codec
    if 'compressedDepth' in declared:
        raise _is_depth(declared)
    kinds = [kind for signature, kind in _OTHER_FILES.items() if start.startswith(signature)]
    if start[4:8] == b'ftyp':
        kinds = ['AVIF or HEIF']
    what = f'a file of kind {kinds[0]}' if kinds else f'bytes that begin with [{start[:8].hex(" ")}]'
    remedy = 'let the sender publish JPEG or PNG, or subscribe to the raw image instead'
    if kinds and kinds[0].startswith('H.26'):
        remedy = 'decode the video first (`ros2 run image_transport republish`), or use the raw image'
    raise EncodingError(
        f'{TYPE_NAME}: expected a JPEG or PNG file, got {what}, {data.size} bytes of format '
        f'{declared[:80]!r}; {remedy}'
    )


@lru_cache(maxsize=64)
def file_encoding(codec: str, declared: str) -> str:
    """Return the encoding of a file, a name in `cameras.compressed.COMPRESSED`, from the format field.

    image_transport writes 'ENCODING; CODEC compressed TARGET', e.g. 'rgb8; jpeg compressed bgr8'. ENCODING is
    that of the image before compression. TARGET is the encoding that it was converted to before it was given
    to OpenCV; it is empty if there was no conversion. As in the subscriber of image_transport:

    - With TARGET 'rgb8', red and blue are exchanged in the file, because OpenCV expects 'bgr8'.
    - A Bayer pattern without TARGET means that the file holds the pattern, in one channel.

    In all other cases the file itself defines its colours. This includes a colour ENCODING without TARGET,
    which image_transport never writes.

    Args:
        codec: 'jpeg' or 'png', from the file.
        declared: the format field.

    Raises:
        EncodingError: the file holds distances or other numbers.
    """
    if 'compressedDepth' in declared:
        raise _is_depth(declared)
    before, _, rest = declared.partition(';')
    source = standard_name(before)
    target = standard_name(' '.join(rest.partition('compressed')[2].split()[:1]))
    meaning = target or source
    pattern = meaning.removesuffix('16').removesuffix('8')
    if pattern in BAYER_PATTERNS:
        return f'{pattern}; {codec}'
    if pattern.startswith('bayer'):
        raise EncodingError(
            f'{TYPE_NAME}: expected one of the patterns {", ".join(BAYER_PATTERNS)}, got format '
            f'{declared[:80]!r}; correct the format field'
        )
    if target.startswith('rgb'):
        return f'rgb8; {codec}'
    if meaning == '16UC1' and codec == 'png':
        return '16UC1; png'
    numbers = '' if meaning in ('8UC1', '8UC3', '8UC4') else numbers_within(meaning)
    if numbers:
        raise EncodingError(
            f'{TYPE_NAME}: expected a picture, got a {codec} of format {declared[:80]!r}: {meaning} means '
            f'{numbers}; use the raw topic, or the image topic of the colour or infrared camera'
        )
    return codec


def _is_depth(declared: str) -> EncodingError:
    return EncodingError(
        f'{TYPE_NAME}: expected a picture, got distances (format {declared[:80]!r}, transport '
        'compressedDepth); use the raw depth image, or the image topic of the colour or infrared camera'
    )
