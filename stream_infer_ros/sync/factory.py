"""From configuration to a matching policy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stream_infer_ros.config.tree import SyncConfig
from stream_infer_ros.sync.approximate_time import ApproximateTimeSynchronizer
from stream_infer_ros.sync.deadline import DeadlineSynchronizer
from stream_infer_ros.sync.exact import ExactSynchronizer
from stream_infer_ros.sync.latest import LatestSynchronizer
from stream_infer_ros.sync.synchronizer import Synchronizer


def _ns(milliseconds: float) -> int:
    return round(milliseconds * 1_000_000)


def _deadline(config: SyncConfig, cameras: Sequence[str]) -> Synchronizer:
    return DeadlineSynchronizer(
        cameras, _ns(config.deadline_ms), _ns(config.slop_ms), _ns(config.camera_timeout_ms)
    )


def _approximate_time(config: SyncConfig, cameras: Sequence[str]) -> Synchronizer:
    return ApproximateTimeSynchronizer(
        cameras, config.queue_size, config.age_penalty, _ns(config.max_interval_ms)
    )


def _exact(config: SyncConfig, cameras: Sequence[str]) -> Synchronizer:
    return ExactSynchronizer(cameras, config.queue_size)


def _latest(config: SyncConfig, cameras: Sequence[str]) -> Synchronizer:
    return LatestSynchronizer(cameras, _ns(config.camera_timeout_ms))


SYNCHRONIZERS: dict[str, Callable[[SyncConfig, Sequence[str]], Synchronizer]] = {
    'deadline': _deadline,
    'approximate_time': _approximate_time,
    'exact': _exact,
    'latest': _latest,
}


def make_synchronizer(config: SyncConfig, cameras: Sequence[str]) -> Synchronizer:
    """The configured policy, slots in the order given. Raises ConfigError for no cameras, or one twice."""
    return SYNCHRONIZERS[config.policy](config, cameras)
