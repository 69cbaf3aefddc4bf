"""The front door to recordings: opens whatever is there, and reads every channel that can be read."""

from __future__ import annotations

import sqlite3
import struct
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from stream_infer_ros.errors import BagError
from stream_infer_ros.graph.graph import TopicInfo
from stream_infer_ros.graph.names import ros_name
from stream_infer_ros.graph.recordings.compression import compression_of, decompress
from stream_infer_ros.graph.recordings.files import BagFiles, find_bags, names_of, open_file
from stream_infer_ros.graph.recordings.metadata import NAME
from stream_infer_ros.graph.recordings.ros1_messages import NotConvertible, converter, ros2_type
from stream_infer_ros.graph.recordings.storage import (
    Channel,
    RecordingProblem,
    StorageFile,
    StoredMessage,
    UnreadableFile,
)
from stream_infer_ros.graph.recordings.time_order import Source, in_time_order

RecordedMessages = Generator[tuple[TopicInfo, int, bytes], None, None]

_NO_TYPE = ('', '__schemaless__')
_CDR = ('cdr', 'mcap')  # rosbag2_storage_mcap called it so at first


@dataclass(slots=True)
class _Opened:
    """A storage file, with the topic of each channel that can be read."""

    name: str
    storage: StorageFile
    topics: dict[Channel, TopicInfo]
    converters: dict[Channel, Callable[[bytes], bytes]]


class BagReader:
    r"""An open recording.

    It may be the folder of a recording, one of its storage files (.mcap, .db3, also compressed), a .bag of
    ROS 1, or a folder with several of these. Damaged files, and those of a recorder that was killed, are read
    as far as possible. ROS 1 messages are converted.

    with closing(BagReader(path)) as reader:
        for topic, stamp_ns, cdr in reader.messages(reader.topics()):
            ...
        print(*reader.problems, sep='\n')

    Attributes:
        path: the path that was opened.
        start_ns: the time of the first message; 0 if there is none.

    Raises:
        BagError: there is no recording, or nothing in it can be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._problems: list[RecordingProblem] = []
        self._opened: list[_Opened] = []
        self._folder = TemporaryDirectory(prefix='stream_infer-')
        try:
            for bag in find_bags(path):
                self._open(bag)
        except BaseException:
            self.close()
            raise
        if not self._opened:
            self.close()
            raise BagError(f'{path}: nothing can be read. ' + '. '.join(map(str, self.problems)))
        starts_ns = [own.storage.start_ns for own in self._opened if own.storage.start_ns is not None]
        self.start_ns = min(starts_ns, default=0)

    @property
    def problems(self) -> list[RecordingProblem]:
        """What was not read or is missing, with the remedy. Reading messages may add to it."""
        of_files = (problem for own in self._opened for problem in own.storage.problems)
        return list(dict.fromkeys([*self._problems, *of_files]))

    def topics(self) -> list[TopicInfo]:
        """Return the topics that can be read, sorted by name."""
        return sorted({topic for own in self._opened for topic in own.topics.values()})

    def messages(self, topics: Collection[TopicInfo]) -> RecordedMessages:
        """Yield (topic, stamp_ns of the recorder, CDR bytes) of these topics in the order of time.

        `problems` contains what could not be read once the iterator has ended.
        """
        sources: list[Source] = []
        by_channel: dict[Channel, tuple[TopicInfo, Callable[[bytes], bytes] | None]] = {}
        for own in self._opened:
            wanted = {channel: topic for channel, topic in own.topics.items() if topic in topics}
            by_channel |= {channel: (topic, own.converters.get(channel)) for channel, topic in wanted.items()}
            if wanted and own.storage.start_ns is not None:
                sources.append((own.storage.start_ns, partial(self._read, own, wanted)))
        read: Counter[TopicInfo] = Counter()
        refused: dict[TopicInfo, str] = {}
        for stamp_ns, channel, data in in_time_order(sources):
            topic, convert = by_channel[channel]
            try:
                message = data if convert is None and data and data[0] == 0 else _unpacked(data, convert)
            except Exception as error:  # the converter raises several kinds
                refused.setdefault(topic, str(error) or type(error).__name__)
                continue
            read[topic] += 1
            yield topic, stamp_ns, message
        self._tell_missing(by_channel, read, refused)

    def close(self) -> None:
        """Close all files. Safe to call twice."""
        for own in self._opened:
            own.storage.close()
        with suppress(OSError):
            self._folder.cleanup()

    def _open(self, bag: BagFiles) -> None:
        self._problems += bag.problems
        opened: list[_Opened] = []
        for path in bag.files:
            name = self._name(path)
            try:
                storage = open_file(path, name, Path(self._folder.name))
            except UnreadableFile as error:
                self._tell(name, f'cannot be read: {error.cause}', error.remedy)
            except PermissionError:
                self._tell(name, 'permission denied', 'check the permissions of the file')
            except (OSError, sqlite3.Error) as error:
                self._tell(name, f'cannot be read ({error})', 'check the disk, or copy the file again')
            else:
                file = _Opened(name, storage, {}, {})
                if (original := self._copied_by(storage)) is not None:
                    self._tell(name, f'is a copy of {original}, and is not read', 'move one of the two away')
                    storage.close()
                    continue
                self._opened.append(file)
                opened.append(file)
                self._choose_channels(file, bag.types)
        self._compare_with_metadata(bag, opened)

    def _name(self, path: Path) -> str:
        return path.name if path == self.path else str(path.relative_to(self.path))

    def _copied_by(self, storage: StorageFile) -> str | None:
        """Return the name of an open file that begins with the same message, e.g. a decompressed copy."""
        for own in self._opened:
            if storage.start_ns is not None and own.storage.start_ns == storage.start_ns:
                ours, theirs = _first_message(storage), _first_message(own.storage)
                if ours is not None and ours == theirs:
                    return own.name
        return None

    def _choose_channels(self, file: _Opened, types: dict[str, str]) -> None:
        """Find the topic and type of each channel, and tell which channels cannot be read."""
        foreign: list[str] = []
        untyped: list[str] = []
        unlike: list[str] = []
        for channel in file.storage.channels:
            topic = _topic_name(channel.topic)
            type_name = channel.type_name
            if type_name in _NO_TYPE:
                type_name = types.get(channel.topic, '')
            encoding = channel.encoding.lower()
            if encoding == 'ros1' and type_name:
                type_name = ros2_type(type_name)
                try:
                    file.converters[channel] = converter(type_name, channel.definition)
                except NotConvertible as error:
                    unlike.append(f'{topic} ({error})')
                    continue
            elif encoding not in _CDR:
                foreign.append(f'{topic} ({encoding or "no encoding"}{type_name and f", {type_name}"})')
                continue
            if not type_name:
                untyped.append(topic)
                continue
            file.topics[channel] = TopicInfo(topic, _full_name(type_name))
        if foreign:
            self._tell(
                file.name,
                f'not read, because they are not messages of ROS: {names_of(sorted(foreign))}',
                'if a camera is among them, record it as sensor_msgs with ros2 bag record',
            )
        if unlike:
            self._tell(
                file.name,
                f'not read, because ROS 1 and ROS 2 differ: {names_of(sorted(unlike))}',
                'cameras and transforms do not differ; convert the others in a program of your own',
            )
        if untyped:
            self._tell(
                file.name,
                f'not read, because their message type is not recorded: {names_of(sorted(untyped))}',
                f'put the {NAME} of the recording beside the file, which contains the types',
            )

    def _compare_with_metadata(self, bag: BagFiles, opened: list[_Opened]) -> None:
        """Tell which messages metadata.yaml counts and the files do not contain."""
        if bag.metadata is None or bag.metadata.counts is None:
            return
        held: Counter[str] = Counter()
        for own in opened:
            for channel in own.storage.channels:
                if channel.count is None:
                    return  # the file is damaged, which was told
                held[channel.topic] += channel.count
        short = {t: (held[t], n) for t, n in bag.metadata.counts.items() if held[t] < n}
        if short:
            parts = [f'{topic} {there} of {listed}' for topic, (there, listed) in sorted(short.items())]
            missing = sum(listed - there for there, listed in short.values())
            self._tell(
                bag.folder.name,
                f'{missing} messages that {NAME} lists are not in its files: {names_of(parts)}',
                'copy the recording again if the original is complete; otherwise, they are lost',
            )

    def _read(self, file: _Opened, wanted: dict[Channel, TopicInfo]) -> Iterator[StoredMessage]:
        """Yield the messages of a file, up to an error of the disk."""
        try:
            yield from file.storage.messages(wanted.keys())
        except (OSError, sqlite3.Error, struct.error, ValueError, KeyError) as error:
            self._tell(file.name, f'reading stopped ({error})', 'check the disk, or copy the file again')

    def _tell_missing(
        self, channels: Collection[Channel], read: Counter[TopicInfo], refused: dict[TopicInfo, str]
    ) -> None:
        """Tell which messages the files list, but did not give."""
        listed: Counter[TopicInfo] = Counter()
        for own in self._opened:
            for channel, topic in own.topics.items():
                if channel in channels:
                    listed[topic] += channel.count or 0
        for topic, count in sorted(listed.items()):
            if topic in refused:
                self._tell(
                    topic.name,
                    f'{count - read[topic]} of {count} messages are not valid ({refused[topic][:80]})',
                    'they were damaged, or recorded with another encoding than the file says: record again, '
                    'or convert the original with rosbags-convert',
                )
            elif read[topic] < count:
                self._tell(
                    topic.name,
                    f'{read[topic]} of the {count} recorded messages were read',
                    'the file is damaged: copy it again, or use what there is',
                )

    def _tell(self, where: str, cause: str, remedy: str) -> None:
        self._problems.append(RecordingProblem(where, cause, remedy))


def _unpacked(data: bytes, convert: Callable[[bytes], bytes] | None) -> bytes:
    """Return the CDR bytes of a message that is compressed or in the encoding of ROS 1."""
    if compression := compression_of(data):
        data = decompress(data, compression)
    if not data:
        raise ValueError('a message is empty')
    return data if convert is None else convert(data)


def _first_message(storage: StorageFile) -> tuple[int, str, bytes] | None:
    first = next(iter(storage.messages(storage.channels)), None)
    return None if first is None else (first.stamp_ns, first.channel.topic, first.data)


def _topic_name(recorded: str) -> str:
    """Return the absolute name of a topic. Recorders of DDS write 'rt/x', others leave the '/' out."""
    if recorded.startswith('rt/'):
        return recorded[2:]
    return recorded if recorded.startswith('/') else f'/{recorded}'


def _full_name(type_name: str) -> str:
    """Return 'sensor_msgs/msg/Image' for the other ways in which recorders write it."""
    if known := ros_name(type_name):
        return known
    parts = type_name.replace('::', '/').split('/')
    return f'{parts[0]}/msg/{parts[1]}' if len(parts) == 2 else '/'.join(parts)
