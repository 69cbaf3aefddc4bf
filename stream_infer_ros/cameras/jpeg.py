"""The structure of a JPEG file (ITU-T T.81, annex B): the size of the picture, and the end of the file.

Bytes may follow the file. Drivers of USB cameras often send their whole buffer: behind the file are zeros, or
bytes of an older image. Segments are skipped by their length, so that the end of a thumbnail in an EXIF
segment is not taken for the end of the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.errors import EncodingError

SIGNATURE = b'\xff\xd8\xff'

_START, _END, _SCAN = 0xD8, 0xD9, 0xDA  # SOI, EOI, SOS
_WITHOUT_LENGTH = frozenset([0x01, *range(0xD0, 0xD8)])  # TEM, RST0 to RST7
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15

# A file with more markers, before or after the first scan, is damaged. It would only take time to read.
_MOST_MARKERS = 1000

# A marker is FF and another byte. As in libjpeg, other bytes before it are skipped, and so are repeated FFs.
_MARKER = re.compile(rb'\xff[^\x00\xff]')


def jpeg_size(image: NDArray[np.uint8]) -> tuple[int, int]:
    """Return (height, width) in pixels from the first frame header, which is the one that libjpeg uses.

    Args:
        image: (n,) uint8, C-contiguous.

    Raises:
        EncodingError: it is no JPEG, or it is damaged or cut short before the compressed data.
    """
    data = image.data
    for marker, at in _header(data):
        if marker in _FRAME_HEADERS and at + 7 <= len(data):
            height, width = (int.from_bytes(data[at + k : at + k + 2], 'big') for k in (3, 5))
            return height, width
    raise _damaged(data, 'it has no frame header')


def jpeg_end(image: NDArray[np.uint8]) -> int:
    """Return the number of bytes up to and including the end marker.

    Args:
        image: (n,) uint8, C-contiguous.

    Raises:
        EncodingError: as in `jpeg_size`; or there is no end marker, or a second frame header.
    """
    data = image.data
    *_, (_, at) = segments = list(_header(data))
    if sum(marker in _FRAME_HEADERS for marker, _ in segments) != 1:
        raise _damaged(data, 'it does not have one frame header')
    at = _behind_segment(data, at)
    # In compressed data, FF 00 is a byte of the data, and RST0 to RST7 belong to it. All other markers are
    # found in one pass, because a loop over every FF would take longer than the decoder.
    candidates = np.flatnonzero(image[at:-1] == 0xFF) + at
    following = image[candidates + 1]
    candidates = candidates[(following != 0) & (following & 0xF8 != 0xD0) & (following != 0xFF)]
    for _ in range(_MOST_MARKERS):
        index = np.searchsorted(candidates, at)  # behind the last segment
        if index == len(candidates):
            raise _cut_short(data)
        found = int(candidates[index])
        marker = data[found + 1]
        if marker == _END:
            return found + 2
        if marker == _START:  # the next file begins before this one has ended
            raise _cut_short(data)
        if marker in _FRAME_HEADERS:
            raise _damaged(data, 'it has two frame headers')
        at = found + 2 if marker in _WITHOUT_LENGTH else _behind_segment(data, found + 2)
    raise _damaged(data, 'it has too many markers')


def _header(data: memoryview) -> Iterator[tuple[int, int]]:
    """Yield each marker up to and including the first scan (SOS), and the position of its length."""
    if data[: len(SIGNATURE)].tobytes() != SIGNATURE:
        raise EncodingError(
            f'expected a jpeg file, got {len(data)} bytes that begin with [{data[:8].hex(" ")}]; '
            'check the format field of the CompressedImage'
        )
    at = len(SIGNATURE) - 1
    for _ in range(_MOST_MARKERS):
        found = _MARKER.search(data, at)
        if found is None:
            raise _cut_short(data)
        marker, at = data[found.end() - 1], found.end()
        if marker in _WITHOUT_LENGTH:
            continue
        if marker in (_START, _END):
            raise _damaged(data, 'it ends before the compressed data')
        yield marker, at
        if marker == _SCAN:
            return
        at = _behind_segment(data, at)
    raise _damaged(data, 'it has too many markers')


def _behind_segment(data: memoryview, at: int) -> int:
    """Return the position behind a segment whose length is at `at`."""
    length = int.from_bytes(data[at : at + 2], 'big')
    if at + max(length, 2) > len(data):
        raise _cut_short(data)
    if length < 2:
        raise _damaged(data, f'a segment has {length} bytes')
    return at + length


def _damaged(data: memoryview, how: str) -> EncodingError:
    return EncodingError(f'the jpeg of {len(data)} bytes is damaged: {how}; check the driver')


def _cut_short(data: memoryview) -> EncodingError:
    return EncodingError(
        f'the jpeg of {len(data)} bytes is cut short (no end marker); '
        'look for lost packets between the camera and this machine'
    )
