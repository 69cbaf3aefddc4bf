"""Reports of the state of a node, on /diagnostics and in the log."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock
from rclpy.node import Node

from stream_infer_ros.graph.ros.rclpy_internals import ClockType
from stream_infer_ros.messages.diagnostics import (
    DiagnosticLevel,
    DiagnosticStatus,
    encode_diagnostic_array,
)

PERIOD_S = 1.0
LOGGED_EVERY_S = 10.0


class StateReport:
    """The status `<node>: lifecycle`, repeated every second by a timer of the node.

    Timers do not run during a long callback: `busy` then reports from a thread.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self._status = self._make(DiagnosticLevel.STALE, 'unconfigured')
        node.create_timer(PERIOD_S, self.publish, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def say(self, level: DiagnosticLevel, message: str) -> None:
        """Set the state and log it, errors as errors."""
        self._status = self._make(level, message)
        logger = self._node.get_logger()
        if level is DiagnosticLevel.ERROR:
            logger.error(message)
        elif level is DiagnosticLevel.WARN:
            logger.warning(message)
        else:
            logger.info(message)
        self.publish()

    def publish(self) -> None:
        now_ns = self._node.get_clock().now().nanoseconds
        self._publisher.publish(encode_diagnostic_array(now_ns, [self._status]))

    @contextmanager
    def busy(self, doing: str) -> Iterator[Callable[[str], None]]:
        """Report an activity, and every second how long it has taken, until the block ends.

        Yields a function that takes a description of the progress, which the next report includes.
        """
        done = threading.Event()
        start_s = time.monotonic()
        so_far: list[str] = []
        self.say(DiagnosticLevel.OK, f'{doing} ...')
        watch = threading.Thread(target=self._repeat, args=(doing, start_s, done, so_far), name='progress')
        watch.start()
        try:
            yield lambda words: so_far.__setitem__(slice(None), [words])
        finally:
            done.set()
            watch.join()
        self._node.get_logger().info(f'{doing}: done after {time.monotonic() - start_s:.1f} s')

    def _repeat(self, doing: str, start_s: float, done: threading.Event, so_far: list[str]) -> None:
        logged_s = start_s
        while not done.wait(PERIOD_S):
            now_s = time.monotonic()
            message = ', '.join([doing, *so_far, f'{now_s - start_s:.0f} s so far'])
            self._status = self._make(DiagnosticLevel.OK, message)
            self.publish()
            if now_s - logged_s >= LOGGED_EVERY_S:
                self._node.get_logger().info(message)
                logged_s = now_s

    def _make(self, level: DiagnosticLevel, message: str) -> DiagnosticStatus:
        name = self._node.get_fully_qualified_name().removeprefix('/')  # as in GraphConfig.diagnostics_name
        return DiagnosticStatus(level, f'{name}: lifecycle', message, name)
