"""Definitions of the messages that have no wheel."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from stream_infer_ros.messages.typestore import DEFINITIONS, typestore

# rosbags knows these, so they are not among the definitions of the package.
FROM_ROSBAGS = ['tf2_msgs/msg/TFMessage']


@cache
def definitions() -> dict[str, str]:
    """Return the texts of .msg files by type name ('vision_msgs/msg/Point2D')."""
    found = dict(DEFINITIONS)
    for name in FROM_ROSBAGS:
        text, _ = typestore().generate_msgdef(name)
        found[name] = text.partition('=' * 80)[0]  # without the types it contains
    return found


def packages(texts: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Group the texts: package to message name to text."""
    found: dict[str, dict[str, str]] = {}
    for type_name, text in texts.items():
        package, _, name = type_name.split('/')
        found.setdefault(package, {})[name] = text
    return found
