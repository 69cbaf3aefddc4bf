"""Writer of ROS 2 recordings, e.g. for `ros2 bag play`: MCAP or sqlite3, a folder or a single file."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rosbags.interfaces import Connection, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.interfaces import Qos as RecordedQos
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.rosbag2.errors import WriterError

from stream_infer_ros.errors import BagError
from stream_infer_ros.graph.graph import Cdr, Qos
from stream_infer_ros.messages.typestore import typestore

_PLUGINS = {'.mcap': StoragePlugin.MCAP, '.db3': StoragePlugin.SQLITE3}
_NEVER = QosTime(9223372036, 854775807)  # an infinite duration in rosbag2


class BagWriter:
    """A recording that is being written. It is complete only after `close`.

    The path selects the format: `name.mcap` and `name.db3` become a single file, any other name becomes a
    folder with metadata.yaml and an MCAP file. MCAP chunks are compressed, which makes maps small.

    Raises:
        BagError: the path exists already, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._bare = path.suffix in _PLUGINS
        plugin = _PLUGINS.get(path.suffix, StoragePlugin.MCAP)
        if path.exists():
            raise BagError(f'{path} already exists and is not overwritten; remove it or choose another path')
        # rosbags writes folders. A single file is moved out of a temporary folder in `close`.
        self._folder = path.with_name(f'.{path.stem}.part') if self._bare else path
        with self._as_bag_error():
            self._writer = Writer(self._folder, version=Writer.VERSION_LATEST, storage_plugin=plugin)
            if plugin is StoragePlugin.MCAP:
                self._writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
            self._writer.open()
        self._open = True

    def add_topic(self, topic: str, type_name: str, qos: Qos) -> Connection:
        """Declare a topic with its definition, type hash and QoS; return its handle for `write`."""
        if type_name not in typestore().fielddefs:
            raise BagError(
                f'{self.path}: the definition of {type_name} is not known, but a recording must contain it. '
                'Known are the types of ROS 2 Jazzy, vision_msgs and map_msgs'
            )
        with self._lock, self._as_bag_error():
            known = [
                own for own in self._writer.connections if (own.topic, own.msgtype) == (topic, type_name)
            ]
            if known:
                return known[0]
            return self._writer.add_connection(
                topic, type_name, typestore=typestore(), offered_qos_profiles=[_recorded(qos)]
            )

    def write(self, topic: Connection, stamp_ns: int, cdr: Cdr) -> None:
        """Append one message."""
        with self._lock, self._as_bag_error():
            self._writer.write(topic, stamp_ns, bytes(cdr) if isinstance(cdr, bytearray) else cdr)

    def close(self) -> None:
        """Complete the recording. Safe to call twice."""
        with self._lock, self._as_bag_error():
            if not self._open:
                return
            self._open = False
            self._writer.close()
            if self._bare:
                (storage,) = self._folder.glob(f'*{self.path.suffix}')
                storage.replace(self.path)
                shutil.rmtree(self._folder)

    @contextmanager
    def _as_bag_error(self) -> Iterator[None]:
        try:
            yield
        except (OSError, WriterError) as error:
            raise BagError(
                f'{self.path}: cannot be written ({error}); check the folder, its permissions and free space'
            ) from error


def _recorded(qos: Qos) -> RecordedQos:
    return RecordedQos(
        history=QosHistory.KEEP_LAST,
        depth=qos.depth,
        reliability=QosReliability['BEST_EFFORT' if qos.reliability == 'best_effort' else 'RELIABLE'],
        durability=QosDurability[qos.durability.upper()],
        deadline=_NEVER,
        lifespan=_NEVER,
        liveliness=QosLiveliness.AUTOMATIC,
        liveliness_lease_duration=_NEVER,
        avoid_ros_namespace_conventions=False,
    )
