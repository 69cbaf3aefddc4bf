"""From configuration to a schedule."""

from __future__ import annotations

from collections.abc import Sequence

from stream_infer_ros.config import Config
from stream_infer_ros.pipeline.scheduling.earliest_deadline import EarliestDeadline
from stream_infer_ros.pipeline.scheduling.newest_set import NewestSet
from stream_infer_ros.pipeline.scheduling.schedule import Schedule


def make_schedule(config: Config, cameras: Sequence[str]) -> Schedule:
    """Streams that nothing joins are scheduled one by one, sets as a whole."""
    bound_ns = round(config.bound_ms * 1e6)
    priorities = {camera: options.priority for camera, options in config.camera.items()}
    if config.sync.policy != 'none':
        return NewestSet(bound_ns, len(cameras), priorities)
    most = min(config.engine.max_batch or len(cameras), len(cameras))
    return EarliestDeadline(cameras, bound_ns, most, priorities)
