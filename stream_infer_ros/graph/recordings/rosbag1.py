"""Reading of ROS 1 bags (version 2.0), with or without index, intact or cut short.

The format is described at https://wiki.ros.org/Bags/Format/2.0.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from pathlib import Path

from stream_infer_ros.graph.recordings.compression import decompress, is_known
from stream_infer_ros.graph.recordings.storage import Channel, RecordingProblem, StoredMessage, UnreadableFile
from stream_infer_ros.graph.recordings.time_order import in_time_order

MAGIC = b'#ROSBAG V'
_VERSION = b'#ROSBAG V2.0\n'
_INDEX_ENTRY = struct.Struct('<III')  # seconds, nanoseconds, offset
_CONVERT = 'convert it with rosbags-convert on a machine that can read it, or record again'
_COPY_AGAIN = 'what is readable is used; copy the file again, or convert the original with rosbags-convert'


class _Op(IntEnum):
    MESSAGE = 2
    BAG_HEADER = 3
    INDEX = 4
    CHUNK = 5
    CHUNK_INFO = 6
    CONNECTION = 7


@dataclass(slots=True)
class _Chunk:
    data_at: int
    length: int
    compression: str
    cut_off: bool
    start_ns: int | None = None
    counts: Counter[int] = field(default_factory=Counter)  # by connection id, from the index behind the chunk


class Rosbag1File:
    """A `StorageFile` of ROS 1. Its messages are in the encoding 'ros1'.

    Args:
        path: the file.
        name: its name in problems.

    Raises:
        UnreadableFile: there is no connection in it, or it is encrypted.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.channels: list[Channel] = []
        self.problems: list[RecordingProblem] = []
        self._name = name
        self._size = path.stat().st_size
        self._file = path.open('rb')
        self._by_id: dict[int, Channel] = {}
        self._counts: Counter[int] = Counter()
        self._chunks: list[_Chunk] = []
        self._listed_chunks = 0
        try:
            self._scan()
        except BaseException:
            self.close()
            raise
        self.start_ns = min((c.start_ns for c in self._chunks if c.start_ns is not None), default=None)

    def messages(self, channels: Collection[Channel]) -> Iterator[StoredMessage]:
        wanted = {number: channel for number, channel in self._by_id.items() if channel in channels}
        return in_time_order(
            (chunk.start_ns, partial(self._chunk_messages, chunk, wanted))
            for chunk in self._chunks
            if chunk.start_ns is not None
        )

    def close(self) -> None:
        self._file.close()

    def _scan(self) -> None:
        self._file.seek(0)
        version = self._file.readline(16)
        if version != _VERSION:
            raise UnreadableFile(
                f'it is a ROS 1 bag of the old version {version.strip().decode(errors="replace")[9:]}',
                'convert it in ROS 1 with `rosbag fix`, then with rosbags-convert',
            )
        has_end = self._scan_records(len(_VERSION))
        for chunk in self._chunks:
            if not has_end or not self._by_id or not chunk.counts:
                self._describe_chunk(chunk)
        if not self._by_id:
            raise UnreadableFile(
                'it is a ROS 1 bag without a readable record: it is damaged, or was cut short at once',
                'copy the file again, or convert the original to ROS 2 with rosbags-convert',
            )
        if not has_end:
            self._tell(
                'the ROS 1 bag has no end: the recorder was killed or the file was cut short', _COPY_AGAIN
            )
        elif len(self._chunks) != self._listed_chunks:
            cause = (
                f'the ROS 1 bag is damaged: {len(self._chunks)} of {self._listed_chunks} chunks were found'
            )
            self._tell(cause, _COPY_AGAIN)
        self._by_id = {
            number: Channel(own.topic, own.type_name, own.encoding, own.definition, self._counts[number])
            for number, own in self._by_id.items()
        }
        self.channels = list(self._by_id.values())

    def _scan_records(self, position: int) -> bool:
        """Find chunks and connections; return False if the end of the file is missing."""
        ended = False
        while position < self._size:
            try:
                header, data_at, length = self._record(position)
                op = header[b'op'][0]
                position = data_at + length
                if op == _Op.BAG_HEADER:
                    if header.get(b'encryptor'):
                        raise UnreadableFile('it is an encrypted ROS 1 bag', _CONVERT)
                    self._listed_chunks = _uint32(header, b'chunk_count')
                if op == _Op.CHUNK:
                    compression = header[b'compression'].decode(errors='replace')
                    self._chunks.append(_Chunk(data_at, length, compression, position > self._size))
                elif position > self._size:
                    return False
                elif op == _Op.CONNECTION:
                    self._describe(header, self._read(data_at, length))
                elif op == _Op.INDEX and self._chunks:
                    self._take_index(header, self._read(data_at, length))
                ended = ended or op == _Op.CHUNK_INFO
            except (struct.error, IndexError, KeyError, ValueError):
                return False
        return ended or not self._chunks

    def _take_index(self, header: dict[bytes, bytes], data: bytes) -> None:
        chunk, number = self._chunks[-1], _uint32(header, b'conn')
        for seconds, nanoseconds, _ in _INDEX_ENTRY.iter_unpack(data[: len(data) // 12 * 12]):
            stamp_ns = seconds * 10**9 + nanoseconds
            chunk.start_ns = stamp_ns if chunk.start_ns is None else min(chunk.start_ns, stamp_ns)
            chunk.counts[number] += 1
            self._counts[number] += 1

    def _describe_chunk(self, chunk: _Chunk) -> None:
        """Keep the connections of a chunk, and count its messages if it has no index."""
        for header, data, _ in _records_in(self._chunk_data(chunk)):
            if header[b'op'][0] == _Op.CONNECTION:
                self._describe(header, data)
            elif header[b'op'][0] == _Op.MESSAGE and not chunk.counts:
                stamp_ns = _stamp_ns(header)
                chunk.start_ns = stamp_ns if chunk.start_ns is None else min(chunk.start_ns, stamp_ns)
                self._counts[_uint32(header, b'conn')] += 1

    def _describe(self, header: dict[bytes, bytes], data: bytes) -> None:
        number = _uint32(header, b'conn')
        if number not in self._by_id:
            fields = _fields(data)
            self._by_id[number] = Channel(
                header[b'topic'].decode(errors='replace'),
                fields[b'type'].decode(errors='replace'),
                'ros1',
                fields.get(b'message_definition', b'').decode(errors='replace'),
            )

    def _chunk_messages(self, chunk: _Chunk, wanted: dict[int, Channel]) -> Iterator[StoredMessage]:
        messages: list[StoredMessage] = []
        content, read_to = self._chunk_data(chunk), 0
        found: Counter[int] = Counter()
        for header, data, end in _records_in(content):
            read_to = end
            if header[b'op'][0] == _Op.MESSAGE:
                number = _uint32(header, b'conn')
                found[number] += 1
                if number in wanted:
                    messages.append(StoredMessage(_stamp_ns(header), wanted[number], data))
        if read_to < len(content) or not content or (chunk.counts and found != chunk.counts):
            expected = sum(chunk.counts.values())
            self._tell(
                f'the chunk at byte {chunk.data_at} is damaged: {sum(found.values())} messages were found'
                + (f', its index lists {expected}' if expected else ''),
                _COPY_AGAIN,
            )
        messages.sort(key=lambda message: message.stamp_ns)
        return iter(messages)

    def _chunk_data(self, chunk: _Chunk) -> bytes:
        if not is_known(chunk.compression):
            return b''
        return decompress(self._read(chunk.data_at, chunk.length), chunk.compression)

    def _record(self, position: int) -> tuple[dict[bytes, bytes], int, int]:
        """Return the header of a record, and where its data is."""
        (length,) = struct.unpack('<I', self._read(position, 4))
        header = _fields(self._read(position + 4, length))
        (data_length,) = struct.unpack('<I', self._read(position + 4 + length, 4))
        return header, position + 8 + length, data_length

    def _read(self, position: int, length: int) -> bytes:
        self._file.seek(position)
        return self._file.read(max(0, min(length, self._size - position)))

    def _tell(self, cause: str, remedy: str) -> None:
        self.problems.append(RecordingProblem(self._name, cause, remedy))


def _records_in(data: bytes) -> Iterator[tuple[dict[bytes, bytes], bytes, int]]:
    """Yield (header, data, end) of all complete records of a chunk, up to the first damaged one."""
    position = 0
    try:
        while position < len(data):
            (length,) = struct.unpack_from('<I', data, position)
            header = _fields(data[position + 4 : position + 4 + length])
            start = position + 8 + length
            (size,) = struct.unpack_from('<I', data, start - 4)
            position = start + size
            if position > len(data) or not header.get(b'op'):
                return
            if header[b'op'][0] == _Op.MESSAGE:
                _stamp_ns(header), _uint32(header, b'conn')
            yield header, data[start:position], position
    except (struct.error, ValueError, KeyError):
        return


def _fields(data: bytes) -> dict[bytes, bytes]:
    """Parse 'name=value' fields, each with its length in front."""
    fields, position = {}, 0
    while position < len(data):
        (length,) = struct.unpack_from('<I', data, position)
        name, separator, value = data[position + 4 : position + 4 + length].partition(b'=')
        if not separator:
            raise ValueError('expected name=value')
        fields[name] = value
        position += 4 + length
    return fields


def _uint32(header: dict[bytes, bytes], name: bytes) -> int:
    return int.from_bytes(header[name], 'little')


def _stamp_ns(header: dict[bytes, bytes]) -> int:
    seconds, nanoseconds = struct.unpack('<II', header[b'time'])
    return int(seconds) * 10**9 + int(nanoseconds)
