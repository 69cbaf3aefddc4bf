"""The graph of a recording: plays one recording, and writes published messages to another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rosbags.interfaces import Connection

from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph.adapter_base import AdapterBase, closed_publisher
from stream_infer_ros.graph.bag_writer import BagWriter
from stream_infer_ros.graph.graph import Cdr, OnMessage, Qos, QosProblem, TopicInfo
from stream_infer_ros.graph.guarded_callback import GuardedCallback
from stream_infer_ros.graph.names import check_names
from stream_infer_ros.graph.recordings import BagReader, RecordedMessages, RecordingProblem


class _Publisher:
    def __init__(
        self, graph: BagGraph, topic: str, writer: BagWriter | None, entry: Connection | None
    ) -> None:
        self._graph, self._topic, self._writer, self._entry = graph, topic, writer, entry
        self._closed = False

    def publish(self, cdr: Cdr) -> None:
        if self._closed:
            raise closed_publisher(self._topic)
        if self._writer is not None and self._entry is not None:
            self._writer.write(self._entry, self._graph.now_ns(), cdr)

    def subscribers(self) -> int:
        return 0 if self._writer is None else 1

    def close(self) -> None:
        self._closed = True


class BagGraph(AdapterBase):
    """A `Graph` over recordings.

    `play` delivers the messages of the recording `read` to the subscribers, on the calling thread. `steps`
    does the same one message at a time. The clock is that of the recording: it shows the stamp of the message
    that was delivered last. Published messages are written to `write` with that time. Without `write` they
    are dropped. Without `read` the clock is the system's (or `clock_ns`), and the graph is a recorder.

    Args:
        read: the recording to play, see `BagReader`; an open reader is closed with the graph.
        write: the recording to make, see `BagWriter`.

    Raises:
        BagError: `read` cannot be read, or `write` cannot be written.
    """

    def __init__(
        self,
        read: Path | BagReader | None = None,
        write: Path | None = None,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        super().__init__()
        self._reader = BagReader(read) if isinstance(read, Path) else read
        self._now_ns = 0 if self._reader is None else self._reader.start_ns
        self._clock_ns = clock_ns
        self._subscriptions: list[tuple[TopicInfo, GuardedCallback]] = []
        self._playing = False
        self._messages: RecordedMessages | None = None
        self._stop = threading.Event()
        # Held during each step; reentrant, because a subscriber may call close().
        self._step_lock = threading.RLock()
        self._writer: BagWriter | None = None
        if write is not None:
            try:
                self._writer = BagWriter(write)
            except GraphError:
                self.close()
                raise

    def subscribe(self, topic: str, type_name: str, qos: Qos, on_message: OnMessage) -> None:
        """Subscribe as in `Graph`. Messages are delivered with any QoS, whatever the recorder used."""
        check_names(topic, type_name)
        self._refuse_if_closed(topic)
        if self._playing:
            raise GraphError(f'topic {topic}: the recording is being played; subscribe before play()')
        self._subscriptions.append((TopicInfo(topic, type_name), self._guard(topic, on_message)))

    def advertise(self, topic: str, type_name: str, qos: Qos) -> _Publisher:
        check_names(topic, type_name)
        self._refuse_if_closed(topic)
        entry = None if self._writer is None else self._writer.add_topic(topic, type_name, qos)
        publisher = _Publisher(self, topic, self._writer, entry)
        self._publishers.append(publisher)
        return publisher

    def play(self, realtime: bool = False) -> int:
        """Deliver the whole recording; return the number of messages. For errors see `steps`."""
        return sum(1 for _ in self.steps(realtime))

    def steps(self, realtime: bool = False) -> Iterator[None]:
        """Deliver the recording message by message, in its order.

        Each step of the iterator calls the subscribers of one message, and then returns to the caller. The
        iterator ends with the recording, or when the graph is closed. A recording can be played only once.

        Args:
            realtime: keep the pace of the recording. Otherwise, a step does not wait.

        Raises:
            GraphError: there is no recording to play, it was played already, or the graph is closed.
        """
        if self._reader is None or self.closed or self._playing:
            raise GraphError(
                'expected an open BagGraph with a recording to read, which was not played yet; make a new one'
            )
        self._playing = True
        listeners: dict[TopicInfo, list[GuardedCallback]] = {}
        for topic, callback in self._subscriptions:
            listeners.setdefault(topic, []).append(callback)
        self._messages = self._reader.messages(listeners.keys())
        return self._steps(self._messages, listeners, self._pace(self._reader.start_ns) if realtime else None)

    def topics(self) -> list[TopicInfo]:
        return [] if self._reader is None or self.closed else self._reader.topics()

    def recording_problems(self) -> list[RecordingProblem]:
        """Return what could not be read of the recording; it is complete once the recording was played."""
        return [] if self._reader is None else self._reader.problems

    def qos_problems(self) -> list[QosProblem]:
        """Return the subscriptions whose topic was recorded with another type."""
        recorded = {topic.name: topic.type_name for topic in self.topics()}
        return [
            QosProblem(
                topic.name, 'type', f'recorded as {recorded[topic.name]}, subscribed as {topic.type_name}'
            )
            for topic, _ in self._subscriptions
            if recorded.get(topic.name, topic.type_name) != topic.type_name
        ]

    def now_ns(self) -> int:
        return self._clock_ns() if self._reader is None else self._now_ns

    def close(self) -> None:
        """Stop playing, and complete the recording that is being written."""
        self._stop.set()
        with self._step_lock:
            super().close()

    def _leave(self) -> None:
        if self._messages is not None:
            self._messages.close()
        if self._reader is not None:
            self._reader.close()
        if self._writer is not None:
            self._writer.close()

    def _steps(
        self,
        messages: RecordedMessages,
        listeners: dict[TopicInfo, list[GuardedCallback]],
        wait_until: Callable[[int], None] | None,
    ) -> Iterator[None]:
        while True:
            with self._step_lock:  # not held between steps, when any thread may close the graph
                if self.closed or (message := next(messages, None)) is None:
                    return
                topic, stamp_ns, cdr = message
                if wait_until is not None:
                    wait_until(stamp_ns)
                if self._stop.is_set():
                    return
                self._now_ns = max(self._now_ns, stamp_ns)  # the files of a split recording may overlap
                for callback in listeners[topic]:
                    callback(cdr, stamp_ns)
            yield

    def _pace(self, start_ns: int) -> Callable[[int], None]:
        """Return a function that waits until a message is due; close() ends the wait."""
        began_ns = time.monotonic_ns()

        def wait_until(stamp_ns: int) -> None:
            due_ns = began_ns + stamp_ns - start_ns
            self._stop.wait(max(0, due_ns - time.monotonic_ns()) / 1e9)

        return wait_until
