"""Start rviz2 with displays for the cameras of a running `stream_infer` node."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn

import rclpy
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.srv import GetParameters
from rclpy.client import Client
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions

from stream_infer_ros.config import Config, GraphConfig, parse_section
from stream_infer_ros.errors import StreamInferError
from stream_infer_ros.graph.ros.discovery import topics
from stream_infer_ros.pipeline.inputs.camera_topics import DETECTIONS, camera_topics
from stream_infer_ros.report.rviz_config import rviz_config

PIPELINE = 'stream_infer'
# Parameters that the configuration of rviz depends on.
ASKED_FOR = (
    'cameras',
    'map.enabled',
    'map.map_frame',
    'map.base_frame',
    'map.range_m',
    'publish.scan',
    'publish.overlay',
    'publish.markers',
    'use_sim_time',
)
LOOK_S = 0.1
# The topics of discovered cameras are considered complete if none was added for this long.
SETTLED_S = 1.0
# If a wait lasts longer than this, the log explains it.
PATIENCE_S = 5.0


def start_rviz(stop: threading.Event) -> None:
    """Wait for the node `stream_infer` in this namespace, write a configuration for it, and become rviz2.

    The process is replaced by rviz2, which gets the same ROS arguments. If the parameters of the node name no
    cameras, the names are read from its topics, which exist once the node is active.

    Args:
        stop: ends the wait, and the process with exit code 0.
    """
    rviz2 = shutil.which('rviz2')
    if rviz2 is None:
        distro = os.environ.get('ROS_DISTRO', '$ROS_DISTRO')
        sys.exit(
            f'error: expected rviz2 on PATH, found none; install it: sudo apt install ros-{distro}-rviz2'
        )
    try:
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:  # RCLError: ROS arguments that cannot be parsed
        sys.exit(f'error: {error}')
    node = Node('stream_infer_rviz')
    try:
        pipeline = _Pipeline(node, stop)
        parameters = pipeline.parameters()
        configuration = pipeline.configuration(parameters)
    except _Stopped:
        return
    except StreamInferError as error:
        sys.exit(f'error: {error}')
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
    _become(rviz2, configuration, bool(parameters.get('use_sim_time')))


def _become(rviz2: str, configuration: str, use_sim_time: bool) -> NoReturn:
    # The file must still exist when rviz2 starts. rviz2 reads it only once.
    with tempfile.NamedTemporaryFile('w', prefix='stream_infer_', suffix='.rviz', delete=False) as file:
        file.write(configuration)
    print(f'rviz2 uses {file.name}; to keep changes, save it elsewhere and pass rviz_config:=', flush=True)
    clock = ['--ros-args', '-p', 'use_sim_time:=true'] if use_sim_time else []
    os.execv(rviz2, [rviz2, '-d', file.name, *sys.argv[1:], *clock])


class _Stopped(Exception):
    """The process received a stop signal before rviz2 could start."""


class _Pipeline:
    """The node `stream_infer`, as seen from another node on the graph.

    Args:
        node: sends the requests. The pipeline is in its namespace.
        stop: ends every wait with `_Stopped`.
    """

    def __init__(self, node: Node, stop: threading.Event) -> None:
        self._node = node
        self._stop = stop
        self._graph = GraphConfig(node_name=PIPELINE, namespace=node.get_namespace())

    def parameters(self) -> dict[str, Any]:
        """Wait for the node to answer; return the values of `ASKED_FOR` that are set."""
        name = self._graph.private
        client: Client[Any, Any] = self._node.create_client(GetParameters, f'{name}/get_parameters')
        self._wait_until(client.service_is_ready, f'for the node {name} to start')
        future = client.call_async(GetParameters.Request(names=list(ASKED_FOR)))
        self._wait_until(future.done, f'for the parameters of {name}')
        answer: Any = future.result()
        values = {
            name: Parameter.from_parameter_msg(ParameterMessage(name=name, value=value)).value
            for name, value in zip(ASKED_FOR, answer.values, strict=True)
        }
        return {name: value for name, value in values.items() if value is not None}

    def configuration(self, parameters: dict[str, Any]) -> str:
        """Wait for the cameras to be known; return the text for rviz."""
        settings = {name: value for name, value in parameters.items() if name != 'use_sim_time'}
        config = parse_section(Config, settings, self._graph.private)
        config = config.model_copy(update={'graph': self._graph})
        if config.cameras:
            return rviz_config(config, [camera.camera for camera in camera_topics(config, ())])
        return rviz_config(config, self._cameras_with_topics())

    def _cameras_with_topics(self) -> list[str]:
        """Wait until the list of cameras is complete; return their names in alphabetical order."""
        seen: list[str] = []
        changed_s = time.monotonic()

        def settled() -> bool:
            nonlocal seen, changed_s
            now = self._cameras_on_graph()
            if now != seen:
                seen, changed_s = now, time.monotonic()
            return bool(seen) and time.monotonic() - changed_s >= SETTLED_S

        self._wait_until(settled, f'for {self._graph.private} to find cameras and become active')
        return seen

    def _cameras_on_graph(self) -> list[str]:
        prefix, suffix = f'{self._graph.private}/', '/detections'
        return sorted(
            topic.name.removeprefix(prefix).removesuffix(suffix)
            for topic in topics(self._node)
            if topic.type_name == DETECTIONS and topic.name.startswith(prefix) and topic.name.endswith(suffix)
        )

    def _wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a condition; a long wait is explained in the log."""
        start_s, explained = time.monotonic(), False
        while not condition():
            if self._stop.is_set():
                raise _Stopped
            if not explained and time.monotonic() - start_s > PATIENCE_S:
                self._node.get_logger().info(f'waiting {what}; rviz2 starts then')
                explained = True
            rclpy.spin_once(self._node, timeout_sec=LOOK_S)
