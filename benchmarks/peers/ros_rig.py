"""Cameras on rclpy that take little CPU time. They publish images, calibration and transforms, as drivers do.

Usage: `ros_rig.py CAMERAS RATE_HZ WIDTH HEIGHT SECONDS`. The process waits until every topic has a
subscriber, prints `ready` as a line of JSON, starts at the next line of its input, and prints `sent` when it
is done. It ends when its input is closed.
"""

from __future__ import annotations

import json
import sys
import threading
import time

import numpy as np
import rclpy

from stream_infer_ros.graph.ros import RosGraph
from stream_infer_ros.messages.image import encode_image
from stream_infer_ros.simulation import SimulationOptions, Timing
from stream_infer_ros.simulation.exposure_encoder import optical_frame
from stream_infer_ros.simulation.publisher import WorldPublisher
from stream_infer_ros.simulation.schedule import Exposure

# Topics must stay subscribed for this long, as a subscription may be replaced when its publisher is found.
SETTLED_S = 2.0
PATIENCE_S = 60.0


class StillPicture:
    """An encoder that renders nothing: every exposure shows the same noise."""

    def __init__(self, width: int, height: int) -> None:
        self._pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)

    def encode(self, exposure: Exposure) -> bytes:
        return encode_image(exposure.stamp_ns, optical_frame(f'cam{exposure.camera}'), self._pixels, 'rgb8')


def main() -> None:
    cameras, rate_hz = int(sys.argv[1]), float(sys.argv[2])
    width, height, seconds = int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
    options = SimulationOptions(cameras=cameras, width=width, height=height, timing=Timing(rate_hz))
    rclpy.init()
    node = rclpy.create_node('rig')
    graph = RosGraph(node)
    encoder = StillPicture(width, height)
    publisher = WorldPublisher(graph, options.world(), options.rig(), graph.now_ns(), encoder=encoder)
    wait_for_subscribers(node, [f'/cam{i}/image_raw' for i in range(cameras)])
    print(json.dumps({'ready': True}), flush=True)
    sys.stdin.readline()
    sent = publish(graph, publisher, cameras, rate_hz, seconds)
    print(json.dumps({'sent': sent}), flush=True)
    sys.stdin.read()
    graph.close()
    node.destroy_node()
    rclpy.shutdown()


def wait_for_subscribers(node: rclpy.node.Node, topics: list[str]) -> None:
    """Return once every topic has had a subscriber for SETTLED_S."""
    pause = threading.Event()
    start_s = since_s = time.monotonic()
    while time.monotonic() - since_s < SETTLED_S:
        if not all(node.count_subscribers(topic) for topic in topics):
            since_s = time.monotonic()
        if time.monotonic() - start_s > PATIENCE_S:
            raise SystemExit(f'no subscriber for all of {", ".join(topics)} within {PATIENCE_S:.0f} s')
        pause.wait(0.05)


def publish(graph: RosGraph, publisher: WorldPublisher, cameras: int, rate_hz: float, seconds: float) -> int:
    """Publish sets at `rate_hz`, each in one burst and with one stamp; return the number of images."""
    pause, ticks = threading.Event(), round(rate_hz * seconds)
    due_s = time.monotonic()
    for tick in range(ticks):
        pause.wait(max(due_s - time.monotonic(), 0.0))
        stamp_ns = graph.now_ns()
        for camera in range(cameras):
            publisher.hand_out(publisher.prepare(Exposure(stamp_ns, camera, tick)))
        due_s += 1 / rate_hz
    return ticks * cameras


if __name__ == '__main__':
    main()
