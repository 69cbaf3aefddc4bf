"""Message types by name, from the packages that ROS finds."""

from __future__ import annotations

import importlib
from typing import Any

from stream_infer_ros.errors import GraphError


def message_class(type_name: str) -> Any:
    """Return the class of e.g. 'sensor_msgs/msg/Image'. rclpy needs it even if no message is ever built.

    Raises:
        GraphError: its package is not installed, or has no such message.
    """
    package, _, name = type_name.split('/')
    try:
        return getattr(importlib.import_module(f'{package}.msg'), name)
    except (ModuleNotFoundError, AttributeError) as error:
        debian = f'ros-<distro>-{package.replace("_", "-")}'
        raise GraphError(
            f'type {type_name}: this ROS does not have it ({error}); install {debian}'
        ) from error
