"""Reading of MCAP files, with or without chunks, index and end, intact or damaged."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from zlib import crc32

from stream_infer_ros.graph.recordings.compression import decompress, is_known
from stream_infer_ros.graph.recordings.mcap_records import (
    MAGIC,
    MESSAGE_HEAD,
    ChannelRecord,
    ChunkHead,
    Op,
    Record,
    Schema,
    find_next_record,
    parse_channel,
    parse_chunk_head,
    parse_header,
    parse_schema,
    parse_statistics,
    walk,
)
from stream_infer_ros.graph.recordings.storage import Channel, RecordingProblem, StoredMessage, UnreadableFile
from stream_infer_ros.graph.recordings.time_order import Source, in_time_order

_RECORD_HEAD_BYTES = 9
_CHUNK_HEAD_BYTES = 256
_INDEX_ENTRY_BYTES = 16
_NO_TYPE = Schema('', '', '')
_RECOVER = 'what is readable is used; `mcap recover` writes it to a new file'


@dataclass(slots=True)
class _Chunk:
    head: ChunkHead
    data_at: int
    cut_off: bool
    counts: Counter[int] = field(default_factory=Counter)  # by channel id, from the index behind the chunk


class McapFile:
    """A `StorageFile` in the format MCAP.

    Opening walks through the records without reading their contents. If the end of the file is missing, all
    chunks are decompressed once, because the channels are described in them.

    Args:
        path: the file.
        name: its name in problems.

    Raises:
        UnreadableFile: there is no message and no channel in it.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.channels: list[Channel] = []
        self.problems: list[RecordingProblem] = []
        self._name = name
        self._size = path.stat().st_size
        self._file = path.open('rb')
        self._profile = ''
        self._schemas: dict[int, Schema] = {}
        self._channel_records: dict[int, ChannelRecord] = {}
        self._statistics: dict[int, int] | None = None
        self._chunks: list[_Chunk] = []
        self._loose: list[
            tuple[int, int, int, int]
        ] = []  # (time, body, length, channel id), outside of chunks
        self._complete = True
        self._by_id: dict[int, Channel] = {}
        try:
            self._scan()
            self._describe_channels()
        except BaseException:
            self.close()
            raise
        starts_ns = [chunk.head.start_ns for chunk in self._chunks] + [entry[0] for entry in self._loose[:1]]
        self.start_ns = min(starts_ns, default=None)

    def messages(self, channels: Collection[Channel]) -> Iterator[StoredMessage]:
        wanted = {number: channel for number, channel in self._by_id.items() if channel in channels}
        sources: list[Source] = [
            (chunk.head.start_ns, partial(self._chunk_messages, chunk, wanted)) for chunk in self._chunks
        ]
        if self._loose:
            sources.append((self._loose[0][0], partial(self._loose_messages, wanted)))
        return in_time_order(sources)

    def close(self) -> None:
        self._file.close()

    def _scan(self) -> None:
        """Find the chunks, loose messages and descriptions; after damage, go on at the next record."""
        position: int | None = len(MAGIC)
        self._file.seek(max(0, self._size - len(MAGIC)))
        has_end = self._size >= 2 * len(MAGIC) and self._file.read() == MAGIC
        while position is not None:
            ended, stopped_at = self._scan_from(position, has_end)
            if ended:
                break
            self._complete = False
            position = find_next_record(self._file, stopped_at + 1, self._size)
            if position is not None:
                self._tell(f'damaged between byte {stopped_at} and {position}', _RECOVER)
            elif has_end:
                self._tell(
                    f'damaged: the last {self._size - stopped_at} bytes were not read',
                    _RECOVER,
                )
            else:
                self._tell('it has no end: the recorder was killed or the file was cut short', _RECOVER)
        self._loose.sort()

    def _scan_from(self, position: int, has_end: bool) -> tuple[bool, int]:
        """Scan up to the end or damage; return (True if the end was found, where it stopped)."""
        for record in walk(self._file, position, self._size):
            cut_off = record.body + record.length > self._size
            if cut_off and (record.op != Op.CHUNK or has_end):
                return False, record.body - _RECORD_HEAD_BYTES
            try:
                self._take(record, cut_off)
            except (struct.error, IndexError):
                return False, record.body - _RECORD_HEAD_BYTES
            if record.op == Op.FOOTER:
                return True, self._size
            position = record.body + record.length
        return False, min(position, self._size)

    def _take(self, record: Record, cut_off: bool) -> None:
        if record.op == Op.CHUNK:
            head, offset = parse_chunk_head(self._read(record.body, min(record.length, _CHUNK_HEAD_BYTES)))
            self._chunks.append(_Chunk(head, record.body + offset, cut_off))
        elif record.op == Op.MESSAGE:
            channel_id, _, log_ns, publish_ns = MESSAGE_HEAD.unpack(
                self._read(record.body, MESSAGE_HEAD.size)
            )
            self._loose.append((log_ns or publish_ns, record.body, record.length, channel_id))
        elif record.op == Op.MESSAGE_INDEX and self._chunks:
            (channel_id,) = struct.unpack('<H', self._read(record.body, 2))
            self._chunks[-1].counts[channel_id] += record.length // _INDEX_ENTRY_BYTES
        elif record.op in (Op.HEADER, Op.SCHEMA, Op.CHANNEL, Op.STATISTICS):
            self._describe(record.op, self._read(record.body, record.length))

    def _describe(self, op: int, body: bytes) -> None:
        if op == Op.HEADER:
            self._profile = parse_header(body)
        elif op == Op.SCHEMA:
            number, schema = parse_schema(body)
            self._schemas.setdefault(number, schema)
        elif op == Op.CHANNEL:
            number, channel = parse_channel(body)
            self._channel_records.setdefault(number, channel)
        elif op == Op.STATISTICS:
            self._statistics = parse_statistics(body)

    def _describe_channels(self) -> None:
        counts = Counter(entry[3] for entry in self._loose)
        if self._chunks:
            if self._complete and self._statistics is not None and self._describes(self._statistics):
                counts = Counter(self._statistics)
            else:
                for chunk in self._chunks:
                    counts.update(self._read_descriptions(chunk))
        for number, record in self._channel_records.items():
            schema = self._schemas.get(record.schema_id, _NO_TYPE)
            encoding = record.encoding or self._profile
            self._by_id[number] = Channel(
                record.topic, schema.name, encoding, schema.definition, counts.pop(number, 0)
            )
        self.channels = list(self._by_id.values())
        if lost := sum(counts.values()):
            self._tell(
                f'{lost} messages belong to channels that the file does not describe (id '
                f'{", ".join(map(str, sorted(counts)))}), so that their topic is unknown',
                'record again; the program that wrote the file leaves out channel records',
            )
        if not self.channels and not lost:
            if not self._complete:
                cause = 'it ends before the first channel: the recorder was killed, or the file was cut short'
                raise UnreadableFile(cause, 'copy the file again from where it was recorded')
            self._complete = True

    def _describes(self, channel_ids: Collection[int]) -> bool:
        """True if the types of all these channels were found outside of the chunks."""
        records = [self._channel_records.get(number) for number in channel_ids]
        return all(own is not None and own.schema_id in {0, *self._schemas} for own in records)

    def _read_descriptions(self, chunk: _Chunk) -> Counter[int]:
        """Keep the schemas and channels of a chunk; return the number of its messages by channel id."""
        data = self._chunk_data(chunk)
        counts: Counter[int] = Counter()
        for op, start, end in _records_in(data):
            if op == Op.MESSAGE:
                counts[int.from_bytes(data[start : start + 2], 'little')] += 1
            elif op in (Op.SCHEMA, Op.CHANNEL):
                try:
                    self._describe(op, data[start:end])
                except (struct.error, IndexError):
                    break
        return counts

    def _chunk_messages(self, chunk: _Chunk, wanted: dict[int, Channel]) -> Iterator[StoredMessage]:
        if chunk.counts and not chunk.cut_off and wanted.keys().isdisjoint(chunk.counts):
            return iter(())
        if not is_known(chunk.head.compression):
            self._tell_lost(chunk, wanted, 0, f'is compressed with {chunk.head.compression!r}')
            return iter(())
        data = self._chunk_data(chunk)
        intact = len(data) == chunk.head.size and (not chunk.head.crc or crc32(data) == chunk.head.crc)
        messages = []
        for op, start, end in _records_in(data):
            if op != Op.MESSAGE or end - start < MESSAGE_HEAD.size:
                continue
            channel_id, _, log_ns, publish_ns = MESSAGE_HEAD.unpack_from(data, start)
            if channel_id not in wanted:
                continue
            # In a damaged chunk, a time outside of that of the chunk is a sign of damage.
            if intact or chunk.head.start_ns <= log_ns <= chunk.head.end_ns:
                body = data[start + MESSAGE_HEAD.size : end]
                messages.append(StoredMessage(log_ns or publish_ns, wanted[channel_id], body))
        if not intact:
            self._tell_lost(chunk, wanted, len(messages), 'is damaged (wrong checksum or size)')
        messages.sort(key=lambda message: message.stamp_ns)
        return iter(messages)

    def _tell_lost(self, chunk: _Chunk, wanted: dict[int, Channel], read: int, cause: str) -> None:
        if chunk.cut_off:
            return  # the file has no end, which was told
        expected = sum(count for number, count in chunk.counts.items() if number in wanted)
        of_how_many = f' of {expected}' if chunk.counts else ''
        self._tell(
            f'the chunk at byte {chunk.data_at} {cause}: {read}{of_how_many} of its messages were read',
            'copy the file again from where it was recorded',
        )

    def _loose_messages(self, wanted: dict[int, Channel]) -> Iterator[StoredMessage]:
        for stamp_ns, body, length, channel_id in self._loose:
            if channel_id in wanted:
                data = self._read(body + MESSAGE_HEAD.size, length - MESSAGE_HEAD.size)
                yield StoredMessage(stamp_ns, wanted[channel_id], data)

    def _chunk_data(self, chunk: _Chunk) -> bytes:
        if not is_known(chunk.head.compression):
            return b''
        return decompress(self._read(chunk.data_at, chunk.head.data_length), chunk.head.compression)

    def _read(self, position: int, length: int) -> bytes:
        self._file.seek(position)
        return self._file.read(max(0, min(length, self._size - position)))

    def _tell(self, cause: str, remedy: str) -> None:
        self.problems.append(RecordingProblem(self._name, cause, remedy))


def _records_in(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (op, start, end) of the bodies of all complete records."""
    position, size = 0, len(data)
    while position + _RECORD_HEAD_BYTES <= size:
        start = position + _RECORD_HEAD_BYTES
        end = start + int.from_bytes(data[position + 1 : start], 'little')
        if end > size:
            return
        yield data[position], start, end
        position = end
