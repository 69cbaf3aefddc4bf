"""The status of the pipeline as a whole: latency against the bound, and problems of no single camera."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stream_infer_ros.messages.diagnostics import DiagnosticLevel
from stream_infer_ros.pipeline.camera_state import CameraState
from stream_infer_ros.pipeline.health.durations import Percentiles
from stream_infer_ros.pipeline.health.losses import Losses
from stream_infer_ros.pipeline.health.statistics import Stage, Statistics
from stream_infer_ros.pipeline.health.status import Status
from stream_infer_ros.pipeline.live_settings import CurrentSettings
from stream_infer_ros.sync.sender_clocks import ClockKind

# Returns the description of a problem at a time in nanoseconds; empty if there is none.
Problem = Callable[[int], str]


class PipelineStatus:
    """Reports one status.

    Args:
        problems: name -> the problem that a step reports.
    """

    def __init__(
        self,
        cameras: Sequence[CameraState],
        statistics: Statistics,
        losses: Losses,
        settings: CurrentSettings,
        problems: dict[str, Problem],
    ) -> None:
        self._states = tuple(cameras)
        self._cameras = {camera.name for camera in cameras}
        self._statistics = statistics
        self._losses = losses
        self._settings = settings
        self._problems = problems

    def statuses(self, now_ns: int) -> list[Status]:
        stages, sets = self._statistics.stages(), self._statistics.sets_published
        total = stages.get(Stage.TOTAL, {}).get('')
        bound_ms = self._settings().bound_ns / 1e6
        problems = {'over_bound': _over_bound(total, bound_ms), **self._named_problems(now_ns)}
        problems = {name: words for name, words in problems.items() if words}
        level = DiagnosticLevel.OK if sets else DiagnosticLevel.STALE
        if not sets:
            message = 'no set published yet'
        elif total is None:  # a replay is not measured against the bound
            message = f'{sets} sets published'
        else:
            message = f'p99 {total.p99:.0f} ms{self._measured_from()}, bound {bound_ms:.0f} ms'
        if problems:
            level = DiagnosticLevel.WARN
            message = '; '.join([*([] if 'over_bound' in problems else [message]), *problems.values()])
        values = {'sets.published': str(sets), 'sets.partial': str(self._statistics.sets_partial)}
        values |= self._drops_of_no_camera()
        for stage, by_camera in stages.items():
            worst = max(by_camera.values(), key=lambda p: p.p99)
            values[f'{stage}.ms'] = f'p50 {worst.p50:.1f}, p95 {worst.p95:.1f}, p99 {worst.p99:.1f}'
        return [Status(level, 'pipeline', message, values, ', '.join(problems))]

    def _measured_from(self) -> str:
        """Name the cameras whose latency is not known before the arrival of their images."""
        others = [camera.name for camera in self._states if camera.clock_kind is not ClockKind.OURS]
        if not others:
            return ''
        if len(others) == len(self._states):
            return ' from the arrival of the images'
        return f' (for {", ".join(others)} from the arrival of the images)'

    def problems(self, now_ns: int) -> list[str]:
        """Return the problems, but not a latency over the bound."""
        return [words for words in self._named_problems(now_ns).values() if words]

    def _named_problems(self, now_ns: int) -> dict[str, str]:
        return {name: problem(now_ns) for name, problem in self._problems.items()}

    def _drops_of_no_camera(self) -> dict[str, str]:
        found = {}
        for cause, by_sender in self._losses.drops().items():
            lost = sum(n for sender, n in by_sender.items() if sender not in self._cameras)
            if lost:
                found[f'dropped.{cause}'] = str(lost)
        return found


def _over_bound(total: Percentiles | None, bound_ms: float) -> str:
    if total is None or total.robust_p99 <= bound_ms:
        return ''
    return (
        f'p99 {total.p99:.0f} ms is over the bound of {bound_ms:.0f} ms: the values of this status on '
        '/diagnostics show the time of each stage; use fewer or smaller images, a faster engine, or a larger '
        'bound_ms'
    )
