"""The statuses of topics: image topics that are not used, and incompatible QoS."""

from __future__ import annotations

from stream_infer_ros.graph.graph import Graph
from stream_infer_ros.messages.diagnostics import DiagnosticLevel
from stream_infer_ros.pipeline.health.input_watch import InputWatch
from stream_infer_ros.pipeline.health.status import Status


class UnusedTopics:
    """Reports image topics that appeared after the cameras were searched for."""

    def __init__(self, inputs: InputWatch) -> None:
        self._inputs = inputs

    def statuses(self, now_ns: int) -> list[Status]:
        unused = ', '.join(self._inputs.unused())
        if not unused:
            return [Status(DiagnosticLevel.OK, 'image topics', 'all are used')]
        message = f'appeared after the start, not used: {unused}; restart to include it, or name `cameras`'
        return [Status(DiagnosticLevel.WARN, 'image topics', message, problem=unused)]


class QosProblems:
    """Reports one status for each QoS problem of the graph."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def statuses(self, now_ns: int) -> list[Status]:
        return [
            Status(DiagnosticLevel.ERROR, f'qos {p.topic}', f'incompatible {p.policy}: {p.remedy}')
            for p in self._graph.qos_problems()
        ]
