"""Parts of ROS 2 that a pipeline inside a node can use: cv_bridge and message_filters."""

from __future__ import annotations

from collections.abc import Sequence

from stream_infer_ros.cameras.encodings import FALLBACKS
from stream_infer_ros.errors import ConfigError
from stream_infer_ros.nodes.cv_bridge_encodings import known_to_cv_bridge
from stream_infer_ros.sync import SYNCHRONIZERS, Synchronizer
from stream_infer_ros.sync.synchronizer import Settings


def offer_ros_parts() -> None:
    """Make both available in this process. Safe to call twice.

    Each is loaded when it is first needed: cv_bridge for an image whose encoding this package does not know,
    message_filters if `sync.policy` names it. A missing one causes an error only then.
    """
    if known_to_cv_bridge not in FALLBACKS:
        FALLBACKS.append(known_to_cv_bridge)
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
