"""The node that everybody writes, on a real ROS 2: `python -m peers.usual_ros SETTING` in a sourced shell.

Typed rclpy subscriptions, stock message_filters.ApproximateTimeSynchronizer, cv_bridge, one inference per
image in the callback, typed vision_msgs out.
"""

from __future__ import annotations

import os
import threading
from functools import partial
from pathlib import Path
from typing import Any

import message_filters
import rclpy
from cv_bridge import CvBridge
from rclpy.executors import ExternalShutdownException
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CompressedImage, Image
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

from peers.plain_runtime import PlainDetector
from peers.talk import Results, Setting
from stream_infer_ros.inference.detections import Detections

DEPTH = 5


class UsualNode:
    """One callback for each set; for each image where nothing joins the streams."""

    def __init__(self, setting: Setting, results: Results) -> None:
        options = setting.options
        self._results, self._bridge = results, CvBridge()
        self._detector = PlainDetector(Path(setting.model), setting.engine)
        self.node = rclpy.create_node('usual')
        qos = QoSProfile(depth=DEPTH)
        self._publishers = [
            self.node.create_publisher(Detection2DArray, f'/usual/{camera}/detections', qos)
            for camera in options.cameras
        ]
        kind, suffix = (CompressedImage, '/compressed') if options.encoding == 'jpeg' else (Image, '')
        self._compressed = options.encoding == 'jpeg'
        topics = [f'/{camera}/image_raw{suffix}' for camera in options.cameras]
        if not options.matched:
            for camera, topic in enumerate(topics):
                self.node.create_subscription(kind, topic, partial(self._on_image, camera), qos)
            return
        subscribers = [
            message_filters.Subscriber(self.node, kind, topic, qos_profile=qos) for topic in topics
        ]
        self._synchronizer = message_filters.ApproximateTimeSynchronizer(
            subscribers, 10, 0.5 / options.rate_hz
        )
        self._synchronizer.registerCallback(self._on_set)

    def _on_set(self, *messages: Any) -> None:
        for camera, message in enumerate(messages):
            self._on_image(camera, message)

    def _on_image(self, camera: int, message: Any) -> None:
        if self._compressed:
            rgb = self._bridge.compressed_imgmsg_to_cv2(message, 'rgb8')
        else:
            rgb = self._bridge.imgmsg_to_cv2(message, 'rgb8')
        self._publishers[camera].publish(_message(self._detector.detect(rgb), message.header))
        stamp = message.header.stamp
        self._results.published(camera, stamp.sec * 10**9 + stamp.nanosec)


def _message(found: Detections, header: Any) -> Detection2DArray:
    array = Detection2DArray(header=header)
    for (x0, y0, x1, y1), score, class_id in zip(
        found.xyxy.tolist(), found.score.tolist(), found.class_id.tolist(), strict=True
    ):
        one = Detection2D(header=header)
        one.bbox.center.position.x, one.bbox.center.position.y = (x0 + x1) / 2, (y0 + y1) / 2
        one.bbox.size_x, one.bbox.size_y = x1 - x0, y1 - y0
        hypothesis = ObjectHypothesisWithPose()
        hypothesis.hypothesis.class_id = found.class_names[class_id]
        hypothesis.hypothesis.score = score
        one.results.append(hypothesis)
        array.detections.append(one)
    return array


def main() -> None:
    rclpy.init()
    results = Results()
    usual = UsualNode(Setting.told(), results)
    spinning = threading.Thread(target=_spin, args=(usual.node,), daemon=True)
    spinning.start()
    results.ready()
    results.wait_for_end()
    os._exit(0)  # a node that is overloaded would take its time


def _spin(node: Any) -> None:
    try:
        rclpy.spin(node)
    except ExternalShutdownException:
        return


if __name__ == '__main__':
    main()
