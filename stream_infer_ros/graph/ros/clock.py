"""A node's clock, read without rclpy where it is the system's."""

from __future__ import annotations

import time
from typing import cast

from rclpy.clock import JumpThreshold, ROSClock
from rclpy.node import Node


def ros_clock(node: Node) -> ROSClock:
    """Return the clock of a node, which is always a ROSClock."""
    return cast('ROSClock', node.get_clock())


class NodeClock:
    """Nanoseconds of a node's clock: the system's, or /clock's with `use_sim_time`, which may jump.

    rclpy takes 10 us to say what time it is, and the pipeline asks several times an image; the system itself
    takes 0.1. Which of the two rules is told by the clock when it changes.
    """

    def __init__(self, clock: ROSClock) -> None:
        self._clock = clock
        changes = JumpThreshold(min_forward=None, min_backward=None, on_clock_change=True)
        self._told = clock.create_jump_callback(changes, post_callback=self._look)
        self._look()

    def __call__(self) -> int:
        return self._clock.now().nanoseconds if self._simulated else time.time_ns()

    def _look(self, _: object = None) -> None:
        self._simulated = self._clock.ros_time_is_active

    def close(self) -> None:
        """Be told no more."""
        self._told.unregister()
