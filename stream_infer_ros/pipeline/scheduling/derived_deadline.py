"""How long a set may wait for its cameras: what the bound leaves after everything that follows."""

from __future__ import annotations

from stream_infer_ros.config import Config, SyncConfig
from stream_infer_ros.pipeline.health.statistics import Statistics

# What a set meets once it has left the synchronizer, as a whole: the p99s of its parts add up to far more.
FOLLOWING = 'processing'
# Of the bound: a slow engine leaves the cameras at least so much (else what belongs together comes apart, and
# costs it twice), an idle one no more than so much.
LEAST, MOST = 0.4, 0.6
# Smaller changes are not worth telling.
STEP_MS = 2.0


class DerivedDeadline:
    """`sync.deadline_ms` where it is 0: the bound less the measured p99 of what follows."""

    def __init__(self, config: Config, statistics: Statistics) -> None:
        self._config = config
        self._statistics = statistics
        self._deadline_ms = config.sync.deadline_ns / 1e6

    def retune(self, config: Config) -> SyncConfig:
        """Other settings from now on; what the synchronizer is to have of them. From any thread."""
        self._config = config
        return self._resolved()

    def look(self) -> SyncConfig | None:
        """What the synchronizer is to have now, None if nothing changed; sorts thousands of values."""
        bound_ms = self._config.bound_ms
        left_ms = bound_ms - self._statistics.p99_ms(FOLLOWING)
        deadline_ms = min(max(left_ms, LEAST * bound_ms), MOST * bound_ms)
        if self._config.sync.deadline_ms or abs(deadline_ms - self._deadline_ms) < STEP_MS:
            return None
        self._deadline_ms = deadline_ms
        return self._resolved()

    def _resolved(self) -> SyncConfig:
        sync = self._config.sync
        return sync if sync.deadline_ms else sync.model_copy(update={'deadline_ms': self._deadline_ms})
