"""Reader of ROS 2 recordings: MCAP and sqlite3, plain or compressed, a folder or a single file."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from rosbags.rosbag2 import Reader

from stream_infer_ros.errors import BagError
from stream_infer_ros.graph.graph import TopicInfo

RecordedMessages = Generator[tuple[TopicInfo, int, bytes], None, None]

_STORAGE = ('.mcap', '.db3')
_ZSTD = b'\x28\xb5\x2f\xfd'  # the start of a compressed message, with which no CDR message starts


class BagReader:
    """An open recording.

    A folder is read according to its metadata.yaml. If that is missing, e.g. after a crash, the folder must
    contain a single storage file, which is read directly.

    Raises:
        BagError: the path does not exist, or it is not a recording that can be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with _as_bag_error(path):
            self._reader = Reader(_what_to_open(path))
            self._reader.open()
        self.start_ns = self._reader.start_time if self._reader.message_count else 0

    def topics(self) -> list[TopicInfo]:
        """Return the recorded topics, sorted by name."""
        return sorted({TopicInfo(own.topic, _full_name(own.msgtype)) for own in self._reader.connections})

    def messages(self, topics: Collection[TopicInfo]) -> RecordedMessages:
        """Yield (topic, stamp_ns of the recorder, CDR bytes) of these topics, in the order of the recording.

        Raises:
            BagError: the recording is damaged.
        """
        wanted = {
            id(own): TopicInfo(own.topic, _full_name(own.msgtype))
            for own in self._reader.connections
            if TopicInfo(own.topic, _full_name(own.msgtype)) in topics
        }
        if not wanted:  # for rosbags, no connections means all of them
            return
        connections = [own for own in self._reader.connections if id(own) in wanted]
        recorded = self._reader.messages(connections)
        while True:
            with _as_bag_error(self.path):
                message = next(recorded, None)
            if message is None:
                return
            connection, stamp_ns, cdr = message
            if cdr.startswith(_ZSTD):
                raise BagError(
                    f'{self.path}: its messages are compressed individually, which is described only in '
                    'metadata.yaml: open the folder of the recording instead'
                )
            yield TopicInfo(connection.topic, _full_name(connection.msgtype)), stamp_ns, cdr

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        if self._reader.is_open:
            self._reader.close()


def _what_to_open(path: Path) -> Path:
    """Return the folder of the recording if it has metadata, and the storage file otherwise."""
    if path.is_file():
        folder = path.parent
        alone = len(_storage_files(folder)) == 1
        return folder if alone and (folder / 'metadata.yaml').is_file() else path
    if not path.is_dir() or (path / 'metadata.yaml').is_file():
        return path  # rosbags reports the problem
    files = _storage_files(path)
    if len(files) != 1:
        raise BagError(
            f'{path}: expected a recording, found no metadata.yaml and {len(files)} storage files '
            f'({", ".join(_STORAGE)}); name one of the files, or run ros2 bag reindex on the folder'
        )
    return files[0]


def _storage_files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.suffix in _STORAGE)


def _full_name(type_name: str) -> str:
    """Return 'sensor_msgs/msg/Image' for 'sensor_msgs/Image', which some recorders write."""
    parts = type_name.split('/')
    return f'{parts[0]}/msg/{parts[1]}' if len(parts) == 2 else type_name


@contextmanager
def _as_bag_error(path: Path) -> Iterator[None]:
    try:
        yield
    except BagError:
        raise
    except FileNotFoundError as error:
        raise BagError(f'{path}: expected a recording (a folder, .mcap or .db3), found none') from error
    except PermissionError as error:
        raise BagError(f'{path}: permission denied; check the permissions of the file') from error
    except Exception as error:  # the libraries raise any exception for a damaged file
        raise BagError(
            f'{path}: cannot be read as a ROS 2 recording ({type(error).__name__}: {error}); check it with '
            'ros2 bag info, repair it with ros2 bag reindex or mcap recover'
        ) from error
