"""A graph on an rclpy node that belongs to the caller."""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable

from rclpy.exceptions import InvalidHandle
from rclpy.node import Node
from rclpy.utilities import get_rmw_implementation_identifier

from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph import fastdds_for_images
from stream_infer_ros.graph.adapter_base import AdapterBase
from stream_infer_ros.graph.best_available import BestAvailable
from stream_infer_ros.graph.graph import OnMessage, Qos, QosProblem, TopicInfo
from stream_infer_ros.graph.guarded_callback import GuardedCallback
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


class RosGraph(AdapterBase):
    """A `Graph` on `node`: a Node or LifecycleNode, spun by its owner or not at all.

    Messages are received on a thread of the graph, independently of the executor that spins the node (only
    /clock needs the node to be spun). Names may also be relative or private ('~/map'); remapping rules and
    `qos_overrides` of the node apply. Counts and failures use the name that was passed in. QoS problems use
    the name that `ros2 topic` shows.
    """

    def __init__(self, node: Node) -> None:
        super().__init__()
        self._node = node
        self._environ = dict(os.environ)  # at the start of the middleware
        self._receptions: list[Reception] = []
        self._ends: list[OwnEnd] = []
        self._others = discovery.Others(node)
        self._best_available = BestAvailable(self._others.offered, self._receive)
        self._clock = NodeClock(ros_clock(node))
        self._receiver = Receiver(node.context, f'{node.get_name()} ros receiver', self._look)
        atexit.register(self.close)

    def subscribe(self, topic: str, type_name: str, qos: Qos, on_message: OnMessage) -> None:
        with self._lock, as_graph_error(f'subscribing to {topic}', self._node.context):
            self._refuse_if_closed(topic)
            resolved = self._resolve(topic, type_name)
            message_class(type_name)  # raises here if there is none, even if the subscription is made later
            qos = overridden(self._node, resolved, 'subscription', qos)
            callback = self._guard(topic, on_message)
            if qos.is_best_available:
                self._best_available.wish(topic, type_name, qos, callback)
            else:
                self._receive(topic, type_name, qos, callback)
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
            publisher = RosPublisher(topic, made, self._node)
            self._publishers.append(publisher)
            self._ends.append(OwnEnd('publisher', topic, type_name, qos))
            return publisher

    def topics(self) -> list[TopicInfo]:
        with self._lock, as_graph_error('listing topics', self._node.context):
            return [] if self.closed else discovery.topics(self._node)

    def qos_problems(self) -> list[QosProblem]:
        with self._lock:
            ends = [] if self.closed else list(self._ends)
        # Without the lock, because this takes milliseconds.
        with as_graph_error('looking for problems of QoS', self._node.context):
            return self._others.problems(ends)

    def losses(self) -> dict[str, int]:
        """As in `Graph`. Raises GraphError if receiving has failed, because every message is lost then."""
        if (failure := self._receiver.failure) is not None:
            raise GraphError(f'no message is received any more: {failure}; make a new graph') from failure
        with as_graph_error('counting losses', self._node.context):
            return super().losses()

    def why_lost(self) -> str:
        return fastdds_for_images.why_lost(get_rmw_implementation_identifier(), self._environ)

    def now_ns(self) -> int:
        """Return the time of the node: the system's, or /clock with `use_sim_time`, which may jump."""
        return self._clock()

    def _leave(self) -> None:
        self._receiver.stop()
        self._clock.close()
        for reception in self._receptions:
            reception.destroy()

    def _look(self) -> float | None:
        """Look for new publishers, on the receiver's thread; return when to look again."""
        with self._lock:
            if self.closed or not self._node.context.ok():
                return None
            try:
                self._best_available.decide()
            except InvalidHandle:  # the node was destroyed, which all other calls report
                return None
            settled = self._best_available.is_settled
        return None if settled else LOOK_S

    def _receive(self, topic: str, type_name: str, qos: Qos, callback: GuardedCallback) -> Callable[[], None]:
        """Create a subscription and receive from it; return a function that undoes this. Needs the lock."""
        reception = Reception(self._node, self._receiver, self._clock, topic, type_name, qos, callback)
        self._receptions.append(reception)
        stop_counting = self._count_losses(topic, reception.lost)

        def give_up() -> None:
            stop_counting()
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
