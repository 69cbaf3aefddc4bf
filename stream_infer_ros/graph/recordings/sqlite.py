"""Reading of sqlite3 storage files, also those of a recorder that was killed."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from stream_infer_ros.graph.recordings.storage import Channel, RecordingProblem, StoredMessage, UnreadableFile

_RECOVER = "what is readable is used; repair it with: sqlite3 FILE '.recover' | sqlite3 NEW_FILE"
# What reading a damaged database raises. A message with damaged text cannot be decoded, a row may be missing.
_DAMAGE = (sqlite3.DatabaseError, UnicodeDecodeError, TypeError)
# Files that a recorder leaves beside the database when it is killed: messages that were not yet moved to the
# database, or pages to put back.
_LOG, _JOURNAL, _LOG_INDEX = '-wal', '-journal', '-shm'


class SqliteFile:
    """A `StorageFile` of rosbag2's plugin sqlite3. The file is never changed.

    Args:
        path: the file.
        name: its name in problems.

    Raises:
        UnreadableFile: it is not a database with the tables of rosbag2.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.channels: list[Channel] = []
        self.problems: list[RecordingProblem] = []
        self.start_ns: int | None = None
        self._name = name
        self._by_id: dict[int, Channel] = {}
        self._leftovers: list[Path] = []
        self._copies: tempfile.TemporaryDirectory[str] | None = None
        self._database = self._open(path)
        try:
            self._describe()
        except BaseException:
            self.close()
            raise

    def messages(self, channels: Collection[Channel]) -> Iterator[StoredMessage]:
        wanted = {number: channel for number, channel in self._by_id.items() if channel in channels}
        topics = ','.join(map(str, wanted))
        columns = 'id, topic_id, timestamp, data'
        query = f'SELECT {columns} FROM messages WHERE topic_id IN ({topics}) ORDER BY timestamp'
        delivered = set()
        try:
            for number, topic, stamp_ns, data in self._database.execute(query):
                if isinstance(stamp_ns, int) and isinstance(data, bytes):  # damage may change the type
                    yield StoredMessage(stamp_ns, wanted[topic], data)
                    delivered.add(number)
        except _DAMAGE as error:
            yield from self._salvage(wanted, delivered, error)

    def close(self) -> None:
        self._database.close()
        for leftover in self._leftovers:
            with suppress(OSError):
                leftover.unlink()
        self._leftovers = []
        if self._copies is not None:
            self._copies.cleanup()

    def _open(self, path: Path) -> sqlite3.Connection:
        log, journal = path.with_name(path.name + _LOG), path.with_name(path.name + _JOURNAL)
        if _has_content(journal):
            return self._open_copy(path, journal)
        if not _has_content(log):
            return _connect(path, 'immutable=1')
        # sqlite needs an index of the log beside it, which is removed again if it was not there.
        index = path.with_name(path.name + _LOG_INDEX)
        if not index.exists():
            self._leftovers.append(index)
        database = _connect(path, 'mode=ro')
        try:
            database.execute('SELECT count(*) FROM sqlite_master').fetchone()
            return database
        except sqlite3.Error:  # e.g. a folder that is read-only
            database.close()
            return self._open_copy(path, log)

    def _open_copy(self, path: Path, companion: Path) -> sqlite3.Connection:
        """Open a copy in a temporary folder, where sqlite may complete what the recorder could not."""
        self._copies = tempfile.TemporaryDirectory(prefix='stream_infer-')
        folder = Path(self._copies.name)
        try:
            for file in (path, companion):
                shutil.copyfile(file, folder / file.name)
        except OSError as error:
            self._copies.cleanup()
            self._copies = None
            self._tell(
                f'{companion.name} holds messages that were not read, because it cannot be copied to '
                f'{folder.parent} ({error.strerror})',
                'free space there, or set TMPDIR to a folder with space',
            )
            return _connect(path, 'immutable=1')
        return _connect(folder / path.name, 'mode=rw')

    def _describe(self) -> None:
        try:
            tables = {name for (name,) in self._database.execute('SELECT name FROM sqlite_master')}
        except _DAMAGE as error:
            raise UnreadableFile(f'the database is damaged ({error})', _RECOVER) from error
        if not {'topics', 'messages'} <= tables:
            raise UnreadableFile(
                'it is an sqlite database, but not a recording (no tables "topics" and "messages")',
                'name a file that was written by ros2 bag record',
            )
        try:
            topics = self._database.execute(
                'SELECT id, name, type, serialization_format FROM topics'
            ).fetchall()
        except _DAMAGE as error:
            raise UnreadableFile(f'the table of topics is damaged ({error})', _RECOVER) from error
        counts = self._counts()
        for number, topic, type_name, encoding in topics:
            count = None if counts is None else counts.pop(number, 0)
            self._by_id[number] = Channel(topic or '', type_name or '', encoding or 'cdr', count=count)
        self.channels = list(self._by_id.values())
        if counts:
            self._tell(
                f'{sum(counts.values())} messages belong to topics that the file does not describe (id '
                f'{", ".join(sorted(map(str, counts)))})',
                'their names are lost; repair the table "topics", or record again',
            )

    def _counts(self) -> dict[int, int] | None:
        """Find the start time; return the number of messages by topic id, None if the database is damaged."""
        query = 'SELECT topic_id, count(*), min(timestamp) FROM messages GROUP BY topic_id'
        try:
            rows = self._database.execute(query).fetchall()
        except _DAMAGE:
            self.start_ns = 0
            with suppress(*_DAMAGE):
                (stamp_ns,) = self._database.execute('SELECT timestamp FROM messages LIMIT 1').fetchone()
                self.start_ns = stamp_ns if isinstance(stamp_ns, int) else 0
            return None
        self.start_ns = min((start_ns for *_, start_ns in rows if isinstance(start_ns, int)), default=None)
        return {topic: count for topic, count, _ in rows}

    def _salvage(
        self, wanted: dict[int, Channel], delivered: set[int], error: Exception
    ) -> Iterator[StoredMessage]:
        """Yield what a damaged database still gives: it is read from both ends, and message by message."""
        left: dict[int, tuple[int, int]] = {}
        for order in ('ASC', 'DESC'):
            with suppress(*_DAMAGE):
                query = f'SELECT id, topic_id, timestamp FROM messages NOT INDEXED ORDER BY id {order}'
                for number, topic, stamp_ns in self._database.execute(query):
                    if number not in delivered and topic in wanted and isinstance(stamp_ns, int):
                        left[number] = (stamp_ns, topic)
        unread = 0
        for number, (stamp_ns, topic) in sorted(left.items(), key=lambda item: item[1]):
            try:
                row = self._database.execute('SELECT data FROM messages WHERE id = ?', (number,)).fetchone()
                yield StoredMessage(stamp_ns, wanted[topic], bytes(row[0]))
            except _DAMAGE:
                unread += 1
        self._tell(
            f'the database is damaged ({error}): at least {unread} of its messages were lost', _RECOVER
        )

    def _tell(self, cause: str, remedy: str) -> None:
        self.problems.append(RecordingProblem(self._name, cause, remedy))


def _connect(path: Path, option: str) -> sqlite3.Connection:
    try:
        database = sqlite3.connect(
            f'file:{quote(str(path.absolute()))}?{option}', uri=True, check_same_thread=False
        )
    except sqlite3.Error as error:
        raise UnreadableFile(
            f'sqlite cannot open it ({error})', 'check the permissions of the file'
        ) from error
    # Without this, sqlite refuses a file that was cut short as a whole. Nothing is written.
    database.execute('PRAGMA writable_schema=ON')
    database.text_factory = lambda text: text.decode(errors='replace')
    return database


def _has_content(file: Path) -> bool:
    return file.is_file() and file.stat().st_size > 0
