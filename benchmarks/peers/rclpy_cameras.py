"""Cameras on rclpy that cost little: one set of images every period, until standard input ends.

A process: `rclpy_cameras.py CAMERAS RATE_HZ WIDTH HEIGHT`.
"""

from __future__ import annotations

import sys
import threading
import time

import numpy as np
import rclpy
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image

from stream_infer_ros.messages.image import encode_image

DEPTH = 5


def main() -> None:
    cameras, rate_hz, width, height = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    rclpy.init()
    node = rclpy.create_node('cameras')
    publishers = [
        node.create_publisher(Image, f'/cam{i}/image_raw', QoSProfile(depth=DEPTH)) for i in range(cameras)
    ]
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    due_s = time.monotonic()
    while not ended.wait(max(due_s - time.monotonic(), 0.0)):
        stamp_ns = node.get_clock().now().nanoseconds
        for publisher in publishers:
            publisher.publish(encode_image(stamp_ns, 'camera', pixels, 'rgb8'))
        due_s += 1 / rate_hz
    rclpy.shutdown()


if __name__ == '__main__':
    main()
