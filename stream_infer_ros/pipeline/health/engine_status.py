"""The status of the engine."""

from __future__ import annotations

from stream_infer_ros.inference.engines import EngineState
from stream_infer_ros.messages.diagnostics import DiagnosticLevel
from stream_infer_ros.pipeline.health.statistics import Statistics
from stream_infer_ros.pipeline.health.status import Status
from stream_infer_ros.pipeline.network import Network


class EngineStatus:
    """Reports one status for all instances of the engine."""

    def __init__(self, network: Network, statistics: Statistics) -> None:
        self._network = network
        self._statistics = statistics

    @property
    def is_down(self) -> bool:
        """True if no instance is left."""
        return self._network.down() == len(self._network.engines)

    def statuses(self, now_ns: int) -> list[Status]:
        network, health = self._network, self._network.health()
        values = {'engine': network.kind, 'model': network.file.name, 'restarts': str(health.restarts)}
        values |= {'boxes.not_finite': str(self._statistics.invalid_boxes)}
        values |= {'last failure': health.reason} if health.reason else {}
        if health.state is EngineState.DOWN:
            down, of = network.down(), len(network.engines)
            share = f'{down} of {of} instances ' if of > 1 else ''
            level, message = DiagnosticLevel.ERROR, f'{share}down: {health.reason}'
        elif health.state is EngineState.RESTARTED:
            level, message = DiagnosticLevel.WARN, f'started again after: {health.reason}'
        else:
            level, message = DiagnosticLevel.OK, str(network)
        return [Status(level, 'engine', message, values)]
