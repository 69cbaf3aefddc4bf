"""A publisher through rclpy."""

from __future__ import annotations

from typing import Any

from rclpy.exceptions import InvalidHandle
from rclpy.node import Node
from rclpy.publisher import Publisher

from stream_infer_ros.graph.adapter_base import closed_publisher
from stream_infer_ros.graph.graph import Cdr
from stream_infer_ros.graph.ros.graph_errors import as_graph_error


class RosPublisher:
    """A `Publisher`.

    rclpy holds Python's lock while it sends. If a reliable subscriber stalls, the whole process waits for it.
    """

    def __init__(self, topic: str, publisher: Publisher[Any], node: Node) -> None:
        self._topic, self._publisher, self._node = topic, publisher, node
        self._context = node.context
        self._closed = False

    def publish(self, cdr: Cdr) -> None:
        """As in `Publisher`. Messages are ignored once the ROS context is shut down, e.g. by Ctrl-C, because
        the program may still be shutting down."""
        if self._closed:
            raise closed_publisher(self._topic)
        if not self._context.ok():
            return
        with as_graph_error(f'publishing to {self._topic}', self._context):
            self._publisher.publish(cdr if isinstance(cdr, bytes) else bytes(cdr))

    def subscribers(self) -> int:
        if self._closed:
            return 0
        try:
            return self._publisher.get_subscription_count()
        except InvalidHandle:  # the node was destroyed before the graph
            return 0

    def close(self) -> None:
        """Refuse further messages, and leave the topic."""
        self._closed = True
        self._node.destroy_publisher(self._publisher)
