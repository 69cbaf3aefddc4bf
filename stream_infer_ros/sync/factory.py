"""From configuration to a matching policy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stream_infer_ros.config.tree import SyncConfig
from stream_infer_ros.errors import ConfigError
from stream_infer_ros.sync.approximate_time import ApproximateTimeSynchronizer
from stream_infer_ros.sync.deadline import DeadlineSynchronizer
from stream_infer_ros.sync.exact import ExactSynchronizer
from stream_infer_ros.sync.independent import IndependentStreams
from stream_infer_ros.sync.latest import LatestSynchronizer
from stream_infer_ros.sync.synchronizer import Synchronizer


def _deadline(config: SyncConfig, cameras: Sequence[str]) -> Synchronizer:
    return DeadlineSynchronizer(cameras, config.deadline_ns, config.slop_ns, config.camera_timeout_ns)


def _approximate_time(config: SyncConfig, cameras: Sequence[str]) -> Synchronizer:
    return ApproximateTimeSynchronizer(cameras, config.queue_size, config.age_penalty, config.max_interval_ns)


def _exact(config: SyncConfig, cameras: Sequence[str]) -> Synchronizer:
    return ExactSynchronizer(cameras, config.queue_size)


def _latest(config: SyncConfig, cameras: Sequence[str]) -> Synchronizer:
    return LatestSynchronizer(cameras, config.camera_timeout_ns)


def _none(config: SyncConfig, cameras: Sequence[str]) -> Synchronizer:
    del config  # it has no settings
    return IndependentStreams(cameras)


# A ROS node adds `message_filters`: nothing here depends on one.
SYNCHRONIZERS: dict[str, Callable[[SyncConfig, Sequence[str]], Synchronizer]] = {
    'deadline': _deadline,
    'approximate_time': _approximate_time,
    'exact': _exact,
    'latest': _latest,
    'none': _none,
}


def make_synchronizer(config: SyncConfig, cameras: Sequence[str]) -> Synchronizer:
    """The configured policy, slots in the order given.

    Raises ConfigError for no cameras, or one twice, or a policy that this process does not have.
    """
    make = SYNCHRONIZERS.get(config.policy)
    if make is None:
        raise ConfigError(
            f'one of {", ".join(SYNCHRONIZERS)} was expected as sync.policy, {config.policy} came, which '
            'runs inside a ROS node only: `ros2 launch stream_infer_ros stream_infer.launch.py`'
        )
    return make(config, cameras)
