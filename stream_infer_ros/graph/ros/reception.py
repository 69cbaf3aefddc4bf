"""One subscription of a node, from which the receiver takes messages."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.node import Node

from stream_infer_ros.graph.graph import Qos
from stream_infer_ros.graph.guarded_callback import GuardedCallback
from stream_infer_ros.graph.ros.message_class import message_class
from stream_infer_ros.graph.ros.qos import to_rclpy
from stream_infer_ros.graph.ros.raw_take import taker
from stream_infer_ros.graph.ros.rclpy_internals import LostMessages, SubscriptionEventCallbacks
from stream_infer_ros.graph.ros.receiver import NotForExecutors, Receiver


class Reception:
    """Takes serialised messages and passes them to the subscriber.

    `topic` is a name before remapping, as for create_subscription.
    """

    def __init__(
        self,
        node: Node,
        receiver: Receiver,
        now_ns: Callable[[], int],
        topic: str,
        type_name: str,
        qos: Qos,
        callback: GuardedCallback,
    ) -> None:
        self.callback = callback
        self._node, self._receiver, self._now_ns = node, receiver, now_ns
        self._subscription = node.create_subscription(
            message_class(type_name),
            topic,
            lambda cdr: callback(cdr, now_ns()),  # for an executor that does not know callback groups
            to_rclpy(qos),
            raw=True,
            callback_group=NotForExecutors(),
            # qos_problems() reports incompatible QoS, and also when the problem ends.
            event_callbacks=SubscriptionEventCallbacks(use_default_callbacks=False),
        )
        self._lost = LostMessages(self._subscription)
        self._take_next = taker(self._subscription, topic)
        receiver.add(self._subscription, self._take)

    def _take(self) -> None:
        # One message at a time, so that all subscriptions are served in turn. If more are waiting, the next
        # wait returns at once.
        cdr = self._take_next()
        if cdr is not None:
            self.callback(cdr, self._now_ns())

    def lost(self) -> int:
        """Return the number of messages that were sent and did not arrive, as the middleware reports."""
        return self._lost.count()

    def give_up(self) -> None:
        """Leave the topic while the receiver runs, on its thread."""
        self._receiver.remove(self._subscription)
        self.destroy()

    def destroy(self) -> None:
        """Leave the topic. The entity is destroyed once the receiver releases it."""
        self._lost.close()
        self._node.destroy_subscription(self._subscription)
        self._take_next.close()
