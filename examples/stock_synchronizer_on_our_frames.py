"""Cheap subscriptions in front of a synchronizer that you have already.

    python examples/stock_synchronizer_on_our_frames.py /front/image_raw /left/image_raw

`FrameSubscriber` stands where `message_filters.Subscriber(node, Image, topic)` stood; all behind it is stock.
Needs a sourced ROS 2 with message_filters. `stream_infer simulate` publishes something to look at.
"""

from __future__ import annotations

import sys

import rclpy
from message_filters import ApproximateTimeSynchronizer
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node

from stream_infer_ros.cameras import to_colour
from stream_infer_ros.graph.ros import RosGraph
from stream_infer_ros.nodes.frame_filters import FrameMessage, FrameSubscriber


class Watcher:
    """Tells of each set what came in it."""

    def __init__(self, node: Node, topics: list[str], slop_s: float = 0.05) -> None:
        self.graph = RosGraph(node)
        self.sets = 0
        self._logger = node.get_logger()
        subscribers = [FrameSubscriber(self.graph, topic) for topic in topics]
        self._synchronizer = ApproximateTimeSynchronizer(subscribers, 10, slop_s)
        self._synchronizer.registerCallback(self._on_set)

    def _on_set(self, *messages: FrameMessage) -> None:
        self.sets += 1
        for frame in (message.frame for message in messages):
            brightness = to_colour(frame.image, frame.encoding).mean()
            self._logger.info(f'{frame.camera} at {frame.stamp_ns / 1e9:.3f} s: brightness {brightness:.0f}')


def main() -> None:
    rclpy.init()
    node = rclpy.create_node('watcher')
    watcher = Watcher(node, sys.argv[1:])
    try:
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        watcher.graph.close()


if __name__ == '__main__':
    main()
