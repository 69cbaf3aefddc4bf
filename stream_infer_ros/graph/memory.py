"""The graph inside one process, which does not copy or send bytes.

Delivery is synchronous: `publish` calls the subscribers before it returns, so a test need not wait. If the
callback of a subscription is already running (on another thread, or because it publishes to its own topic),
the message is queued. The thread of the running callback delivers it afterwards. Each subscription thus
receives one message at a time, in order, and no lock is held during its callback.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from stream_infer_ros.graph.adapter_base import AdapterBase, closed_publisher
from stream_infer_ros.graph.compatibility import mismatch
from stream_infer_ros.graph.graph import Cdr, OnMessage, Qos, QosProblem, TopicInfo
from stream_infer_ros.graph.guarded_callback import GuardedCallback
from stream_infer_ros.graph.names import check_names


class _Subscription:
    """A subscriber with a queue of up to `qos.depth` messages. A full queue drops the oldest (KEEP_LAST)."""

    def __init__(self, topic: str, type_name: str, qos: Qos, callback: GuardedCallback) -> None:
        self.topic, self.type_name, self.qos, self.callback = topic, type_name, qos, callback
        self.overwritten = 0
        self._waiting: deque[tuple[Cdr, int]] = deque()
        self._changed = threading.Condition()
        self._serving: threading.Thread | None = None
        self._closed = False

    def push(self, cdr: Cdr, received_ns: int) -> None:
        """Queue a message, which `serve` delivers."""
        with self._changed:
            if self._closed:
                return
            if len(self._waiting) == self.qos.depth:
                self._waiting.popleft()
                self.overwritten += 1
            self._waiting.append((cdr, received_ns))

    def serve(self) -> None:
        """Deliver the queued messages, unless a thread is already doing so."""
        with self._changed:
            if self._serving is not None:
                return
            self._serving = threading.current_thread()
        try:
            while (message := self._next()) is not None:
                self.callback(*message)
        except BaseException:  # e.g. Ctrl-C: the next message must be served again
            self._stop_serving()
            raise

    def _next(self) -> tuple[Cdr, int] | None:
        with self._changed:
            if self._waiting:
                return self._waiting.popleft()
            self._stop_serving()  # under the same lock, so that a later push is served
            return None

    def _stop_serving(self) -> None:
        with self._changed:
            self._serving = None
            self._changed.notify_all()

    def close(self) -> None:
        """Stop delivery. Waits for a callback that is running on another thread."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.wait_for(lambda: self._serving in (None, threading.current_thread()))


class _Publisher:
    """A publisher. With transient_local, it keeps its last `qos.depth` messages for late subscribers."""

    def __init__(self, graph: MemoryGraph, topic: str, type_name: str, qos: Qos) -> None:
        self.graph, self.topic, self.type_name, self.qos = graph, topic, type_name, qos
        self.kept: deque[Cdr] = deque(maxlen=0 if qos.durability == 'volatile' else qos.depth)

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
        """Add a subscription, and deliver the messages that transient_local publishers have kept."""
        with self._lock:
            if subscription.qos.durability != 'volatile':
                for publisher in self._publishers:
                    if _why_apart(publisher, subscription) is None:
                        for cdr in publisher.kept:
                            subscription.push(cdr, graph.now_ns())
            self._subscriptions.append((graph, subscription))
        subscription.serve()

    def deliver(self, publisher: _Publisher, cdr: Cdr) -> None:
        # Queued under the lock, so that all subscriptions see the same order. Served without it.
        with self._lock:
            if publisher.graph.closed:
                raise closed_publisher(publisher.topic)
            publisher.kept.append(cdr)
            reached = self._matched(publisher)
            for graph, subscription in reached:
                subscription.push(cdr, graph.now_ns())
        for _, subscription in reached:
            subscription.serve()

    def listeners(self, publisher: _Publisher) -> list[tuple[MemoryGraph, _Subscription]]:
        """Return the subscriptions that `publisher` reaches; none after its graph was closed."""
        with self._lock:
            return [] if publisher.graph.closed else self._matched(publisher)

    def topics(self) -> list[TopicInfo]:
        with self._lock:
            return sorted({TopicInfo(own.topic, own.type_name) for own in self._publishers})

    def problems(self, graph: MemoryGraph) -> list[QosProblem]:
        """Return the pairs that do not match, if one of the two belongs to `graph`."""
        with self._lock:
            found = {
                _why_apart(publisher, subscription)
                for publisher in self._publishers
                for owner, subscription in self._subscriptions
                if publisher.topic == subscription.topic and graph in (owner, publisher.graph)
            }
        return sorted(problem for problem in found if problem is not None)

    def leave(self, graph: MemoryGraph) -> None:
        """Remove the publishers and subscriptions of `graph`. No callback of it runs after this returns."""
        with self._lock:
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


class MemoryGraph(AdapterBase):
    """A `Graph` within the process. Subscribers receive the same buffer that was published.

    Args:
        bus: connects the graphs that share it. Without it, the graph is connected to no other.
        clock_ns: replaces the system's clock in tests.
    """

    def __init__(self, bus: MemoryBus | None = None, clock_ns: Callable[[], int] = time.time_ns) -> None:
        super().__init__()
        self.bus = bus or MemoryBus()
        self._clock_ns = clock_ns

    def subscribe(self, topic: str, type_name: str, qos: Qos, on_message: OnMessage) -> None:
        check_names(topic, type_name)
        self._refuse_if_closed(topic)
        subscription = _Subscription(topic, type_name, qos, self._guard(topic, on_message))
        self._count_losses(topic, lambda: subscription.overwritten)
        self.bus.add_subscription(self, subscription)

    def advertise(self, topic: str, type_name: str, qos: Qos) -> _Publisher:
        check_names(topic, type_name)
        self._refuse_if_closed(topic)
        publisher = _Publisher(self, topic, type_name, qos)
        self.bus.add_publisher(publisher)
        return publisher

    def topics(self) -> list[TopicInfo]:
        return self.bus.topics()

    def qos_problems(self) -> list[QosProblem]:
        return self.bus.problems(self)

    def now_ns(self) -> int:
        return self._clock_ns()

    def _leave(self) -> None:
        self.bus.leave(self)
