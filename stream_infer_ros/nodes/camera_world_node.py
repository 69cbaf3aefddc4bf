"""The node `camera_world`: simulated cameras on a simulated robot, so that a demo needs no hardware."""

from __future__ import annotations

import threading

from rclpy.node import Node
from rclpy.parameter import Parameter

from stream_infer_ros.config import WorldConfig
from stream_infer_ros.errors import ConfigError
from stream_infer_ros.graph.ros import RosGraph
from stream_infer_ros.nodes.parameters import TreeParameters
from stream_infer_ros.simulation import options_of, simulate

# Building the world, being discovered, rendering ahead.
LEAD_NS = 6_000_000_000


class CameraWorldNode(Node):
    """Publishes from its start to its end, on a thread.

    The world is the source of time: it always uses the system's clock, regardless of `use_sim_time`.
    """

    def __init__(self, stopping: threading.Event) -> None:
        super().__init__('camera_world', parameter_overrides=[Parameter('use_sim_time', value=False)])
        parameters = TreeParameters(self, WorldConfig)
        if parameters.config is None:
            raise ConfigError(parameters.problem)
        self._options = options_of(parameters.config, self.get_namespace())
        self._stopping = stopping
        self._graph = RosGraph(self)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._publish, name='camera_world')
        self._thread.start()

    def stop(self) -> None:
        """Stop publishing. Safe to call twice. Raises the error with which publishing failed."""
        self._stopping.set()
        self._thread.join()
        self._graph.close()
        if self._failure is not None:
            raise self._failure

    def _publish(self) -> None:
        epoch_ns = self._graph.now_ns() + LEAD_NS
        options = self._options
        self.get_logger().info(
            f'seed {options.seed}, {options.cameras} cameras at {options.timing.rate_hz:g} Hz, '
            f'epoch_ns {epoch_ns}'
        )
        try:
            report = simulate(
                self._graph, options, epoch_ns, self._stopping.is_set, self._wait_until, apart=True
            )
        except BaseException as failure:  # raised again by `stop`
            self._failure = failure
        else:
            late_ms = report.lateness.p99 if report.lateness else 0.0
            self.get_logger().info(
                f'{report.published} images, {report.missed} missed, published {late_ms:.1f} ms late (p99)'
            )
        finally:
            self._stopping.set()  # the world has ended, and the node ends with it

    def _wait_until(self, due_ns: int) -> None:
        """Wait until that time, or until the node must stop."""
        while (left_ns := due_ns - self._graph.now_ns()) > 0 and not self._stopping.wait(left_ns * 1e-9):
            pass
