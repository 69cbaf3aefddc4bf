"""Decoding of JPEG and PNG files from sensor_msgs/CompressedImage."""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.encoding_names import BAYER_PATTERNS
from stream_infer_ros.cameras.jpeg import jpeg_end, jpeg_size
from stream_infer_ros.errors import EncodingError

MAX_PIXELS = 1 << 26  # 8192 x 8192; otherwise a file of a few bytes could request gigabytes of memory

_REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
_PNG_SIGNATURE = b'\x89PNG\r\n\x1a\n'
_PNG_END = b'IEND\xaeB`\x82'  # the last chunk, which is empty, and its checksum


class CompressedEncoding(NamedTuple):
    """A kind of file, and the meaning of its pixels.

    Attributes:
        codec: 'jpeg' or 'png'.
        stored: the encoding of the array that the sender gave to OpenCV's encoder. OpenCV expects 'bgr8', and
            the colours of the file are then right for every viewer. With 'rgb8', red and blue are exchanged
            in the file. A Bayer pattern ('bayer_rggb') has one channel of 8 or 16 bits.
    """

    codec: str
    stored: str

    @property
    def can_be_reduced(self) -> bool:
        """True if the file can be decoded to a smaller picture in less time."""
        return self.codec == 'jpeg' and self.stored in ('rgb8', 'bgr8')


# The names in `Frame.encoding`. The format field of a CompressedImage decides which one it is.
COMPRESSED: dict[str, CompressedEncoding] = {
    'jpeg': CompressedEncoding('jpeg', 'bgr8'),
    'png': CompressedEncoding('png', 'bgr8'),
    '16UC1; png': CompressedEncoding('png', '16UC1'),
}
for _codec in ('jpeg', 'png'):
    for _stored in ('rgb8', *BAYER_PATTERNS):
        COMPRESSED[f'{_stored}; {_codec}'] = CompressedEncoding(_codec, _stored)


def compressed_size(image: NDArray[Any], encoding: str) -> tuple[int, int]:
    """Return (height, width) in pixels from the header of a file, without decoding the file.

    Args:
        image: (n,) uint8, the file. More bytes may follow it.
        encoding: a name in COMPRESSED.

    Raises:
        EncodingError: the file is not of this encoding, has no header, or has more than MAX_PIXELS.
    """
    if image.ndim != 1 or image.dtype != np.uint8:
        raise EncodingError(f'expected a {encoding} file as (n,) uint8, got {image.shape} {image.dtype}')
    codec = COMPRESSED[encoding].codec
    file = np.ascontiguousarray(image)
    height, width = jpeg_size(file) if codec == 'jpeg' else _png_size(file.data)
    if not 0 < height * width <= MAX_PIXELS:
        raise EncodingError(f'expected a {codec} of 1 to {MAX_PIXELS} pixels, got {width}x{height}')
    return height, width


def decode_compressed(image: NDArray[Any], encoding: str, reduce: int = 1) -> NDArray[Any]:
    """Decode a JPEG or PNG file to the array that was compressed; its encoding is `encoding_within`.

    An orientation tag in the file is ignored, because calibrations refer to the image without rotation.

    Args:
        image: (n,) uint8, the file. More bytes may follow it.
        encoding: a name in COMPRESSED.
        reduce: 1, 2, 4 or 8. A JPEG with colours is decoded at a size smaller by this factor, which takes
            less time. Other files are always decoded at full size.

    Returns:
        (H, W, 3) uint8; (H, W) of 8 or 16 bits for a Bayer pattern and for 16UC1. It is owned by the caller.
        For a reduced JPEG, the size is ceil(H / reduce), ceil(W / reduce), and the centre of pixel u lies at
        `(u + 0.5) * reduce - 0.5` of the full image.

    Raises:
        EncodingError: see `compressed_size`; or the file is cut short, or the decoder failed. JPEG has no
            checksum, so that wrong bits within a JPEG can go unnoticed.
    """
    compressed_size(image, encoding)
    codec, stored = COMPRESSED[encoding]
    file = np.ascontiguousarray(image)
    end = jpeg_end(file) if codec == 'jpeg' else _png_end(file.data)
    coloured = stored in ('rgb8', 'bgr8')
    flags = cv2.IMREAD_UNCHANGED
    if coloured:
        size = _REDUCED[reduce if COMPRESSED[encoding].can_be_reduced else 1]
        flags = size | cv2.IMREAD_IGNORE_ORIENTATION
    pixels = cv2.imdecode(file[:end], flags)
    if pixels is None:
        raise EncodingError(
            f'the {codec} of {end} bytes is corrupt and cannot be decoded; check the driver or the recording'
        )
    if not coloured and pixels.ndim != 2:
        raise EncodingError(
            f'the format field of the CompressedImage says that the {codec} contains {stored}, which has one '
            f'channel; the file has {pixels.shape[2]}; correct the format field'
        )
    return pixels


def encoding_within(encoding: str, pixels: NDArray[Any]) -> str:
    """Return the encoding of sensor_msgs/Image of an array from `decode_compressed`."""
    stored = COMPRESSED[encoding].stored
    if stored in BAYER_PATTERNS:
        return f'{stored}{8 * pixels.itemsize}'
    return 'mono8' if stored == '16UC1' and pixels.itemsize == 1 else stored


def _png_size(data: memoryview) -> tuple[int, int]:
    """Return (height, width) from the first chunk of a PNG (RFC 2083, 4.1.1)."""
    if data[:8].tobytes() != _PNG_SIGNATURE or data[12:16].tobytes() != b'IHDR' or len(data) < 24:
        raise EncodingError(
            f'expected a png file, got {len(data)} bytes that begin with [{data[:8].hex(" ")}]; '
            'check the format field of the CompressedImage'
        )
    width, height = (int.from_bytes(data[k : k + 4], 'big') for k in (16, 20))
    return height, width


def _png_end(data: memoryview) -> int:
    """Return the number of bytes up to the end of the last chunk. Chunks are length, name, content, checksum.

    The decoder verifies all checksums except the last one.
    """
    at = len(_PNG_SIGNATURE)
    while at + 12 <= len(data):
        behind = at + 12 + int.from_bytes(data[at : at + 4], 'big')
        if data[at + 4 : at + 12] == _PNG_END:
            return behind
        at = behind
    raise EncodingError(
        f'the png of {len(data)} bytes is cut short (no end marker); '
        'look for lost packets between the camera and this machine'
    )
