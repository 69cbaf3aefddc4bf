"""An examination: an observation, the network, and the findings of all checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from stream_infer_ros.config import Config
from stream_infer_ros.doctor.checks.calibration import check_calibration
from stream_infer_ros.doctor.checks.cameras import check_cameras
from stream_infer_ros.doctor.checks.clocks import check_clocks
from stream_infer_ros.doctor.checks.geometry import check_geometry
from stream_infer_ros.doctor.checks.machine import check_folders, check_memory, check_versions
from stream_infer_ros.doctor.checks.middleware import check_middleware
from stream_infer_ros.doctor.checks.network import check_network, check_speed
from stream_infer_ros.doctor.checks.recording import check_source
from stream_infer_ros.doctor.checks.timing import check_matching, check_timing
from stream_infer_ros.doctor.checks.transforms import check_transforms
from stream_infer_ros.doctor.findings import Finding, Severity, error, worst_first
from stream_infer_ros.doctor.network_facts import NetworkFacts, examine_network
from stream_infer_ros.doctor.observation import Observation
from stream_infer_ros.doctor.observer import observe_live, observe_recording
from stream_infer_ros.errors import StreamInferError
from stream_infer_ros.graph import make_graph

Check = Callable[[], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Examination:
    """The result.

    Attributes:
        seen: what was observed.
        network: the network and its speed.
        findings: all findings, worst first.
    """

    seen: Observation
    network: NetworkFacts
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """True if nothing is wrong; notes do not count."""
        return all(finding.severity is Severity.NOTE for finding in self.findings)


def examine_live(config: Config, seconds: float, stop: Callable[[float], bool]) -> Examination:
    """Examine the live graph that `config.graph` describes. Nothing is published.

    Args:
        seconds: duration of the observation, from the first image on.
        stop: waits for the given seconds; returns True if the observation must end now.
    """
    try:
        graph = make_graph(config.graph.model_copy(update={'node_name': f'{config.graph.node_name}_doctor'}))
        try:
            seen = observe_live(graph, config, seconds, stop)
        finally:
            graph.close()
    except StreamInferError as problem:
        seen = Observation(config, graph_problem=str(problem))
    except Exception as failure:  # the checks of model and machine are of use all the same
        return examine(Observation(config), [_failed('observation', failure)])
    return examine(seen)


def examine_recording(path: Path, config: Config, seconds: float) -> Examination:
    """Examine the first seconds of a recording."""
    try:
        seen = observe_recording(path, config, seconds)
    except (StreamInferError, OSError) as problem:
        seen = Observation(config, recording=path, graph_problem=str(problem))
    return examine(seen)


def examine(seen: Observation, before: Sequence[Finding] = ()) -> Examination:
    """Measure the network, and run all checks. A check that fails becomes a finding and hides no other.

    Args:
        before: findings about the observation itself.
    """
    config = seen.config
    # Only now, because the measurement would slow down the observation.
    network, failed = _network(config, len(seen.heard))
    checks: dict[str, Check] = {
        'recording': lambda: check_source(seen),
        'cameras': lambda: check_cameras(seen),
        'middleware': lambda: check_middleware(seen),
        'clocks': lambda: check_clocks(seen),
        'timing': lambda: check_timing(seen),
        'matching': lambda: check_matching(seen),
        'calibration': lambda: check_calibration(seen),
        'transforms': lambda: check_transforms(seen),
        'geometry': lambda: check_geometry(seen),
        'network': lambda: check_network(seen, network),
        'speed': lambda: check_speed(seen, network),
        'versions': check_versions,
        'folders': lambda: check_folders(config),
        'memory': check_memory,
    }
    findings = [
        *before,
        *failed,
        *(finding for name, check in checks.items() for finding in run_check(name, check)),
    ]
    return Examination(seen, network, worst_first(findings))


def run_check(name: str, check: Check) -> Sequence[Finding]:
    """Return the findings of a check; those before an exception, and a finding about the exception."""
    findings: list[Finding] = []
    try:
        findings.extend(check())
    except Exception as failure:  # a fault of one check must not hide the findings of the others
        findings.append(_failed(name, failure))
    return findings


def _network(config: Config, cameras: int) -> tuple[NetworkFacts, list[Finding]]:
    try:
        return examine_network(config, cameras), []
    except Exception as failure:
        return NetworkFacts(config.model.file), [_failed('network', failure)]


def _failed(name: str, failure: Exception) -> Finding:
    return error(
        'check_failed',
        f'check {name}',
        f'the check {name} failed: {type(failure).__name__}: {failure}',
        'this is a fault of stream_infer_ros: report it, with the output of `stream_infer doctor --json`',
    )
