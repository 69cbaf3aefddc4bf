"""A graph that creates its own node, for programs that are not ROS nodes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import rclpy
from rclpy.context import Context
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions

from stream_infer_ros.config import GraphConfig
from stream_infer_ros.graph import security
from stream_infer_ros.graph.ros.graph import RosGraph
from stream_infer_ros.graph.ros.graph_errors import as_graph_error
from stream_infer_ros.graph.ros.middleware import middleware_variables


class OwnNodeGraph(RosGraph):
    """A `Graph` as node `config.node_name`. It does not handle signals or read the command line.

    Nothing spins the node, so it uses the system's clock and has no parameters. ROS nodes use
    `RosGraph(node)` instead.

    Raises:
        GraphError: ROS refuses the configuration.
    """

    def __init__(self, config: GraphConfig) -> None:
        self._context = Context()
        hint = security.hint(os.environ)
        with _environment(config.loopback):
            with as_graph_error('starting ROS', self._context, hint):
                rclpy.init(
                    args=[],
                    context=self._context,
                    domain_id=config.domain_id if config.domain_id >= 0 else None,
                    signal_handler_options=SignalHandlerOptions.NO,
                )
            try:
                with as_graph_error('starting a ROS node', self._context, hint):
                    super().__init__(self._make_node(config))
            except BaseException:
                self._context.try_shutdown()
                raise

    def _make_node(self, config: GraphConfig) -> Node:
        return Node(
            config.node_name,
            context=self._context,
            namespace=config.namespace,
            use_global_arguments=False,
            enable_rosout=False,
            start_parameter_services=False,
            # Without an executor, this service would never answer.
            parameter_overrides=[Parameter('start_type_description_service', value=False)],
        )

    def close(self) -> None:
        super().close()
        if self._context.ok():
            self._node.destroy_node()
            self._context.try_shutdown()


@contextmanager
def _environment(loopback: bool) -> Iterator[None]:
    """Set environment variables while a context and its first node are created, and restore them afterwards.

    These variables are the only way to limit packets to this machine, and to configure the middleware for
    images. Humble knows ROS_LOCALHOST_ONLY; later distributions warn about it.
    """
    wanted = {}
    if loopback:
        humble = os.environ.get('ROS_DISTRO') == 'humble'
        name, value = (
            ('ROS_LOCALHOST_ONLY', '1') if humble else ('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
        )
        wanted[name] = value
    wanted |= middleware_variables({**os.environ, **wanted})
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, former in before.items():
            if former is None:
                del os.environ[name]
            else:
                os.environ[name] = former
