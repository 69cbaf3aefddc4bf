"""A publisher through rclpy."""

from __future__ import annotations

from typing import Any

from rclpy.context import Context
from rclpy.exceptions import InvalidHandle
from rclpy.node import Node
from rclpy.publisher import Publisher

from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph.graph import Cdr
from stream_infer_ros.graph.ros.graph_errors import as_graph_error


class RosPublisher:
    """A `Publisher`.

    rclpy holds Python's lock while it sends. If a reliable subscriber stalls, the whole process waits for it.
    """

    def __init__(self, topic: str, publisher: Publisher[Any], context: Context) -> None:
        self.topic, self._publisher, self._context = topic, publisher, context
        self.closed = False

    def publish(self, cdr: Cdr) -> None:
        """As in `Publisher`. Messages are ignored once the ROS context is shut down, e.g. by Ctrl-C, because
        the program may still be shutting down."""
        if self.closed:
            raise GraphError(f'topic {self.topic}: the graph was closed; stop publishing before close()')
        if not self._context.ok():
            return
        with as_graph_error(f'publishing to {self.topic}', self._context):
            self._publisher.publish(cdr if isinstance(cdr, bytes) else bytes(cdr))

    def subscribers(self) -> int:
        if self.closed:
            return 0
        try:
            return self._publisher.get_subscription_count()
        except InvalidHandle:  # the node was destroyed before the graph
            return 0

    def destroy(self, node: Node) -> None:
        """Leave the topic."""
        node.destroy_publisher(self._publisher)
