"""The schedule that a configuration asks for."""

from __future__ import annotations

from collections.abc import Sequence

from stream_infer_ros.config import Config
from stream_infer_ros.pipeline.scheduling.earliest_deadline import EarliestDeadline
from stream_infer_ros.pipeline.scheduling.newest_set import NewestSet
from stream_infer_ros.pipeline.scheduling.schedule import Budget, Schedule


def make_schedule(config: Config, cameras: Sequence[str], budget: Budget) -> Schedule:
    """Return a schedule of sets, or of independent streams if the cameras are not matched."""
    priorities = {camera: options.priority for camera, options in config.camera.items()}
    if config.sync.policy != 'none':
        return NewestSet(budget, len(cameras), priorities)
    most = min(config.engine.max_batch or len(cameras), len(cameras))
    return EarliestDeadline(cameras, budget, most, priorities)
