"""Decoding of JPEG and PNG files from sensor_msgs/CompressedImage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.errors import EncodingError

MAX_PIXELS = 1 << 26  # 8192 x 8192; otherwise a file of a few bytes could request gigabytes of memory

_REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
_TAIL = 65536  # USB cameras pad their JPEGs with zeros


def _jpeg_size(data: memoryview) -> tuple[int, int] | None:
    """Return (height, width) from the frame header (ITU-T T.81, B.2.2), or None if there is none."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(data[at + 5 : at + 7], 'big'), int.from_bytes(data[at + 7 : at + 9], 'big')
        at += 2 + int.from_bytes(data[at + 2 : at + 4], 'big')
    return None


def _jpeg_is_whole(data: memoryview) -> bool:
    return data[-_TAIL:].tobytes().rstrip(b'\0').endswith(b'\xff\xd9')


def _png_size(data: memoryview) -> tuple[int, int] | None:
    """Return (height, width) from the IHDR chunk (RFC 2083, 4.1.1), or None if it is missing."""
    if len(data) < 24 or data[12:16].tobytes() != b'IHDR':
        return None
    return int.from_bytes(data[20:24], 'big'), int.from_bytes(data[16:20], 'big')


def _png_is_whole(data: memoryview) -> bool:
    return data[-_TAIL:].tobytes().rstrip(b'\0').endswith(b'IEND\xaeB`\x82')


_Rule = tuple[bytes, Callable[[memoryview], 'tuple[int, int] | None'], Callable[[memoryview], bool]]

# By encoding: the first bytes of a file, a function for its size, and a function that looks for its end
# marker.
COMPRESSED: dict[str, _Rule] = {
    'jpeg': (b'\xff\xd8\xff', _jpeg_size, _jpeg_is_whole),
    'png': (b'\x89PNG\r\n\x1a\n', _png_size, _png_is_whole),
}


def compressed_size(image: NDArray[Any], encoding: str) -> tuple[int, int]:
    """Return (height, width) in pixels from the header of a file, without decoding the file.

    Args:
        image: (n,) uint8, the file.
        encoding: 'jpeg' or 'png'.

    Raises:
        EncodingError: the file is not of this encoding, is cut short, or has more than MAX_PIXELS.
    """
    magic, size_of, is_whole = COMPRESSED[encoding]
    if image.ndim != 1 or image.dtype != np.uint8:
        raise EncodingError(f'expected a {encoding} file as (n,) uint8, got {image.shape} {image.dtype}')
    data = np.ascontiguousarray(image).data
    size = size_of(data) if data[: len(magic)].tobytes() == magic else None
    if size is None:
        raise EncodingError(
            f'expected a {encoding} file, got {len(data)} bytes that begin with {data[:8].hex()!r}; '
            'check the format field of the CompressedImage'
        )
    height, width = size
    if not 0 < height * width <= MAX_PIXELS:
        raise EncodingError(f'expected a {encoding} of 1 to {MAX_PIXELS} pixels, got {width}x{height}')
    if not is_whole(data):
        raise EncodingError(
            f'the {encoding} of {len(data)} bytes is cut short (no end marker); '
            'look for lost packets between the camera and this machine'
        )
    return height, width


def decode_compressed(
    image: NDArray[Any], encoding: str, order: Literal['rgb', 'bgr'] = 'rgb', reduce: int = 1
) -> NDArray[np.uint8]:
    """Decode a JPEG or PNG file to 8-bit colour.

    An orientation tag in the file is ignored, because calibrations refer to the image without rotation.

    Args:
        image: (n,) uint8, the file.
        encoding: 'jpeg' or 'png'.
        order: order of the channels of the result.
        reduce: 1, 2, 4 or 8. A JPEG is decoded at a size smaller by this factor, which takes less time. A PNG
            is always decoded at full size.

    Returns:
        (H, W, 3) uint8, owned by the caller. For a reduced JPEG, the size is ceil(H / reduce), ceil(W /
        reduce), and the centre of pixel u lies at `(u + 0.5) * reduce - 0.5` of the full image.

    Raises:
        EncodingError: see `compressed_size`, or the decoder failed. JPEG has no checksum, so that wrong bits
            within a JPEG can go unnoticed.
    """
    compressed_size(image, encoding)
    flags = _REDUCED[reduce if encoding == 'jpeg' else 1] | cv2.IMREAD_IGNORE_ORIENTATION
    colour = cv2.imdecode(image, flags)
    if colour is None:
        raise EncodingError(
            f'the {encoding} of {len(image)} bytes is corrupt and cannot be decoded; '
            'check the driver or the recording'
        )
    if order == 'rgb':
        cv2.cvtColor(colour, cv2.COLOR_BGR2RGB, dst=colour)
    return np.asarray(colour, np.uint8)
