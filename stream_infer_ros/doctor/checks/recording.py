"""The graph itself, or the recording: what could not be read of it."""

from __future__ import annotations

from collections.abc import Iterator

from stream_infer_ros.doctor.findings import Finding, error, split_remedy, warning
from stream_infer_ros.doctor.observation import Observation


def check_source(seen: Observation) -> Iterator[Finding]:
    """Report a graph or recording that cannot be opened, and what a recording lacks."""
    if seen.graph_problem:
        what, remedy = split_remedy(seen.graph_problem, 'see the options of this command')
        subject = f'recording {seen.recording}' if seen.recording else f'graph {seen.config.graph.kind}'
        yield error('recording' if seen.recording else 'graph', subject, what, remedy)
    for what, remedy in seen.recording_problems:
        yield warning('recording', f'recording {seen.recording}', what, remedy)
