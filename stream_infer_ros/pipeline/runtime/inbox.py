"""The queues between the callbacks of the middleware and the thread that matches."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Set
from types import MappingProxyType

from stream_infer_ros.drop_causes import DropCause
from stream_infer_ros.graph.graph import Cdr
from stream_infer_ros.pipeline.health.statistics import Statistics
from stream_infer_ros.pipeline.steps.read import Message


class Inbox:
    """One bounded queue for each topic. When a queue is full, its oldest message is dropped and counted.

    A burst of one camera can therefore never push out the frames of another camera, or the transforms.

    Args:
        capacities: topic -> the number of messages that may wait.
        senders: topic -> the camera whose losses are counted; a topic that is not listed counts for itself.
        quiet: topics whose messages do not wake the thread that waits. They may be dropped without a loss,
            because the newest message replaces the others.
    """

    def __init__(
        self,
        capacities: Mapping[str, int],
        statistics: Statistics,
        senders: Mapping[str, str] = MappingProxyType({}),
        quiet: Set[str] = frozenset(),
    ) -> None:
        self._queues: dict[str, deque[Message]] = {topic: deque() for topic in capacities}
        self._capacities = dict(capacities)
        self._statistics = statistics
        self._senders = senders
        self._quiet = quiet
        self._lock = threading.Lock()
        # Held while there is nothing new. A lock is the only object of `threading` that wakes its waiter
        # without running Python code, which is slow just after waking up, when it is in no cache.
        self._nothing_new = threading.Lock()
        self._nothing_new.acquire()
        self._closed = False

    def put(self, topic: str, cdr: Cdr, received_ns: int) -> None:
        """Add a message. Called on the thread of the middleware. Does nothing once the inbox is closed."""
        with self._lock:
            if self._closed:
                return
            queue = self._queues[topic]
            full = len(queue) >= self._capacities[topic]
            if full:
                queue.popleft()
            queue.append(Message(topic, cdr, received_ns))
            if topic not in self._quiet:
                self._wake()
        if full and topic not in self._quiet:
            self._statistics.lost(DropCause.INBOX_FULL, self._senders.get(topic, topic))

    def wait(self, timeout_s: float) -> bool:
        """Wait until a message has come since the last `drain`, or the inbox is closed; False after the time.

        Only one thread may wait.
        """
        return self._closed or self._nothing_new.acquire(timeout=timeout_s)

    def drain(self) -> list[Message]:
        """Remove and return all messages in the order of arrival; equal times in the order of the topics."""
        with self._lock:
            self._nothing_new.acquire(blocking=False)
            drained = [message for queue in self._queues.values() for message in queue]
            for queue in self._queues.values():
                queue.clear()
        return sorted(drained, key=lambda message: message.received_ns)

    def close(self) -> None:
        """Wake the thread that waits."""
        with self._lock:
            self._closed = True
            self._wake()

    def _wake(self) -> None:
        """Wake the thread that waits; `self._lock` must be held."""
        if self._nothing_new.locked():
            self._nothing_new.release()
