"""The part of a `Graph` that all adapters share."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph.graph import OnMessage, Publisher
from stream_infer_ros.graph.guarded_callback import GuardedCallback


class ClosablePublisher(Publisher, Protocol):
    """A publisher that can be closed. Its `publish` then raises a GraphError (see `closed_publisher`)."""

    def close(self) -> None: ...


@dataclass(slots=True)
class _LossCounter:
    topic: str
    count: Callable[[], int]


class AdapterBase:
    """Keeps whether a graph is open, its publishers, the failures of its callbacks, and its losses.

    A subclass adds `subscribe`, `advertise`, `topics`, `qos_problems` and `_leave`.
    """

    def __init__(self) -> None:
        # Guards the state of the graph. Never held while a subscriber is called.
        self._lock = threading.Lock()
        self.closed = False
        self._publishers: list[ClosablePublisher] = []
        self._callbacks: list[GuardedCallback] = []
        self._loss_counters: list[_LossCounter] = []

    def callback_failures(self) -> dict[str, int]:
        return _by_topic([(callback.topic, callback.failures) for callback in self._callbacks])

    def losses(self) -> dict[str, int]:
        with self._lock:
            if self.closed:
                return {}
            return _by_topic([(counter.topic, counter.count()) for counter in self._loss_counters])

    def why_lost(self) -> str:
        return ''

    def now_ns(self) -> int:
        return time.time_ns()

    def close(self) -> None:
        with self._lock:
            if self.closed:
                return
            self.closed = True
            for publisher in self._publishers:
                publisher.close()
        atexit.unregister(self.close)
        self._leave()

    def _leave(self) -> None:
        """Release the middleware. Called once, after all publishers were closed."""
        raise NotImplementedError

    def _guard(self, topic: str, on_message: OnMessage) -> GuardedCallback:
        """Return a callback whose exceptions are counted in `callback_failures`."""
        callback = GuardedCallback(topic, on_message)
        self._callbacks.append(callback)
        return callback

    def _count_losses(self, topic: str, count: Callable[[], int]) -> Callable[[], None]:
        """Include `count()` in `losses`; return a function that stops counting and keeps the last value."""
        counter = _LossCounter(topic, count)
        self._loss_counters.append(counter)

        def stop() -> None:
            last = count()
            counter.count = lambda: last

        return stop

    def _refuse_if_closed(self, topic: str) -> None:
        if self.closed:
            raise GraphError(f'topic {topic}: the graph was closed; make a new one')


def closed_publisher(topic: str) -> GraphError:
    """Return the error of publishing on a closed graph."""
    return GraphError(f'topic {topic}: the graph was closed; stop publishing before close()')


def _by_topic(counts: list[tuple[str, int]]) -> dict[str, int]:
    """Return the sum of the counts of each topic, without topics whose counts are 0."""
    sums: dict[str, int] = {}
    for topic, count in counts:
        if count:
            sums[topic] = sums.get(topic, 0) + count
    return sums
