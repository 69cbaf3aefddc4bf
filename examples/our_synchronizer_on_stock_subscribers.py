"""Sets of any messages that come on time, even when one publisher is silent.

    python examples/our_synchronizer_on_stock_subscribers.py /front/camera_info /left/camera_info

`SynchronizerFilter` stands where `message_filters.ApproximateTimeSynchronizer` stood: it waits for nobody
longer than a deadline, and gives None for who is missing. Needs a sourced ROS 2 with message_filters.
"""

from __future__ import annotations

import sys

import rclpy
from message_filters import Subscriber
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo

from stream_infer_ros.config.tree import SyncConfig
from stream_infer_ros.nodes.synchronizer_filter import SynchronizerFilter


class Watcher:
    """Tells of each set who is in it."""

    def __init__(self, node: Node, topics: list[str], config: SyncConfig | None = None) -> None:
        self.sets: list[tuple[CameraInfo | None, ...]] = []
        self._topics = topics
        self._logger = node.get_logger()
        subscribers = [Subscriber(node, CameraInfo, topic) for topic in topics]
        self._synchronizer = SynchronizerFilter(node, subscribers, config, names=topics)
        self._synchronizer.registerCallback(self._on_set)

    def _on_set(self, *messages: CameraInfo | None) -> None:
        self.sets.append(messages)
        missing = [topic for topic, message in zip(self._topics, messages, strict=True) if message is None]
        self._logger.info(f'set {len(self.sets)}: {f"without {missing}" if missing else "whole"}')


def main() -> None:
    rclpy.init()
    node = rclpy.create_node('watcher')
    watcher = Watcher(node, sys.argv[1:])
    try:
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        print(f'{len(watcher.sets)} sets')


if __name__ == '__main__':
    main()
