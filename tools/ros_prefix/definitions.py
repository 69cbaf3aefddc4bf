"""The messages that have no wheel."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from stream_infer_ros.messages.definitions import DEFINITIONS
from stream_infer_ros.messages.typestore import typestore

# Known to rosbags, and therefore not among our own definitions.
FROM_ROSBAGS = ['tf2_msgs/msg/TFMessage']


@cache
def definitions() -> dict[str, str]:
    """Type name ('vision_msgs/msg/Point2D') to the text of its .msg file."""
    found = dict(DEFINITIONS)
    for name in FROM_ROSBAGS:
        text, _ = typestore().generate_msgdef(name)
        found[name] = text.partition('=' * 80)[0]  # without the types it contains
    return found


def packages(texts: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The same by package: package to message name to text."""
    found: dict[str, dict[str, str]] = {}
    for type_name, text in texts.items():
        package, _, name = type_name.split('/')
        found.setdefault(package, {})[name] = text
    return found
