"""CPU time each graph adapter spends on a 640x480 rgb8 image, sending and receiving, against copying it once.

    python benchmarks/graph.py [--images 300] [--rate 60]

All threads of the process are counted. `dds` runs between two processes on loopback; its row `binding` is
cyclonedds' own Python write and take with the same raw bytes, the peer we compare with.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import types
from pathlib import Path
from typing import Any

import numpy as np

from stream_infer_ros.config import GraphConfig
from stream_infer_ros.graph import SENSOR_DATA, BagGraph, MemoryGraph, Qos, make_graph
from stream_infer_ros.messages.typestore import typestore

IMAGE = 'sensor_msgs/msg/Image'
RELIABLE_5 = Qos('reliable', 'volatile', 5)
DOMAIN_ID = 1 + os.getpid() % 100


def image() -> bytes:
    """A 640x480 rgb8 sensor_msgs/msg/Image of noise, 0.92 MB."""
    made = typestore().types
    stamp = made['builtin_interfaces/msg/Time'](sec=0, nanosec=0)
    message = made[IMAGE](
        header=made['std_msgs/msg/Header'](stamp=stamp, frame_id='camera'),
        height=480,
        width=640,
        encoding='rgb8',
        is_bigendian=0,
        step=1920,
        data=np.random.default_rng(0).integers(0, 256, 640 * 480 * 3, np.uint8),
    )
    return bytes(typestore().serialize_cdr(message, IMAGE))


def copy_floor_ms(cdr: bytes, images: int) -> float:
    """CPU per image of one copy into memory that is there already."""
    source, target = np.frombuffer(cdr, np.uint8), np.empty(len(cdr), np.uint8)
    began = time.process_time()
    for _ in range(images):
        np.copyto(target, source)
    return (time.process_time() - began) / images * 1e3


def memory_ms(cdr: bytes, images: int) -> float:
    """CPU per image published and received within the process."""
    graph = MemoryGraph()
    graph.subscribe('/image', IMAGE, SENSOR_DATA, lambda _cdr, _ns: None)
    publisher = graph.advertise('/image', IMAGE, RELIABLE_5)
    began = time.process_time()
    for _ in range(images):
        publisher.publish(cdr)
    return (time.process_time() - began) / images * 1e3


def bag_ms(cdr: bytes, images: int, folder: Path, suffix: str) -> tuple[float, float]:
    """CPU per image written to a recording, and read from it."""
    path = folder / f'bag{suffix}'
    ticks = iter(range(images + 1))
    began = time.process_time()
    recorder = BagGraph(write=path, clock_ns=lambda: next(ticks))
    publisher = recorder.advertise('/image', IMAGE, RELIABLE_5)
    for _ in range(images):
        publisher.publish(cdr)
    recorder.close()
    written = time.process_time()
    graph = BagGraph(path)
    graph.subscribe('/image', IMAGE, SENSOR_DATA, lambda _cdr, _ns: None)
    graph.play()
    graph.close()
    return (written - began) / images * 1e3, (time.process_time() - written) / images * 1e3


def dds_ms(cdr: bytes, images: int, rate_hz: float, binding: bool) -> tuple[float, float, int]:
    """CPU per image of the sending and of the receiving process, and how many images arrived."""
    arguments = ['--receive', '--images', str(images), '--domain', str(DOMAIN_ID)]
    receiver = subprocess.Popen(
        [sys.executable, __file__, *arguments, *(['--binding'] if binding else [])],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    )
    assert receiver.stdout is not None
    receiver.stdout.readline()  # it listens
    graph: Any = make_graph(GraphConfig(domain_id=DOMAIN_ID, loopback=True))
    publisher = graph.advertise('/image', IMAGE, RELIABLE_5)
    send = binding_write(graph, publisher) if binding else publisher.publish
    tick = threading.Event()
    while publisher.subscribers() == 0:
        tick.wait(0.01)
    tick.wait(0.5)  # both sides have settled
    began = time.process_time()
    for _ in range(images):
        send(cdr)
        tick.wait(1 / rate_hz)
    sending = (time.process_time() - began) / images * 1e3
    received = json.loads(receiver.communicate('end\n')[0])
    graph.close()
    return sending, received['cpu_ms'], received['count']


def receive(images: int, domain: int, binding: bool) -> None:
    """The other process: count images until told to end, then print the CPU time spent since the first."""
    graph: Any = make_graph(GraphConfig(domain_id=domain, loopback=True, node_name='receiver'))
    first: list[float] = []
    count = [0]
    last = [0.0]

    def on_message(_cdr: object, _received_ns: int) -> None:
        if not first:
            first.append(time.process_time())
        count[0] += 1
        last[0] = time.process_time()

    if binding:
        threading.Thread(target=binding_take, args=(graph, on_message), daemon=True).start()
    else:
        graph.subscribe('/image', IMAGE, SENSOR_DATA, on_message)
    print('listening', flush=True)
    sys.stdin.readline()
    cpu_ms = (last[0] - first[0]) / max(1, count[0] - 1) * 1e3
    print(json.dumps({'cpu_ms': cpu_ms, 'count': count[0]}), flush=True)
    if binding:
        os._exit(0)  # its thread cannot be told to stop
    graph.close()


def raw_type() -> Any:
    """Image for the binding's own calls, its samples plain CDR: the hooks a user would override."""
    from cyclonedds.idl import IdlStruct  # noqa: PLC0415

    from stream_infer_ros.graph.dds.message_type import message_type  # noqa: PLC0415

    known = message_type(typestore(), IMAGE)

    def body(namespace: dict[str, Any]) -> None:
        namespace['__annotations__'].update(known.__annotations__)
        namespace['__init__'] = lambda self, cdr: setattr(self, 'cdr', cdr)
        namespace['serialize'] = lambda self, **_: self.cdr
        namespace['deserialize'] = classmethod(lambda cls, cdr, **_: cls(cdr))
        namespace['deserialize_key'] = classmethod(lambda cls, key, **_: None)

    return types.new_class('Image', (IdlStruct,), {'typename': known.__idl_typename__}, body)


def binding_write(graph: Any, publisher: Any) -> Any:
    """Publish through DataWriter.write."""
    made, writer = raw_type(), publisher._writer
    writer.data_type = made
    return lambda cdr: writer.write(made(cdr))


def binding_take(graph: Any, on_message: Any) -> None:
    """Receive through DataReader.take."""
    from cyclonedds.core import InstanceState, ReadCondition, SampleState, ViewState, WaitSet  # noqa: PLC0415
    from cyclonedds.sub import DataReader  # noqa: PLC0415
    from cyclonedds.topic import Topic  # noqa: PLC0415
    from cyclonedds.util import duration  # noqa: PLC0415

    from stream_infer_ros.graph.dds.qos import to_dds  # noqa: PLC0415

    participant = graph._participant.entity
    reader: Any = DataReader(participant, Topic(participant, 'rt/image', raw_type()), qos=to_dds(SENSOR_DATA))
    waitset = WaitSet(participant)
    waitset.attach(ReadCondition(reader, ViewState.Any | SampleState.NotRead | InstanceState.Any))
    while True:
        waitset.wait(duration(infinite=True))
        for sample in reader.take(N=16):
            if sample.sample_info.valid_data:
                on_message(sample.cdr, time.time_ns())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--images', type=int, default=300)
    parser.add_argument('--rate', type=float, default=60.0, help='images a second over dds')
    parser.add_argument('--receive', action='store_true', help=argparse.SUPPRESS)
    parser.add_argument('--binding', action='store_true', help=argparse.SUPPRESS)
    parser.add_argument('--domain', type=int, default=DOMAIN_ID, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.receive:
        receive(options.images, options.domain, options.binding)
        return
    cdr, images = image(), options.images
    floor = copy_floor_ms(cdr, images)
    print(f'{"":24}{"send ms":>9}{"x copy":>8}{"receive ms":>12}{"x copy":>8}')
    print(f'{"one copy (floor)":24}{floor:9.3f}{1:8.1f}{floor:12.3f}{1:8.1f}')

    def row(name: str, sending: float, receiving: float, note: str = '') -> None:
        print(
            f'{name:24}{sending:9.3f}{sending / floor:8.1f}{receiving:12.3f}{receiving / floor:8.1f}  {note}'
        )

    both = memory_ms(cdr, images)
    row('memory (both at once)', both, both)
    for binding in (False, True):
        sending, receiving, count = dds_ms(cdr, images, options.rate, binding)
        row('dds, binding' if binding else 'dds', sending, receiving, f'{count} of {images} arrived')
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ('.mcap', '.db3'):
            row(f'bag {suffix}', *bag_ms(cdr, min(images, 100), Path(folder), suffix))


if __name__ == '__main__':
    main()
