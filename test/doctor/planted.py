"""A healthy recording of the simulated world, and the ways to spoil it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rosbags.typesys import Stores, get_typestore

from stream_infer_ros.config import parse_config
from stream_infer_ros.doctor import Examination, examine_recording
from stream_infer_ros.graph import RELIABLE, TF_STATIC, BagGraph, MemoryBus, MemoryGraph
from stream_infer_ros.simulation import SimulationOptions, Timing, schedule
from stream_infer_ros.simulation.publisher import WorldPublisher

STORE = get_typestore(Stores.ROS2_JAZZY)
TYPES = STORE.types
IMAGE, INFO, TF_MESSAGE = 'sensor_msgs/msg/Image', 'sensor_msgs/msg/CameraInfo', 'tf2_msgs/msg/TFMessage'
COMPRESSED, CLOCK = 'sensor_msgs/msg/CompressedImage', 'rosgraph_msgs/msg/Clock'
EPOCH_NS = 1_700_000_000_000_000_000
WORLD = SimulationOptions(cameras=2, width=160, height=120, timing=Timing(rate_hz=10.0, phase_ms=6.0))
TICKS = 30
MS = 1_000_000

# (topic, type, time of arrival in nanoseconds, message)
Recorded = tuple[str, str, int, object]
Change = Callable[[str, str, int, object], list[Recorded]]


def healthy() -> list[Recorded]:
    """Return three seconds of two cameras on a robot. An image arrives 5 ms after its stamp."""
    bus, found, now_ns = MemoryBus(), [], EPOCH_NS
    robot, recorder = MemoryGraph(bus), MemoryGraph(bus)
    topics = [('/tf_static', TF_MESSAGE), ('/tf', TF_MESSAGE)]
    topics += [(f'/cam{i}/{name}', kind) for i in range(2) for name, kind in _OF_A_CAMERA.items()]

    def listen(topic: str, kind: str) -> None:
        qos = TF_STATIC if topic == '/tf_static' else RELIABLE

        def keep(cdr: bytes, _: int) -> None:
            found.append((topic, kind, now_ns, STORE.deserialize_cdr(bytes(cdr), kind)))

        recorder.subscribe(topic, kind, qos, keep)

    publisher = WorldPublisher(robot, WORLD.world(), WORLD.rig(), EPOCH_NS)
    for topic, kind in topics:
        listen(topic, kind)
    for exposure in schedule(WORLD.cameras, WORLD.seed, EPOCH_NS, WORLD.timing, TICKS):
        now_ns = exposure.stamp_ns + 5 * MS
        publisher.hand_out(publisher.prepare(exposure))
    robot.close()
    recorder.close()
    return found


_OF_A_CAMERA = {'image_raw': IMAGE, 'camera_info': INFO}


def write(path: Path, messages: list[Recorded], silent: tuple[tuple[str, str], ...] = ()) -> Path:
    """Write a recording; `silent` are topics without messages."""
    now = [EPOCH_NS]
    graph = BagGraph(write=path, clock_ns=lambda: now[0])
    publishers = {}
    for topic, kind in [*silent, *((m[0], m[1]) for m in messages)]:
        if (topic, kind) not in publishers:
            publishers[topic, kind] = graph.advertise(topic, kind, RELIABLE)
    for topic, kind, arrived_ns, message in sorted(messages, key=lambda m: m[2]):
        now[0] = arrived_ns
        publishers[topic, kind].publish(bytes(STORE.serialize_cdr(message, kind)))
    graph.close()
    return path


def examined(path: Path, **settings) -> Examination:
    """Examine a recording with an engine that needs no time."""
    engine = {'kind': 'fake', **settings.pop('engine', {})}
    return examine_recording(path, parse_config({'engine': engine, **settings}, 'test'), 60.0)


def problems(result: Examination) -> dict[str, str]:
    """Return problem -> subject, what and remedy of the findings that are not notes."""
    return {
        f.problem: f'{f.subject}: {f.what} -> {f.remedy}' for f in result.findings if f.severity != 'note'
    }


def changed(messages: list[Recorded], change: Change) -> list[Recorded]:
    return [new for message in messages for new in change(*message)]


def images(edit, camera: str = 'cam0') -> Change:
    """Return a change of the images of a camera: `edit(message, number)` returns the new message or None."""
    return _of(lambda topic, kind: kind == IMAGE and topic.startswith(f'/{camera}/'), edit)


def infos(edit, camera: str = 'cam0') -> Change:
    return _of(lambda topic, kind: kind == INFO and topic.startswith(f'/{camera}/'), edit)


def transforms(edit, topic: str = '/tf') -> Change:
    """Return a change: `edit(transforms, number)` returns the new list of TransformStamped."""

    def of_message(message, number):
        return dataclasses.replace(message, transforms=edit(list(message.transforms), number))

    return _of(lambda name, _: name == topic, of_message)


def _of(chosen, edit) -> Change:
    numbers: dict[str, int] = {}

    def change(topic, kind, arrived_ns, message):
        if not chosen(topic, kind):
            return [(topic, kind, arrived_ns, message)]
        number = numbers[topic] = numbers.get(topic, -1) + 1
        new = edit(message, number)
        return [] if new is None else [(topic, kind, arrived_ns, new)]

    return change


def restamped(message, shift_ns: int):
    """Return a message with a header, stamped later by so much."""
    return stamped(message, stamp_ns(message) + shift_ns)


def stamped(message, ns: int):
    stamp = TYPES['builtin_interfaces/msg/Time'](sec=ns // 10**9, nanosec=ns % 10**9)
    return dataclasses.replace(message, header=dataclasses.replace(message.header, stamp=stamp))


def stamp_ns(message) -> int:
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec


def in_frame(message, frame_id: str):
    return dataclasses.replace(message, header=dataclasses.replace(message.header, frame_id=frame_id))


def transform(parent: str, child: str, xyz=(0.0, 0.0, 0.0), xyzw=(0.0, 0.0, 0.0, 1.0), ns: int = EPOCH_NS):
    """Return a TransformStamped."""
    header = TYPES['std_msgs/msg/Header'](
        stamp=TYPES['builtin_interfaces/msg/Time'](sec=ns // 10**9, nanosec=ns % 10**9), frame_id=parent
    )
    pose = TYPES['geometry_msgs/msg/Transform'](
        translation=TYPES['geometry_msgs/msg/Vector3'](*map(float, xyz)),
        rotation=TYPES['geometry_msgs/msg/Quaternion'](*map(float, xyzw)),
    )
    return TYPES['geometry_msgs/msg/TransformStamped'](header=header, child_frame_id=child, transform=pose)


def as_jpeg(encode: Callable[[np.ndarray], bytes]) -> Change:
    """Return a change of all images to CompressedImage."""

    def change(topic, kind, arrived_ns, message):
        if kind != IMAGE:
            return [(topic, kind, arrived_ns, message)]
        data = np.frombuffer(encode(message.data.reshape(message.height, message.width, 3)), np.uint8)
        new = TYPES[COMPRESSED](header=message.header, format='jpeg', data=data)
        return [(f'{topic}/compressed', COMPRESSED, arrived_ns, new)]

    return change
