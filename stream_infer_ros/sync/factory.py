"""Construction of the configured matching policy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stream_infer_ros.errors import ConfigError
from stream_infer_ros.sync.approximate_time import ApproximateTimeSynchronizer
from stream_infer_ros.sync.deadline import DeadlineSynchronizer
from stream_infer_ros.sync.exact import ExactSynchronizer
from stream_infer_ros.sync.independent import IndependentStreams
from stream_infer_ros.sync.latest import LatestSynchronizer
from stream_infer_ros.sync.synchronizer import Settings, Synchronizer

# By the value of sync.policy. A ROS node adds `message_filters`, which depends on ROS.
SYNCHRONIZERS: dict[str, Callable[[Sequence[str], Settings], Synchronizer]] = {
    'deadline': DeadlineSynchronizer,
    'approximate_time': ApproximateTimeSynchronizer,
    'exact': ExactSynchronizer,
    'latest': LatestSynchronizer,
    'none': IndependentStreams,
}


def make_synchronizer(cameras: Sequence[str], settings: Settings) -> Synchronizer:
    """Return a synchronizer of the policy that is configured now.

    Args:
        cameras: their names, in the order of the slots of a set.
        settings: returns the settings in use at present. `policy` and `queue_size` are read only once.

    Raises:
        ConfigError: no camera, one that is named twice, or a policy that this process does not have.
    """
    policy = settings().policy
    synchronizer = SYNCHRONIZERS.get(policy)
    if synchronizer is None:
        raise ConfigError(
            f'sync.policy must be one of {", ".join(SYNCHRONIZERS)}; {policy} came, which runs inside a ROS '
            'node only: `ros2 launch stream_infer_ros stream_infer.launch.py`'
        )
    return synchronizer(cameras, settings)
