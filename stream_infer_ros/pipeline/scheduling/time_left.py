"""How long a result is worth waiting for."""

from __future__ import annotations

from stream_infer_ros.pipeline.health.statistics import Statistics

# What comes after inference.
_AFTER = ('decode', 'fuse', 'publish')
# Percentiles sort thousands of values: not for every set.
_LOOK_EVERY = 50


class TimeLeft:
    """The bound, less the age of a set, less what the stages after inference take (their medians, summed).

    The medians: a result given up is lost for certain, one that is waited for may yet be in time.
    """

    def __init__(self, bound_ms: float, statistics: Statistics) -> None:
        self._bound_ms = bound_ms
        self._statistics = statistics
        self._after_ms = 0.0
        self._asked = 0

    def retune(self, bound_ms: float) -> None:
        """Another bound from now on; from any thread."""
        self._bound_ms = bound_ms

    def seconds(self, stamp_ns: int, now_ns: int) -> float:
        """For a set whose oldest frame has that stamp; negative where it is too late already.

        A stamp ahead of the clock counts as now.
        """
        if self._asked % _LOOK_EVERY == 0:
            self._after_ms = self._statistics.median_ms(*_AFTER)
        self._asked += 1
        age_ms = max(0, now_ns - stamp_ns) / 1e6
        return (self._bound_ms - age_ms - self._after_ms) * 1e-3
