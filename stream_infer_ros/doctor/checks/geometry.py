"""The geometry of each camera: what its calibration and its place on the robot say about the ground."""

from __future__ import annotations

from collections.abc import Iterator

from stream_infer_ros.doctor.findings import Finding, error, warning
from stream_infer_ros.doctor.observation import Observation
from stream_infer_ros.mapping.view_problem import ViewProblemKind

# Kinds that give a wrong map, although the view is used.
_WRONG_MAP = (ViewProblemKind.NOT_OPTICAL, ViewProblemKind.SAME_FRAME)


def check_geometry(seen: Observation) -> Iterator[Finding]:
    """Report the problems that the pipeline itself finds in the geometry of the cameras."""
    for problem in seen.view_problems:
        report = error if problem.kind.blocks or problem.kind in _WRONG_MAP else warning
        yield report(problem.kind.value, f'camera {problem.camera}', problem.cause, problem.remedy)
    if seen.ground_level_problem:
        what, _, remedy = seen.ground_level_problem.rpartition(': ')
        yield warning('ground_level', f'frame {seen.config.map.base_frame}', what, remedy)
