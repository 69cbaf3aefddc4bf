"""From topic to engine slot on ROS 2, in three ways; a process: `slot_receivers.py KIND CAMERAS RATE_HZ`.

It tells in JSON lines when it is ready and, between two lines of input, what CPU its images cost.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol

import cv2
import message_filters
import rclpy
from cv_bridge import CvBridge
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.config import parse_config
from stream_infer_ros.graph.graph import Cdr, Qos
from stream_infer_ros.graph.ros import RosGraph
from stream_infer_ros.graph.ros.message_class import message_class
from stream_infer_ros.graph.ros.qos import to_rclpy
from stream_infer_ros.inference.batch import Batch
from stream_infer_ros.pipeline.assembly import assemble
from stream_infer_ros.pipeline.inputs.camera_topics import camera_topics
from stream_infer_ros.pipeline.network import Network
from stream_infer_ros.pipeline.results import PerceivedImage
from stream_infer_ros.pipeline.runtime.live import LiveRunner
from stream_infer_ros.pipeline.steps.perceive import Perceiver
from stream_infer_ros.process_memory import keep_freed_memory

NETWORK_WIDTH, NETWORK_HEIGHT = 320, 240
DEPTH = 5


class Receiver(Protocol):
    @property
    def images(self) -> int:
        """That came into the slot so far."""

    def close(self) -> None: ...


class Usual:
    """Typed subscriptions, stock synchronizer, cv_bridge, and our letterbox so that the end is the same."""

    def __init__(self, node: Node, cameras: int, slop_s: float) -> None:
        self.images = 0
        self._bridge = CvBridge()
        self._batch = Batch(cameras, NETWORK_HEIGHT, NETWORK_WIDTH, 'rgb')
        subscribers = [
            message_filters.Subscriber(node, Image, f'/cam{i}/image_raw', qos_profile=QoSProfile(depth=DEPTH))
            for i in range(cameras)
        ]
        self._synchronizer = message_filters.ApproximateTimeSynchronizer(subscribers, 10, slop_s)
        self._synchronizer.registerCallback(self._on_set)

    def _on_set(self, *messages: Any) -> None:
        self._batch.clear()
        for message in messages:
            pixels = self._bridge.imgmsg_to_cv2(message, 'rgb8')
            self._batch.write(Frame('', 0, 0, pixels, 'rgb8', message.header.frame_id))
        self.images += len(messages)

    def close(self) -> None:
        pass


class Ours:
    """The package itself, on `node`; `on_executor`: subscribed by rclpy's executor."""

    def __init__(self, node: Node, cameras: int, on_executor: bool = False) -> None:
        config = parse_config(
            {
                'cameras': [f'cam{i}' for i in range(cameras)],
                'engine': {'kind': 'fake'},
                'map': {'enabled': False},
            },
            'benchmark',
        )
        self._graph = RosGraph(node)
        graph: Any = ExecutorGraph(node, self._graph) if on_executor else self._graph
        self._network = Network(config)
        assembly = assemble(config, camera_topics(config, ()), graph, self._network)
        self._perceiver = SlotPerceiver(assembly.steps.perceivers[0])
        steps = replace(assembly.steps, perceivers=[self._perceiver])
        self._runner = LiveRunner(graph, replace(assembly, steps=steps))
        self._runner.start()

    @property
    def images(self) -> int:
        return self._perceiver.images

    def close(self) -> None:
        self._runner.stop()
        self._runner.wait(0)
        self._graph.close()
        self._network.close()


class SlotPerceiver:
    """Ends at the engine's slot: frames are letterboxed and counted, and nothing is inferred."""

    is_down = False
    restarts = 0

    def __init__(self, perceiver: Perceiver) -> None:
        self._perceiver = perceiver
        self.images = 0

    def letterbox(self, frames: Sequence[Frame]) -> Any:
        return self._perceiver.letterbox(frames)

    def run(self, pictures: Iterable[Any], within_s: float) -> Iterator[Any]:
        self.images += sum(1 for _ in pictures)
        return iter(())

    def decode(self, outputs: Iterable[Any], pictures: Any) -> Iterator[PerceivedImage]:
        return iter(outputs)

    def count_lost(self, pictures: Any, results: int, error: Exception) -> None:
        raise error


class ExecutorGraph:
    """Subscribes raw as a plain rclpy node does: the executor takes each message and calls."""

    def __init__(self, node: Node, publishing: RosGraph) -> None:
        self._node, self._publishing = node, publishing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._publishing, name)

    def subscribe(self, topic: str, type_name: str, qos: Qos, on_message: Callable[[Cdr, int], None]) -> None:
        reliable = Qos('reliable', qos.durability, qos.depth)
        self._node.create_subscription(
            message_class(type_name),
            topic,
            lambda cdr: on_message(cdr, self.now_ns()),
            to_rclpy(reliable),
            raw=True,
        )


RECEIVERS: dict[str, Callable[[Node, int, float], Receiver]] = {
    'ours': lambda node, cameras, rate_hz: Ours(node, cameras),
    'executor': lambda node, cameras, rate_hz: Ours(node, cameras, on_executor=True),
    'usual': lambda node, cameras, rate_hz: Usual(node, cameras, 0.5 / rate_hz),
}


def main() -> None:
    """Settle, be told to begin and to end, tell CPU and images between the two."""
    kind, cameras, rate_hz = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    cv2.setNumThreads(1)
    if kind != 'usual':
        keep_freed_memory()  # as the nodes of this package do
    rclpy.init()
    node = rclpy.create_node('receiver')
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    spinning = threading.Thread(target=_spin, args=(executor,), daemon=True)
    made = RECEIVERS[kind](node, cameras, rate_hz)
    spinning.start()
    print(json.dumps({'ready': True}), flush=True)
    sys.stdin.readline()
    began_s, images = time.process_time(), made.images
    sys.stdin.readline()
    spent_s, images = time.process_time() - began_s, made.images - images
    print(json.dumps({'cpu_ms': spent_s / max(images, 1) * 1e3, 'images': images}), flush=True)
    try:
        made.close()
    finally:
        rclpy.shutdown()
        spinning.join()


def _spin(executor: SingleThreadedExecutor) -> None:
    try:
        executor.spin()
    except ExternalShutdownException:
        return


if __name__ == '__main__':
    main()
