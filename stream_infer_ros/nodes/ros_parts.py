"""Parts of ROS 2 that a pipeline inside a node can use: message_filters."""

from __future__ import annotations

from collections.abc import Sequence

from stream_infer_ros.errors import ConfigError
from stream_infer_ros.sync import SYNCHRONIZERS, Synchronizer
from stream_infer_ros.sync.synchronizer import Settings


def offer_ros_parts() -> None:
    """Make message_filters available in this process. Safe to call twice.

    It is loaded when `sync.policy` names it. If it is missing, only that causes an error.
    """
    SYNCHRONIZERS['message_filters'] = _stock


def _stock(cameras: Sequence[str], settings: Settings) -> Synchronizer:
    try:
        from stream_infer_ros.nodes.stock_synchronizer import StockSynchronizer  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError(
            f'sync.policy message_filters needs message_filters of ROS, which is not installed ({error}): '
            'install ros-$ROS_DISTRO-message-filters, or choose another policy'
        ) from error
    return StockSynchronizer(cameras, settings)
