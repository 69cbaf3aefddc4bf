"""CPU per 640x480 image from topic to engine slot on a real ROS 2, beside the node that everybody writes.

    python benchmarks/rclpy_cost.py [--cameras 4] [--rate 15] [--json FILE]

Without a sourced ROS 2 it starts itself in a sourced shell where one is found (/opt/ros/*).

A publisher in a process of its own sends to one receiver at a time, on loopback, in turns:

- ours: RosGraph, LiveRunner with intake, matching and letterbox; `executor` is the same, but subscribed with
  raw=True on rclpy's own executor: what the receiver thread of RosGraph saves.
- usual: typed rclpy subscriptions, message_filters.ApproximateTimeSynchronizer, cv_bridge to rgb8, and the
  same letterbox.

All threads of the receiving process are counted, from the first second after it settled; what publishes or
idles in it (diagnostics, timers) too. Exits with 1 if ours costs more than half of the usual.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from machine import Results, Table, parser
from ros_setup import start_again_in_ros

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.config import Config, GraphConfig, parse_config
from stream_infer_ros.graph.dds.configuration import domain_xml
from stream_infer_ros.graph.graph import Cdr, Qos
from stream_infer_ros.inference.batch import Batch
from stream_infer_ros.memory_use import keep_freed_images
from stream_infer_ros.messages.image import encode_image
from stream_infer_ros.pipeline.assembly import Assembly, assemble
from stream_infer_ros.pipeline.camera_topics import camera_topics
from stream_infer_ros.pipeline.live import LiveRunner
from stream_infer_ros.pipeline.network import Network
from stream_infer_ros.pipeline.processed_set import FusedSet, PerceivedSet
from stream_infer_ros.sync.frame_set import FrameSet

start_again_in_ros()
try:
    import rclpy
    from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
    from rclpy.node import Node
    from rclpy.qos import QoSProfile
    from sensor_msgs.msg import Image
except ImportError:
    made = parser(__doc__).parse_known_args()[0]
    results = Results('rclpy_cost', 'From topic to engine slot on ROS 2', made)
    results.missing('rclpy: no ROS 2 for this Python (/opt/ros/*/setup.bash)')
    raise SystemExit(results.finish()) from None

WIDTH, HEIGHT = 640, 480
NETWORK_WIDTH, NETWORK_HEIGHT = 320, 240
IMAGE = 'sensor_msgs/msg/Image'
DEPTH = 5
ALLOWED = 0.5
KINDS = ('ours', 'executor', 'usual')


class SlotPipeline:
    """Our pipeline as far as the engine's slot: what would be inferred is counted and let go."""

    def __init__(self, assembly: Assembly) -> None:
        self._whole = assembly.pipeline
        self.images = 0
        self._perceiver: Any = assembly.pipeline._sights[0]  # a Perceiver: only its letterbox is wanted

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)

    def perceive(self, frame_set: FrameSet, now_ns: int, instance: int) -> PerceivedSet:
        frames = self._perceiver.letterbox(frame_set)
        self.images += len(frames)
        return PerceivedSet(frame_set, frames, (), ())

    def deliver(self, perceived: PerceivedSet, now_ns: int) -> FusedSet:
        return FusedSet(perceived)

    def refresh(self, now_ns: int) -> None:
        pass


class ExecutorGraph:
    """Subscribes raw as a plain rclpy node does: the executor takes each message and calls."""

    def __init__(self, node: Node, publishing: Any) -> None:
        self._node, self._publishing = node, publishing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._publishing, name)

    def subscribe(self, topic: str, type_name: str, qos: Qos, on_message: Callable[[Cdr, int], None]) -> None:
        from stream_infer_ros.graph.ros.message_class import message_class  # noqa: PLC0415
        from stream_infer_ros.graph.ros.qos import to_rclpy  # noqa: PLC0415

        reliable = Qos('reliable', qos.durability, qos.depth)
        self._node.create_subscription(
            message_class(type_name),
            topic,
            lambda cdr: on_message(cdr, self.now_ns()),
            to_rclpy(reliable),
            raw=True,
        )


class Ours:
    """The package itself, on `node`."""

    def __init__(self, node: Node, cameras: int, on_executor: bool) -> None:
        from stream_infer_ros.graph.ros import RosGraph  # noqa: PLC0415

        config = self._config(cameras)
        ros_graph = RosGraph(node)
        graph: Any = ExecutorGraph(node, ros_graph) if on_executor else ros_graph
        self._network = Network(config)
        assembly = assemble(config, camera_topics(config, ()), graph, self._network)
        self._pipeline: Any = SlotPipeline(assembly)
        self._runner = LiveRunner(graph, self._pipeline, assembly.cameras, assembly.diagnostics, config)
        self._runner.start()
        self._graph, self._diagnostics = ros_graph, assembly.diagnostics

    @staticmethod
    def _config(cameras: int) -> Config:
        names = [f'cam{i}' for i in range(cameras)]
        return parse_config(
            {'cameras': names, 'engine': {'kind': 'fake'}, 'map': {'enabled': False}}, 'benchmark'
        )

    @property
    def images(self) -> int:
        return self._pipeline.images

    def close(self) -> None:
        self._runner.stop()
        self._runner.wait(0)
        self._graph.close()
        self._network.close()


class Usual:
    """Typed subscriptions, stock synchronizer, cv_bridge, and our letterbox so that the end is the same."""

    def __init__(self, node: Node, cameras: int, slop_s: float) -> None:
        import message_filters  # noqa: PLC0415
        from cv_bridge import CvBridge  # noqa: PLC0415

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
            self._batch.add(Frame('', 0, 0, pixels, 'rgb8', message.header.frame_id))
        self.images += len(messages)

    def close(self) -> None:
        pass


def receive(options: argparse.Namespace) -> None:
    """One receiver: settles, is told 'begin' and 'end', prints its CPU time and images between the two."""
    cv2.setNumThreads(1)
    rclpy.init()
    node = rclpy.create_node('receiver')
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    spinning = threading.Thread(target=_spin, args=(executor,), daemon=True)
    made: Any
    if options.receive == 'usual':
        made = Usual(node, options.cameras, 0.5 / options.rate)
    else:
        keep_freed_images()  # as the nodes of this package do
        made = Ours(node, options.cameras, on_executor=options.receive == 'executor')
    spinning.start()
    print('ready', flush=True)
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


def publish(cameras: int, rate_hz: float) -> None:
    """The publisher: one set of images every period, until its input is closed."""
    rclpy.init()
    node = rclpy.create_node('cameras')
    made = [
        node.create_publisher(Image, f'/cam{i}/image_raw', QoSProfile(depth=DEPTH)) for i in range(cameras)
    ]
    pixels = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    due_s = time.monotonic()
    while not ended.wait(max(due_s - time.monotonic(), 0.0)):
        stamp_ns = node.get_clock().now().nanoseconds
        for publisher in made:
            publisher.publish(encode_image(stamp_ns, 'camera', pixels, 'rgb8'))
        due_s += 1 / rate_hz
    rclpy.shutdown()


def measure(kind: str, options: argparse.Namespace) -> tuple[float, int]:
    """CPU per image of one receiver, ms, and how many images reached its slot."""
    shared = ['--cameras', str(options.cameras), '--rate', str(options.rate)]
    pause = threading.Event()
    receiver = _start(['--receive', kind, *shared])
    publisher = None
    try:
        if _line(receiver) != 'ready':
            raise SystemExit(f'{kind} did not come up')
        publisher = _start(['--publish', *shared])
        pause.wait(options.settle)
        _say(receiver, 'begin')
        pause.wait(options.seconds)
        _say(receiver, 'end')
        found = json.loads(_line(receiver))
        if not found['images']:
            raise SystemExit(f'{kind} received no image; see its messages above')
        return found['cpu_ms'], found['images']
    finally:
        for process in filter(None, (publisher, receiver)):
            process.communicate(timeout=30)


def _start(arguments: list[str]) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _say(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f'{word}\n')
    process.stdin.flush()


def compare(options: argparse.Namespace) -> int:
    """Measure all kinds in turns."""
    results = Results('rclpy_cost', 'From topic to engine slot on ROS 2', options)
    found: dict[str, list[tuple[float, int]]] = {kind: [] for kind in KINDS}
    for _ in range(options.rounds):
        for kind in KINDS:
            found[kind].append(measure(kind, options))
    sent = round(options.cameras * options.rate * options.seconds)
    usual = statistics.median(ms for ms, _ in found['usual'])
    table = Table(
        f'{options.cameras} cameras, {WIDTH}x{HEIGHT} rgb8, {options.rate:g} Hz, {options.rounds} rounds',
        ('', 'CPU, ms an image', 'x usual', f'in the slot, of {sent}'),
    )
    for kind, rounds in found.items():
        ms = statistics.median(ms for ms, _ in rounds)
        table.row(kind, ms, ms / usual, ', '.join(str(images) for _, images in rounds))
    results.show(table)
    results.check('ours / usual', statistics.median(ms for ms, _ in found['ours']) / usual, ALLOWED, 'x')
    return results.finish()


def main() -> None:
    made = parser(__doc__)
    made.add_argument('--cameras', type=int, default=4)
    made.add_argument('--rate', type=float, default=15.0, help='images a second of each camera')
    made.add_argument('--seconds', type=float, default=6.0, help='measured in each turn (6)')
    made.add_argument('--settle', type=float, default=3.0, help='seconds before each measurement')
    made.add_argument('--rounds', type=int, default=3)
    made.add_argument('--receive', choices=KINDS, help=argparse.SUPPRESS)
    made.add_argument('--publish', action='store_true', help=argparse.SUPPRESS)
    options = made.parse_args()
    if options.receive:
        receive(options)
    elif options.publish:
        publish(options.cameras, options.rate)
    else:
        # Nothing leaves this machine; packets as docs/ros2.md advises, for all of them. Only rmw_cyclonedds
        # looks at the second, any other is kept here by the first.
        os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
        if os.environ.get('ROS_DISTRO') == 'humble':
            os.environ['ROS_LOCALHOST_ONLY'] = '1'
        os.environ['CYCLONEDDS_URI'] = domain_xml(GraphConfig(loopback=True), {}, os.getpid())
        os.environ['ROS_DOMAIN_ID'] = str(1 + os.getpid() % 100)
        if options.quick:
            options.seconds, options.settle, options.rounds = 2.0, 2.0, 1
        raise SystemExit(compare(options))


if __name__ == '__main__':
    main()
