"""A live graph that also writes its published messages to a bag, on a separate thread."""

from __future__ import annotations

import queue
import threading
from pathlib import Path

from rosbags.interfaces import Connection

from stream_infer_ros.errors import BagError, GraphError
from stream_infer_ros.graph.bag_writer import BagWriter
from stream_infer_ros.graph.graph import Cdr, Graph, OnMessage, Publisher, Qos, QosProblem, TopicInfo

# Messages that may wait for the disk: about ten seconds of results of six cameras. A full queue blocks
# publishing.
_WAITING = 1000

_Entry = tuple[Connection, int, Cdr]


class _Recorder:
    """Writes messages in order on a thread, so that compression and disk do not delay publishing."""

    def __init__(self, path: Path) -> None:
        self._writer = BagWriter(path)
        self._waiting: queue.Queue[_Entry | None] = queue.Queue(_WAITING)
        self._failure: BagError | None = None
        self._thread = threading.Thread(target=self._write, name='recorder')
        self._thread.start()

    def add_topic(self, topic: str, type_name: str, qos: Qos) -> Connection:
        return self._writer.add_topic(topic, type_name, qos)

    def put(self, entry: _Entry) -> None:
        """Queue a message. Raises the BagError of an earlier message that could not be written."""
        if self._failure is not None:
            raise self._failure
        self._waiting.put(entry)

    def close(self) -> None:
        """Write the queued messages and complete the recording. Safe to call twice."""
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join()
        self._writer.close()
        if self._failure is not None:
            raise self._failure

    def _write(self) -> None:
        while (entry := self._waiting.get()) is not None:
            if self._failure is None:  # otherwise only empty the queue, so that nobody waits for a full disk
                try:
                    self._writer.write(*entry)
                except BagError as failure:
                    self._failure = failure


class _Both:
    def __init__(self, live: Publisher, entry: Connection, graph: Graph, recorder: _Recorder) -> None:
        self._live, self._entry, self._graph, self._recorder = live, entry, graph, recorder

    def publish(self, cdr: Cdr) -> None:
        self._live.publish(cdr)
        self._recorder.put((self._entry, self._graph.now_ns(), cdr))

    def subscribers(self) -> int:
        """Return the number of subscribers on the live graph. The recording does not count."""
        return self._live.subscribers()


class RecordingGraph:
    """Passes all calls to `graph`, and also writes published messages to the new bag `path`.

    Closing it closes `graph` too.

    Raises:
        BagError: the bag cannot be created. Publishing and closing raise it if the bag cannot be written.
    """

    def __init__(self, graph: Graph, path: Path) -> None:
        self._graph = graph
        try:
            self._recorder = _Recorder(path)
        except GraphError:
            graph.close()
            raise

    def subscribe(self, topic: str, type_name: str, qos: Qos, on_message: OnMessage) -> None:
        self._graph.subscribe(topic, type_name, qos, on_message)

    def advertise(self, topic: str, type_name: str, qos: Qos) -> Publisher:
        live = self._graph.advertise(topic, type_name, qos)
        return _Both(live, self._recorder.add_topic(topic, type_name, qos), self._graph, self._recorder)

    def topics(self) -> list[TopicInfo]:
        return self._graph.topics()

    def qos_problems(self) -> list[QosProblem]:
        return self._graph.qos_problems()

    def callback_failures(self) -> dict[str, int]:
        return self._graph.callback_failures()

    def losses(self) -> dict[str, int]:
        return self._graph.losses()

    def why_lost(self) -> str:
        return self._graph.why_lost()

    def now_ns(self) -> int:
        return self._graph.now_ns()

    def close(self) -> None:
        self._graph.close()
        self._recorder.close()
