"""The pipeline on an rclpy node, with a network that costs nothing; reports the images it received.

Usage: `ros_pipeline.py CAMERAS`. The process prints `ready` as a line of JSON, waits for a line of input, and
then prints what it received.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any

import cv2
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

from stream_infer_ros.config import parse_config
from stream_infer_ros.graph.ros import RosGraph
from stream_infer_ros.graph.ros.middleware import middleware_variables
from stream_infer_ros.pipeline.assembly import Assembly, assemble
from stream_infer_ros.pipeline.inputs.camera_topics import camera_topics
from stream_infer_ros.pipeline.network import Network
from stream_infer_ros.pipeline.runtime.live import LiveRunner
from stream_infer_ros.process_memory import keep_freed_memory


def main() -> None:
    cameras = [f'cam{i}' for i in range(int(sys.argv[1]))]
    cv2.setNumThreads(1)
    keep_freed_memory()
    os.environ.update(middleware_variables(os.environ))  # as the nodes of this package do
    rclpy.init()
    node = rclpy.create_node('stream_infer')
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    spinning = threading.Thread(target=_spin, args=(executor,), daemon=True)
    spinning.start()
    config = parse_config({'cameras': cameras, 'engine': {'kind': 'fake'}}, 'benchmark')
    graph, network = RosGraph(node), Network(config)
    assembly = assemble(config, camera_topics(config, ()), graph, network)
    runner = LiveRunner(graph, assembly)
    runner.start()
    print(json.dumps({'ready': True}), flush=True)
    sys.stdin.readline()
    print(json.dumps({'received': received(assembly)}), flush=True)
    runner.stop()
    runner.wait(0)
    graph.close()
    network.close()
    rclpy.shutdown()
    spinning.join()


def received(assembly: Assembly) -> dict[str, Any]:
    """Return counts of images and sets, and the time from stamp to receipt of the slowest camera."""
    statistics = assembly.statistics
    wire = statistics.stages().get('wire', {})
    return {
        'images': sum(camera.images for camera in assembly.cameras),
        'sets': statistics.sets_published,
        'partial': statistics.sets_partial,
        'no_transform': sum(statistics.views_missed().get('no_transform', {}).values()),
        'p50_ms': max((one.p50 for one in wire.values()), default=None),
        'p99_ms': max((one.p99 for one in wire.values()), default=None),
    }


def _spin(executor: SingleThreadedExecutor) -> None:
    try:
        executor.spin()
    except ExternalShutdownException:
        return


if __name__ == '__main__':
    main()
