"""Divides the latency bound among the wait for cameras, the run of the engine, and the later steps."""

from __future__ import annotations

from stream_infer_ros.pipeline.health.statistics import Stage, Statistics
from stream_infer_ros.pipeline.live_settings import LONGEST_WAIT, CurrentSettings
from stream_infer_ros.pipeline.scheduling.schedule import TAIL

# The derived deadline of sets is at least this share of the bound, and at most LONGEST_WAIT of it. Even a
# slow engine leaves the cameras this much, because a set that is closed too early comes in two parts and
# costs twice.
SHORTEST_WAIT = 0.4
# The deadline of sets is changed only if it changes by this much.
SMALLEST_CHANGE_MS = 2.0


class LatencyBudget:
    """One account of the latency bound for the synchronizer, the schedule and the engine.

    All times are measured. `adapt` reads the statistics, which sorts thousands of values; call it now and
    then, from one thread. Everything else is cheap and can be read from any thread.

    The parts are measured as wholes: the sum of the 99th percentiles of stages would overstate the 99th
    percentile of their sum.
    """

    def __init__(self, settings: CurrentSettings, statistics: Statistics) -> None:
        self._settings = settings
        self._statistics = statistics
        self._after_run_ns = 0
        self._after_inference_ns = 0

    @property
    def bound_ns(self) -> int:
        return self._settings().bound_ns

    @property
    def after_run_ns(self) -> int:
        return self._after_run_ns

    def within_s(self, exposed_ns: int, now_ns: int) -> float:
        """Return how long a result is worth waiting for, seconds; negative if it is too late already.

        It is the bound minus the age of the set and minus the median duration of the steps after inference.
        The median is used because a result that is given up is certainly lost, and one that is waited for may
        still be in time.

        Args:
            exposed_ns: when the age of the set began, see `FrameSet.exposed_ns`.
            now_ns: the present. A stamp ahead of it counts as the present.
        """
        age_ns = max(0, now_ns - exposed_ns)
        return (self.bound_ns - age_ns - self._after_inference_ns) * 1e-9

    def adapt(self) -> None:
        """Derive the budget anew from the statistics."""
        bound_ms = self.bound_ns / 1e6
        after_run = self._statistics.of_sets(Stage.AFTER_RUN)
        if after_run is not None:
            # The 99th percentile, but no more than TAIL beyond the median.
            planned_ms = min(after_run.robust_p99, after_run.p50 + TAIL * bound_ms)
            self._after_run_ns = round(planned_ms * 1e6)
        after_inference = self._statistics.of_sets(Stage.AFTER_INFERENCE)
        if after_inference is not None:
            self._after_inference_ns = round(after_inference.p50 * 1e6)
        self._derive_deadline(bound_ms)

    def _derive_deadline(self, bound_ms: float) -> None:
        """Let sets wait for as long as the bound allows after everything that follows."""
        processing = self._statistics.of_sets(Stage.PROCESSING)
        left_ms = bound_ms - (processing.robust_p99 if processing else 0.0)
        deadline_ms = min(max(left_ms, SHORTEST_WAIT * bound_ms), LONGEST_WAIT * bound_ms)
        # If frames need longer than that, sets wait for them as long as the bound allows at all.
        most_ms = max(deadline_ms, left_ms)
        sync = self._settings().sync
        changes_ms = deadline_ms - sync.deadline_ns / 1e6, most_ms - sync.longest_deadline_ns / 1e6
        if max(map(abs, changes_ms)) >= SMALLEST_CHANGE_MS:
            self._settings.derive_deadline(deadline_ms, most_ms)
