"""The graph of a recording: what was recorded comes in, what is published goes into another recording."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from rosbags.interfaces import Connection

from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph.bag_reader import BagReader
from stream_infer_ros.graph.bag_writer import BagWriter
from stream_infer_ros.graph.graph import Cdr, OnMessage, Qos, QosProblem, TopicInfo
from stream_infer_ros.graph.guarded_callback import GuardedCallback, count_by_topic
from stream_infer_ros.graph.names import check_names


class _Publisher:
    def __init__(
        self, graph: BagGraph, topic: str, writer: BagWriter | None, entry: Connection | None
    ) -> None:
        self._graph, self._topic, self._writer, self._entry = graph, topic, writer, entry

    def publish(self, cdr: Cdr) -> None:
        if self._graph.closed:
            raise GraphError(f'topic {self._topic}: the graph was closed; stop publishing before close()')
        if self._writer is not None and self._entry is not None:
            self._writer.write(self._entry, self._graph.now_ns(), cdr)

    def subscribers(self) -> int:
        return 0 if self._writer is None else 1


class BagGraph:
    """A `Graph` over recordings.

    `play` delivers the messages of `read` on the thread that calls it; the clock is the recording's and
    stands at the message being delivered. What is published is written to `write` with that time, and dropped
    where there is none. Without `read` the clock is the system's (or `clock_ns`), which makes it a recorder.

    Args:
        read: recording to play: a folder, .mcap or .db3.
        write: recording to make, see `BagWriter`.

    Raises:
        BagError: `read` cannot be read, or `write` cannot be written.
    """

    def __init__(
        self, read: Path | None = None, write: Path | None = None, clock_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self.closed = False
        self._reader = None if read is None else BagReader(read)
        self._now_ns = 0 if self._reader is None else self._reader.start_ns
        self._clock_ns = clock_ns
        self._subscriptions: list[tuple[TopicInfo, GuardedCallback]] = []
        self._stop = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._player: threading.Thread | None = None
        self._writer: BagWriter | None = None
        if write is not None:
            try:
                self._writer = BagWriter(write)
            except GraphError:
                self.close()
                raise

    def subscribe(self, topic: str, type_name: str, qos: Qos, on_message: OnMessage) -> None:
        """As in `Graph`; whatever QoS the recorder saw, its messages are delivered."""
        self._check(topic, type_name)
        if self._player is not None:
            raise GraphError(f'topic {topic}: the recording is being played; subscribe before play()')
        self._subscriptions.append((TopicInfo(topic, type_name), GuardedCallback(topic, on_message)))

    def advertise(self, topic: str, type_name: str, qos: Qos) -> _Publisher:
        self._check(topic, type_name)
        entry = None if self._writer is None else self._writer.add_topic(topic, type_name, qos)
        return _Publisher(self, topic, self._writer, entry)

    def play(self, realtime: bool = False, wait_until: Callable[[int], None] | None = None) -> int:
        """Deliver the recording, once; returns the number of messages delivered.

        Args:
            realtime: keep the pace of the recording; else as fast as the subscribers return.
            wait_until: called with the stamp_ns of each message before it is delivered, to hold it back;
                takes the place of the pace of `realtime`.

        Raises:
            GraphError: there is no recording to play, it was played already, or the graph is closed.
            BagError: the recording turns out to be damaged.
        """
        if self._reader is None or self.closed or self._player is not None:
            raise GraphError('play() needs an open BagGraph with a recording to read, and plays it only once')
        hold = wait_until or (self._pace(self._reader.start_ns) if realtime else lambda _: None)
        self._player = threading.current_thread()
        self._idle.clear()
        try:
            return self._deliver(self._reader, hold)
        finally:
            if self.closed:  # by a subscriber, in mid-message
                self._reader.close()
            self._idle.set()

    def topics(self) -> list[TopicInfo]:
        return [] if self._reader is None or self.closed else self._reader.topics()

    def qos_problems(self) -> list[QosProblem]:
        """Subscriptions whose topic was recorded with another type."""
        recorded = {topic.name: topic.type_name for topic in self.topics()}
        return [
            QosProblem(
                topic.name, 'type', f'recorded as {recorded[topic.name]}, subscribed as {topic.type_name}'
            )
            for topic, _ in self._subscriptions
            if recorded.get(topic.name, topic.type_name) != topic.type_name
        ]

    def callback_failures(self) -> dict[str, int]:
        return count_by_topic((topic.name, callback.failures) for topic, callback in self._subscriptions)

    def losses(self) -> dict[str, int]:
        """None: a recording is delivered whole."""
        return {}

    def why_lost(self) -> str:
        return ''

    def now_ns(self) -> int:
        return self._clock_ns() if self._reader is None else self._now_ns

    @property
    def span_ns(self) -> tuple[int, int]:
        """Stamps of the first and the last recorded message; (0, 0) where there are none."""
        return (0, 0) if self._reader is None else (self._reader.start_ns, self._reader.end_ns)

    def close(self) -> None:
        """Stop playing, complete the recording that is being written."""
        self._stop.set()
        called_by_a_subscriber = self._player is threading.current_thread() and not self._idle.is_set()
        if not called_by_a_subscriber:
            self._idle.wait()
        if self.closed:
            return
        self.closed = True
        if self._reader is not None and not called_by_a_subscriber:
            self._reader.close()
        if self._writer is not None:
            self._writer.close()

    def _deliver(self, reader: BagReader, hold: Callable[[int], None]) -> int:
        listeners: dict[TopicInfo, list[GuardedCallback]] = {}
        for topic, callback in self._subscriptions:
            listeners.setdefault(topic, []).append(callback)
        delivered = 0
        with closing(reader.messages(listeners.keys())) as messages:
            for topic, stamp_ns, cdr in messages:
                hold(stamp_ns)
                if self._stop.is_set():
                    break
                self._now_ns = max(self._now_ns, stamp_ns)  # the files of a split recording may overlap
                for callback in listeners[topic]:
                    callback(cdr, stamp_ns)
                delivered += 1
        return delivered

    def _pace(self, start_ns: int) -> Callable[[int], None]:
        began_ns = time.monotonic_ns()

        def wait(stamp_ns: int) -> None:
            due_ns = began_ns + stamp_ns - start_ns
            self._stop.wait(max(0, due_ns - time.monotonic_ns()) / 1e9)  # close() ends the wait

        return wait

    def _check(self, topic: str, type_name: str) -> None:
        check_names(topic, type_name)
        if self.closed:
            raise GraphError(f'topic {topic}: the graph was closed; make a new one')
