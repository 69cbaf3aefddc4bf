"""Detection of simulated time that never starts."""

from __future__ import annotations

import time

from rclpy.node import Node

from stream_infer_ros.graph.ros.clock import ros_clock

PATIENCE_S = 5.0
NO_CLOCK = (
    'use_sim_time is true and no time came on /clock: start its publisher (a simulation, '
    '`ros2 bag play --clock`), or set use_sim_time to false'
)


class ClockWatch:
    """Detects that a node waits for /clock. Call `waits` regularly."""

    def __init__(self, node: Node) -> None:
        self._clock = ros_clock(node)
        self._since_s = time.monotonic()

    def waits(self) -> bool:
        """True if the node's time is simulated and has not started within PATIENCE_S."""
        if not self._clock.ros_time_is_active or self._clock.now().nanoseconds:
            self._since_s = time.monotonic()
        return time.monotonic() - self._since_s > PATIENCE_S
