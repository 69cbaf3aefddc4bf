"""/diagnostics: collects the statuses of all parts of the pipeline and publishes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stream_infer_ros.graph.graph import RELIABLE, Graph
from stream_infer_ros.messages.diagnostics import DiagnosticStatus, encode_diagnostic_array
from stream_infer_ros.pipeline.health.state_log import PROBLEM
from stream_infer_ros.pipeline.health.status import StatusSource
from stream_infer_ros.pipeline.live_settings import CurrentSettings

# Called once a period with the time and the period, nanoseconds.
Look = Callable[[int, int], None]


class Diagnostics:
    """Publishes all statuses at most once a period.

    Args:
        name: the name of the node or program, with which the name of each status begins.
        sources: the parts, in the order in which they are published.
        looks: called once a period, before the statuses are collected.
    """

    def __init__(
        self,
        graph: Graph,
        name: str,
        sources: Sequence[StatusSource],
        looks: Sequence[Look],
        settings: CurrentSettings,
    ) -> None:
        self._name = name
        self._sources = sources
        self._looks = looks
        self._settings = settings
        self._publisher = graph.advertise('/diagnostics', 'diagnostic_msgs/msg/DiagnosticArray', RELIABLE)
        self._due_ns: int | None = None

    def publish_if_due(self, now_ns: int) -> list[DiagnosticStatus]:
        """Publish if a period has passed since the last time, or the clock went back; return the statuses."""
        period_ns = self._settings().diagnostics_period_ns
        if self._due_ns is not None and self._due_ns - period_ns <= now_ns < self._due_ns:
            return []
        self._due_ns = now_ns + period_ns
        for look in self._looks:
            look(now_ns, period_ns)
        statuses = self.statuses(now_ns)
        self._publisher.publish(encode_diagnostic_array(now_ns, statuses))
        return statuses

    def statuses(self, now_ns: int) -> list[DiagnosticStatus]:
        """Return all statuses at `now_ns`."""
        return [
            DiagnosticStatus(
                status.level,
                f'{self._name}: {status.part}',
                status.message,
                self._name,
                {PROBLEM: status.problem, **status.values} if status.problem else status.values,
            )
            for source in self._sources
            for status in source.statuses(now_ns)
        ]
