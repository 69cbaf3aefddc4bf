"""The graph inside one process: no bytes are copied, nothing is sent anywhere.

Delivery is synchronous: `publish` calls the subscribers before it returns, so a test needs no waiting. Where
a subscription is already being served (its callback publishes to its own topic, or another thread is in it)
the message queues behind, and whoever is serving delivers it next: a subscription sees one message at a time,
in order, and no lock is held while it runs.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph.compatibility import mismatch
from stream_infer_ros.graph.graph import Cdr, OnMessage, Qos, QosProblem, TopicInfo
from stream_infer_ros.graph.guarded_callback import GuardedCallback, count_by_topic
from stream_infer_ros.graph.names import check_names


class _Subscription:
    """One subscriber: a queue of at most `qos.depth` messages; the oldest goes, as KEEP_LAST says."""

    def __init__(self, topic: str, type_name: str, qos: Qos, on_message: OnMessage) -> None:
        self.topic, self.type_name, self.qos = topic, type_name, qos
        self.callback = GuardedCallback(topic, on_message)
        self.overwritten = 0
        self._waiting: deque[tuple[Cdr, int]] = deque()
        self._changed = threading.Condition()
        self._serving: threading.Thread | None = None
        self._closed = False

    def push(self, cdr: Cdr, received_ns: int) -> None:
        """Queue a message; `serve` delivers it."""
        with self._changed:
            if self._closed:
                return
            if len(self._waiting) == self.qos.depth:
                self._waiting.popleft()
                self.overwritten += 1
            self._waiting.append((cdr, received_ns))

    def serve(self) -> None:
        """Deliver what is queued, unless somebody is already at it."""
        with self._changed:
            if self._serving is not None:
                return
            self._serving = threading.current_thread()
        try:
            while (message := self._next()) is not None:
                self.callback(*message)
        except BaseException:  # an interrupt, on its way out: the next message must find somebody to serve it
            self._stop_serving()
            raise

    def _next(self) -> tuple[Cdr, int] | None:
        with self._changed:
            if self._waiting:
                return self._waiting.popleft()
            self._stop_serving()  # in the same breath: whoever pushes after this serves
            return None

    def _stop_serving(self) -> None:
        with self._changed:
            self._serving = None
            self._changed.notify_all()

    def close(self) -> None:
        """Deliver nothing more; waits for a callback that is running on another thread."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.wait_for(lambda: self._serving in (None, threading.current_thread()))


class _Publisher:
    """One topic to write to; if transient_local, its last `qos.depth` messages are kept for late joiners."""

    def __init__(self, graph: MemoryGraph, topic: str, type_name: str, qos: Qos) -> None:
        self.graph, self.topic, self.type_name, self.qos = graph, topic, type_name, qos
        self.kept: deque[Cdr] = deque(maxlen=qos.depth if qos.durability == 'transient_local' else 0)

    def publish(self, cdr: Cdr) -> None:
        self.graph.bus.deliver(self, cdr)

    def subscribers(self) -> int:
        return len(self.graph.bus.listeners(self))


class MemoryBus:
    """The state that several `MemoryGraph`s of one process share, as nodes share a DDS domain."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._publishers: list[_Publisher] = []
        self._subscriptions: list[tuple[MemoryGraph, _Subscription]] = []

    def add_publisher(self, publisher: _Publisher) -> None:
        with self._lock:
            self._publishers.append(publisher)

    def add_subscription(self, graph: MemoryGraph, subscription: _Subscription) -> None:
        """Join, and be told what transient_local publishers kept."""
        with self._lock:
            if subscription.qos.durability == 'transient_local':
                for publisher in self._publishers:
                    if _why_apart(publisher, subscription) is None:
                        for cdr in publisher.kept:
                            subscription.push(cdr, graph.now_ns())
            self._subscriptions.append((graph, subscription))
        subscription.serve()

    def deliver(self, publisher: _Publisher, cdr: Cdr) -> None:
        # Queued under the lock, so that every subscription sees one order; served outside it.
        with self._lock:
            if publisher.graph.closed:
                raise GraphError(
                    f'topic {publisher.topic}: the graph was closed; stop publishing before close()'
                )
            publisher.kept.append(cdr)
            reached = self._matched(publisher)
            for graph, subscription in reached:
                subscription.push(cdr, graph.now_ns())
        for _, subscription in reached:
            subscription.serve()

    def listeners(self, publisher: _Publisher) -> list[tuple[MemoryGraph, _Subscription]]:
        """The subscriptions `publisher` reaches; none once its graph was closed."""
        with self._lock:
            return [] if publisher.graph.closed else self._matched(publisher)

    def topics(self) -> list[TopicInfo]:
        with self._lock:
            found = {TopicInfo(publisher.topic, publisher.type_name) for publisher in self._publishers}
        return sorted(found, key=lambda topic: (topic.name, topic.type_name))

    def problems(self, graph: MemoryGraph) -> list[QosProblem]:
        """Pairs that do not match and of which one end is `graph`'s."""
        with self._lock:
            found = {
                _why_apart(publisher, subscription)
                for publisher in self._publishers
                for owner, subscription in self._subscriptions
                if publisher.topic == subscription.topic and graph in (owner, publisher.graph)
            }
        return sorted(
            (p for p in found if p is not None), key=lambda problem: (problem.topic, problem.policy)
        )

    def leave(self, graph: MemoryGraph) -> None:
        """Take everything of `graph` off the bus; no callback of its runs once this returns."""
        with self._lock:
            graph.closed = True
            own = [subscription for owner, subscription in self._subscriptions if owner is graph]
            self._subscriptions = [entry for entry in self._subscriptions if entry[0] is not graph]
            self._publishers = [publisher for publisher in self._publishers if publisher.graph is not graph]
        for subscription in own:
            subscription.close()

    def _matched(self, publisher: _Publisher) -> list[tuple[MemoryGraph, _Subscription]]:
        return [
            entry
            for entry in self._subscriptions
            if entry[1].topic == publisher.topic and _why_apart(publisher, entry[1]) is None
        ]


def _why_apart(publisher: _Publisher, subscription: _Subscription) -> QosProblem | None:
    if publisher.topic != subscription.topic:
        return QosProblem(publisher.topic, 'topic', f'not {subscription.topic}')
    return mismatch(
        publisher.topic, publisher.qos, publisher.type_name, subscription.qos, subscription.type_name
    )


class MemoryGraph:
    """A `Graph` within the process. Subscribers get the very buffer that was published.

    Graphs made without a `bus` are islands; hand the same `MemoryBus` to those that shall meet. `clock_ns`
    stands in for the system's clock in tests.
    """

    def __init__(self, bus: MemoryBus | None = None, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self.bus = bus or MemoryBus()
        self.closed = False
        self._clock_ns = clock_ns
        self._subscriptions: list[_Subscription] = []

    def subscribe(self, topic: str, type_name: str, qos: Qos, on_message: OnMessage) -> None:
        self._check(topic, type_name)
        subscription = _Subscription(topic, type_name, qos, on_message)
        self._subscriptions.append(subscription)
        self.bus.add_subscription(self, subscription)

    def advertise(self, topic: str, type_name: str, qos: Qos) -> _Publisher:
        self._check(topic, type_name)
        publisher = _Publisher(self, topic, type_name, qos)
        self.bus.add_publisher(publisher)
        return publisher

    def topics(self) -> list[TopicInfo]:
        return self.bus.topics()

    def qos_problems(self) -> list[QosProblem]:
        return self.bus.problems(self)

    def callback_failures(self) -> dict[str, int]:
        return count_by_topic((own.topic, own.callback.failures) for own in self._subscriptions)

    def losses(self) -> dict[str, int]:
        return count_by_topic((own.topic, own.overwritten) for own in self._subscriptions)

    def why_lost(self) -> str:
        return ''

    def now_ns(self) -> int:
        return self._clock_ns()

    def close(self) -> None:
        self.bus.leave(self)

    def _check(self, topic: str, type_name: str) -> None:
        check_names(topic, type_name)
        if self.closed:
            raise GraphError(f'topic {topic}: the graph was closed; make a new one')
