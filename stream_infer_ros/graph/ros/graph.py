"""A graph on an rclpy node that belongs to the caller."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable

from rclpy.exceptions import InvalidHandle
from rclpy.node import Node
from rclpy.utilities import get_rmw_implementation_identifier

from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph import fastdds_for_images
from stream_infer_ros.graph.best_available import BestAvailable
from stream_infer_ros.graph.graph import OnMessage, Qos, QosProblem, TopicInfo
from stream_infer_ros.graph.guarded_callback import GuardedCallback, count_by_topic
from stream_infer_ros.graph.names import check_names
from stream_infer_ros.graph.ros import discovery
from stream_infer_ros.graph.ros.clock import NodeClock, ros_clock
from stream_infer_ros.graph.ros.discovery import OwnEnd
from stream_infer_ros.graph.ros.graph_errors import as_graph_error
from stream_infer_ros.graph.ros.message_class import message_class
from stream_infer_ros.graph.ros.publisher import RosPublisher
from stream_infer_ros.graph.ros.qos import overridden, to_rclpy
from stream_infer_ros.graph.ros.rclpy_internals import PublisherEventCallbacks, RCLError
from stream_infer_ros.graph.ros.receiver import Receiver
from stream_infer_ros.graph.ros.reception import Reception

# The interval of looking for publishers while a subscription has none, or while one that offers less may
# still appear. rclpy has no event for either.
LOOK_S = 0.5


class RosGraph:
    """A `Graph` on `node`: a Node or LifecycleNode, spun by its owner or not at all.

    Messages are received on a thread of the graph, independently of the executor that spins the node (only
    /clock needs the node to be spun). Names may also be relative or private ('~/map'); remapping rules and
    `qos_overrides` of the node apply. Counts and failures use the name that was passed in. QoS problems use
    the name that `ros2 topic` shows.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._environ = dict(os.environ)  # at the start of the middleware
        # Guards the fields below and closing; never held while a subscriber is called.
        self._lock = threading.Lock()
        self._closed = False
        self._publishers: list[RosPublisher] = []
        self._callbacks: list[GuardedCallback] = []
        self._receptions: list[Reception] = []
        self._ends: list[OwnEnd] = []
        self._lost_by_gone: list[tuple[str, int]] = []
        self._others = discovery.Others(node)
        self._best_available = BestAvailable(self._others.offered, self._receive)
        self._clock = NodeClock(ros_clock(node))
        self._receiver = Receiver(node.context, f'{node.get_name()} ros receiver', self._look)
        atexit.register(self.close)

    def subscribe(self, topic: str, type_name: str, qos: Qos, on_message: OnMessage) -> None:
        callback = GuardedCallback(topic, on_message)
        with self._lock, as_graph_error(f'subscribing to {topic}', self._node.context):
            self._refuse_if_closed(topic)
            resolved = self._resolve(topic, type_name)
            message_class(type_name)  # raises here if there is none, even if the subscription is made later
            qos = overridden(self._node, resolved, 'subscription', qos)
            if qos.reliability == 'best_available':
                self._best_available.wish(topic, type_name, qos, callback)
            else:
                self._receive(topic, type_name, qos, callback)
            self._callbacks.append(callback)
            self._ends.append(OwnEnd('subscription', topic, type_name, qos))
        self._receiver.wake()

    def advertise(self, topic: str, type_name: str, qos: Qos) -> RosPublisher:
        with self._lock, as_graph_error(f'advertising {topic}', self._node.context):
            self._refuse_if_closed(topic)
            resolved = self._resolve(topic, type_name)
            qos = overridden(self._node, resolved, 'publisher', qos)
            made = self._node.create_publisher(
                message_class(type_name),
                topic,
                to_rclpy(qos),
                event_callbacks=PublisherEventCallbacks(use_default_callbacks=False),
            )
            publisher = RosPublisher(topic, made, self._node.context)
            self._publishers.append(publisher)
            self._ends.append(OwnEnd('publisher', topic, type_name, qos))
            return publisher

    def topics(self) -> list[TopicInfo]:
        with self._lock, as_graph_error('listing topics', self._node.context):
            return [] if self._closed else discovery.topics(self._node)

    def qos_problems(self) -> list[QosProblem]:
        with self._lock:
            ends = [] if self._closed else list(self._ends)
        # Without the lock, because this takes milliseconds.
        with as_graph_error('looking for problems of QoS', self._node.context):
            return self._others.problems(ends)

    def callback_failures(self) -> dict[str, int]:
        return count_by_topic((callback.topic, callback.failures) for callback in self._callbacks)

    def losses(self) -> dict[str, int]:
        """As in `Graph`. Raises GraphError if receiving has failed, because then every message is lost."""
        if (failure := self._receiver.failure) is not None:
            raise GraphError(f'no message is received any more: {failure}; make a new graph') from failure
        with self._lock, as_graph_error('counting losses', self._node.context):
            lost = [] if self._closed else [(own.callback.topic, own.lost()) for own in self._receptions]
            return count_by_topic([*lost, *self._lost_by_gone])

    def why_lost(self) -> str:
        return fastdds_for_images.why_lost(get_rmw_implementation_identifier(), self._environ)

    def now_ns(self) -> int:
        """Return the time of the node: the system's, or /clock with `use_sim_time`, which may jump."""
        return self._clock()

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for publisher in self._publishers:
                publisher.closed = True
        atexit.unregister(self.close)
        self._receiver.stop()
        self._clock.close()
        for reception in self._receptions:
            reception.destroy()
        for publisher in self._publishers:
            publisher.destroy(self._node)

    def _look(self) -> float | None:
        """Look for new publishers, on the receiver's thread; return when to look again."""
        with self._lock:
            if self._closed or not self._node.context.ok():
                return None
            try:
                self._best_available.decide()
            except InvalidHandle:  # the node was destroyed, which all other calls report
                return None
            settled = self._best_available.made_as() <= {'best_effort'}
        return None if settled else LOOK_S

    def _receive(self, topic: str, type_name: str, qos: Qos, callback: GuardedCallback) -> Callable[[], None]:
        """Create a subscription and receive from it; return a function that undoes this. Needs the lock."""
        reception = Reception(self._node, self._receiver, self._clock, topic, type_name, qos, callback)
        self._receptions.append(reception)

        def give_up() -> None:
            self._lost_by_gone.append((topic, reception.lost()))
            self._receptions.remove(reception)
            reception.give_up()

        return give_up

    def _resolve(self, topic: str, type_name: str) -> str:
        """Return the name of `topic` on the graph; raise GraphError if it or the type's name is not valid."""
        try:
            expanded = self._node.resolve_topic_name(topic, only_expand=True)
        except RCLError:  # not a valid name; reported with our message
            expanded = topic
        check_names(expanded, type_name)
        return self._node.resolve_topic_name(topic)

    def _refuse_if_closed(self, topic: str) -> None:
        if self._closed:
            raise GraphError(f'topic {topic}: the graph was closed; make a new one')
