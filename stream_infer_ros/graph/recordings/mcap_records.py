"""The records of the MCAP format: https://mcap.dev/spec.

The libraries for MCAP stop at the first damaged record, and rosbags also at foreign channels. The recording
of a robot that lost its power is damaged or has no end. The records are therefore walked here.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import BinaryIO, NamedTuple

MAGIC = b'\x89MCAP0\r\n'


class Op(IntEnum):
    """The records that are needed to read messages."""

    HEADER = 0x01
    FOOTER = 0x02
    SCHEMA = 0x03
    CHANNEL = 0x04
    MESSAGE = 0x05
    CHUNK = 0x06
    MESSAGE_INDEX = 0x07
    STATISTICS = 0x0B
    DATA_END = 0x0F


class Record(NamedTuple):
    """The position of a record. `length` is that of its body, which may be cut off by the end of the file."""

    op: int
    body: int
    length: int


class Schema(NamedTuple):
    """A message type: its name, the language of its definition, and the definition."""

    name: str
    encoding: str
    definition: str


class ChannelRecord(NamedTuple):
    """A topic with the id of its schema (0 for none) and the encoding of its messages."""

    schema_id: int
    topic: str
    encoding: str


class ChunkHead(NamedTuple):
    """The fields of a chunk before its data; times are those of its earliest and latest message."""

    start_ns: int
    end_ns: int
    size: int
    crc: int
    compression: str
    data_length: int


MESSAGE_HEAD = struct.Struct('<HIQQ')  # channel id, sequence, log time, publish time
_RECORD_HEAD = struct.Struct('<BQ')
_CHUNK_HEAD = struct.Struct('<QQQII')
_STATISTICS_COUNTS = 42  # the length of the fields before the counts by channel
_LARGEST_STANDARD_OP = 0x0F

# The start of a message or chunk with a length below 4 GiB, by which a reader finds its way after damage.
_CANDIDATE = re.compile(rb'[\x05\x06].{4}\x00{4}', re.DOTALL)
_SEARCHED_BYTES = 1 << 24
_CONSECUTIVE = 3


def walk(file: BinaryIO, position: int, size: int) -> Iterator[Record]:
    """Yield the records from `position` on, up to the footer or the first one that cannot be a record.

    The last record that is yielded may reach beyond the end of the file.
    """
    while position < size:
        file.seek(position)
        head = file.read(_RECORD_HEAD.size)
        if len(head) < _RECORD_HEAD.size:
            return
        op, length = _RECORD_HEAD.unpack(head)
        if op == 0:
            return
        record = Record(op, position + _RECORD_HEAD.size, length)
        yield record
        if op == Op.FOOTER:
            return
        position = record.body + length


def find_next_record(file: BinaryIO, position: int, size: int) -> int | None:
    """Return the position of the next message or chunk after damage; None if there is none."""
    while position < size:
        file.seek(position)
        block = file.read(_SEARCHED_BYTES)
        for match in _CANDIDATE.finditer(block):
            if _is_plausible(file, position + match.start(), size):
                return position + match.start()
        if len(block) < _SEARCHED_BYTES:
            return None
        position += len(block) - _RECORD_HEAD.size
    return None


def _is_plausible(file: BinaryIO, position: int, size: int) -> bool:
    """True if several records follow each other from here without a gap."""
    for number, record in enumerate(walk(file, position, size)):
        if record.op > _LARGEST_STANDARD_OP or record.body + record.length > size:
            return False
        if record.op == Op.MESSAGE and record.length < MESSAGE_HEAD.size:
            return False
        if record.op == Op.FOOTER or number + 1 == _CONSECUTIVE or record.body + record.length == size:
            return True
    return False


def parse_schema(body: bytes) -> tuple[int, Schema]:
    """Return (id, schema). The parsers raise struct.error or IndexError for a damaged record."""
    name, position = _text(body, 2)
    encoding, position = _text(body, position)
    definition, _ = _text(body, position)
    return struct.unpack_from('<H', body)[0], Schema(name, encoding, definition)


def parse_channel(body: bytes) -> tuple[int, ChannelRecord]:
    """Return (id, channel)."""
    channel_id, schema_id = struct.unpack_from('<HH', body)
    topic, position = _text(body, 4)
    encoding, _ = _text(body, position)
    return channel_id, ChannelRecord(schema_id, topic, encoding)


def parse_header(body: bytes) -> str:
    """Return the profile of the file: 'ros2', 'ros1', or anything else."""
    return _text(body, 0)[0]


def parse_chunk_head(body: bytes) -> tuple[ChunkHead, int]:
    """Return the fields of a chunk, and the offset of its data in the record."""
    start_ns, end_ns, size, crc, _ = _CHUNK_HEAD.unpack_from(body)
    compression, position = _text(body, _CHUNK_HEAD.size - 4)
    (data_length,) = struct.unpack_from('<Q', body, position)
    return ChunkHead(start_ns, end_ns, size, crc, compression, data_length), position + 8


def parse_statistics(body: bytes) -> dict[int, int]:
    """Return the number of messages by channel id."""
    (length,) = struct.unpack_from('<I', body, _STATISTICS_COUNTS)
    counts = body[_STATISTICS_COUNTS + 4 : _STATISTICS_COUNTS + 4 + length]
    return dict(struct.iter_unpack('<HQ', counts[: len(counts) // 10 * 10]))


def _text(body: bytes, position: int) -> tuple[str, int]:
    (length,) = struct.unpack_from('<I', body, position)
    end = position + 4 + length
    if end > len(body):
        raise IndexError('a text is longer than its record')
    return body[position + 4 : end].decode(errors='replace'), end
