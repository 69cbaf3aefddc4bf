"""CPU time each graph adapter spends on an rgb8 image, sending and receiving, against copying it once.

    python benchmarks/graph.py [--images 300] [--rate 60] [--size 640x480]

All threads of the process are counted. `dds` and `zenoh` run between two processes on loopback; the row
`dds, binding` is cyclonedds' own Python write and take with the same raw bytes, the peer we compare with.
Latency is from before `publish` to the callback.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import types
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from machine import Results, Table, parser

from stream_infer_ros.config import GraphConfig, ZenohConfig
from stream_infer_ros.graph import SENSOR_DATA, BagGraph, MemoryGraph, Qos, make_graph
from stream_infer_ros.messages.typestore import typestore

IMAGE = 'sensor_msgs/msg/Image'
RELIABLE_5 = Qos('reliable', 'volatile', 5)
DOMAIN_ID = 1 + os.getpid() % 100
Kind = Literal['dds', 'zenoh']
# Name, package, adapter, shared memory, the package's own calls instead of ours.
CROSSINGS: tuple[tuple[str, str, Kind, bool, bool], ...] = (
    ('dds', 'cyclonedds', 'dds', False, False),
    ('dds, binding', 'cyclonedds', 'dds', False, True),
    ('zenoh', 'zenoh', 'zenoh', False, False),
    ('zenoh, shared memory', 'zenoh', 'zenoh', True, False),
)


def image(width: int, height: int) -> bytes:
    """An rgb8 sensor_msgs/msg/Image of noise; 640x480 is 0.92 MB."""
    made = typestore().types
    stamp = made['builtin_interfaces/msg/Time'](sec=0, nanosec=0)
    message = made[IMAGE](
        header=made['std_msgs/msg/Header'](stamp=stamp, frame_id='camera'),
        height=height,
        width=width,
        encoding='rgb8',
        is_bigendian=0,
        step=3 * width,
        data=np.random.default_rng(0).integers(0, 256, 3 * width * height, np.uint8),
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


@dataclass(frozen=True)
class Crossing:
    """Images from one process to another.

    Attributes:
        sending_ms, receiving_ms: CPU per image of either process.
        count: how many arrived.
        latency_ms: median.
    """

    sending_ms: float
    receiving_ms: float
    count: int
    latency_ms: float


def graph_config(kind: Kind, domain: int, shared_memory: bool, name: str = 'sender') -> GraphConfig:
    zenoh = ZenohConfig(shared_memory=shared_memory)
    return GraphConfig(kind=kind, domain_id=domain, loopback=True, zenoh=zenoh, node_name=name)


def crossing(
    cdr: bytes, images: int, rate_hz: float, kind: Kind, shared_memory: bool = False, binding: bool = False
) -> Crossing:
    arguments = ['--receive', kind, '--domain', str(DOMAIN_ID)]
    arguments += ['--shared-memory'] if shared_memory else []
    receiver = subprocess.Popen(
        [sys.executable, __file__, *arguments, *(['--binding'] if binding else [])],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    )
    assert receiver.stdout is not None
    receiver.stdout.readline()  # it listens
    graph: Any = make_graph(graph_config(kind, DOMAIN_ID, shared_memory))
    publisher = graph.advertise('/image', IMAGE, RELIABLE_5)
    send = binding_write(graph, publisher) if binding else publisher.publish
    tick = threading.Event()
    while publisher.subscribers() == 0:
        tick.wait(0.01)
    tick.wait(0.5)  # both sides have settled
    sent_ns = []
    began = time.process_time()
    for _ in range(images):
        sent_ns.append(time.time_ns())
        send(cdr)
        tick.wait(1 / rate_hz)
    sending = (time.process_time() - began) / images * 1e3
    received = json.loads(receiver.communicate('end\n')[0])
    graph.close()
    took = [came - sent for sent, came in zip(sent_ns, received['came_ns'], strict=False)]
    latency = statistics.median(took) / 1e6 if received['count'] == images else float('nan')
    return Crossing(sending, received['cpu_ms'], received['count'], latency)


def receive(kind: Kind, domain: int, shared_memory: bool, binding: bool) -> None:
    """The other process: take images until told to end, then print the CPU time spent since the first."""
    graph: Any = make_graph(graph_config(kind, domain, shared_memory, 'receiver'))
    first: list[float] = []
    came_ns: list[int] = []
    last = [0.0]

    def on_message(_cdr: object, _received_ns: int) -> None:
        came_ns.append(time.time_ns())
        if not first:
            first.append(time.process_time())
        last[0] = time.process_time()

    if binding:
        threading.Thread(target=binding_take, args=(graph, on_message), daemon=True).start()
    else:
        graph.subscribe('/image', IMAGE, SENSOR_DATA, on_message)
    print('listening', flush=True)
    sys.stdin.readline()
    count = len(came_ns)
    cpu_ms = (last[0] - first[0]) / max(1, count - 1) * 1e3 if first else float('nan')
    print(json.dumps({'cpu_ms': cpu_ms, 'count': count, 'came_ns': came_ns}), flush=True)
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


def main() -> int:
    made = parser(__doc__)
    made.add_argument('--images', type=int, help='(300; quick: 60)')
    made.add_argument('--rate', type=float, default=60.0, help='images a second between processes (60)')
    made.add_argument('--size', default='640x480', metavar='WxH', help='of the images (640x480)')
    made.add_argument('--receive', choices=get_args(Kind), help=argparse.SUPPRESS)
    made.add_argument('--shared-memory', action='store_true', help=argparse.SUPPRESS)
    made.add_argument('--binding', action='store_true', help=argparse.SUPPRESS)
    made.add_argument('--domain', type=int, default=DOMAIN_ID, help=argparse.SUPPRESS)
    options = made.parse_args()
    if options.receive:
        receive(options.receive, options.domain, options.shared_memory, options.binding)
        return 0
    images = options.images or (60 if options.quick else 300)
    results = Results('graph', 'Adapters', options)
    results.show(compare(image(*map(int, options.size.split('x'))), images, options, results))
    return results.finish()


def compare(cdr: bytes, images: int, options: argparse.Namespace, results: Results) -> Table:
    """Every adapter that is here, in turn."""
    floor = copy_floor_ms(cdr, images)
    table = Table(
        f'ms of CPU for a {options.size} rgb8 image, of {images} at {options.rate:g} Hz',
        ('', 'send', 'x copy', 'receive', 'x copy', 'arrived', 'latency, ms'),
    )

    def row(name: str, sending: float, receiving: float, *more: float) -> None:
        arrived, latency = more or (None, None)
        table.row(name, sending, sending / floor, receiving, receiving / floor, arrived, latency)

    row('one copy (floor)', floor, floor)
    both = memory_ms(cdr, images)
    row('memory, both at once', both, both)
    for name, needs, kind, shared, binding in CROSSINGS:
        if find_spec(needs) is None:
            results.missing(f'{name}: {needs} is not installed')
            continue
        it = crossing(cdr, images, options.rate, kind, shared, binding)
        row(name, it.sending_ms, it.receiving_ms, it.count, it.latency_ms)
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ('.mcap', '.db3'):
            row(f'bag {suffix}', *bag_ms(cdr, min(images, 100), Path(folder), suffix))
    return table


if __name__ == '__main__':
    sys.exit(main())
