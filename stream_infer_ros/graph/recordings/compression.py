"""Decompression of messages, chunks and files. Of damaged data, the part before the damage is returned."""

from __future__ import annotations

import bz2
import lzma
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lz4.frame

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# The first bytes of compressed files and messages. No message of ROS 2 starts with one of them.
_MAGIC = {
    b'\x28\xb5\x2f\xfd': 'zstd',
    b'\x04\x22\x4d\x18': 'lz4',
    b'\x1f\x8b\x08': 'gzip',
    b'BZh': 'bz2',
    b'\xfd7zXZ\x00': 'xz',
}

_DECOMPRESSORS: dict[str, Callable[[], Any]] = {
    'zstd': zstd.ZstdDecompressor,
    'lz4': lz4.frame.LZ4FrameDecompressor,
    'bz2': bz2.BZ2Decompressor,
    'xz': lzma.LZMADecompressor,
    'gzip': lambda: zlib.decompressobj(wbits=31),
}
# A damaged stream is decompressed in pieces of this size, so that what came before the damage is kept.
_PIECE_BYTES = 4096
_FILE_PIECE_BYTES = 1 << 20


def is_known(compression: str) -> bool:
    """True if chunks with this compression can be read."""
    return compression in ('', 'none') or compression in _DECOMPRESSORS


def decompress(data: bytes, compression: str) -> bytes:
    """Return the decompressed bytes; if `data` is damaged or cut short, those before the damage."""
    if compression in ('', 'none'):
        return data
    try:
        decompressor = _DECOMPRESSORS[compression]()
        whole: bytes = decompressor.decompress(data)
        if decompressor.eof:
            return whole
    except Exception:  # each library raises its own errors
        pass
    decompressor, parts = _DECOMPRESSORS[compression](), []
    try:
        for start in range(0, len(data), _PIECE_BYTES):
            parts.append(decompressor.decompress(data[start : start + _PIECE_BYTES]))
    except Exception:
        pass  # the end of what can be decompressed
    return b''.join(parts)


def compression_of(data: bytes) -> str:
    """Return the compression of a file or message by its first bytes, '' if it is not compressed."""
    return next((name for magic, name in _MAGIC.items() if data.startswith(magic)), '')


def decompress_file(source: Path, target: Path, compression: str) -> bool:
    """Decompress a file to `target`; return False if it is damaged, and `target` is only the beginning.

    Raises:
        OSError: a file cannot be read or written.
    """
    decompressor = _DECOMPRESSORS[compression]()
    with source.open('rb') as packed, target.open('wb') as unpacked:
        while piece := packed.read(_FILE_PIECE_BYTES):
            while piece:
                try:
                    data = decompressor.decompress(piece)
                except Exception:
                    return False
                unpacked.write(data)
                piece = decompressor.unused_data or b''
                if piece:  # rosbag2 and zstd write large files as several frames
                    decompressor = _DECOMPRESSORS[compression]()
    return bool(decompressor.eof)
