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
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from graph_ends import (
    CROSSINGS,
    DOMAIN_ID,
    IMAGE,
    RELIABLE_5,
    Kind,
    ends_parser,
    graph_config,
    image,
    settle,
    start_receiver,
)
from machine import Results, Table

from stream_infer_ros.graph import SENSOR_DATA, BagGraph, MemoryGraph, make_graph


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


def crossing(
    cdr: bytes, images: int, rate_hz: float, kind: Kind, shared_memory: bool = False, binding: bool = False
) -> Crossing:
    receiver = start_receiver(__file__, kind, shared_memory, *(['--binding'] if binding else []))
    graph: Any = make_graph(graph_config(kind, DOMAIN_ID, shared_memory))
    send: Callable[[bytes], None]
    if binding:
        from peers.cyclone_binding import Writing  # noqa: PLC0415 (where it is installed)

        writing = Writing(graph, RELIABLE_5)
        settle([writing])
        send = writing.publish
    else:
        publisher = graph.advertise('/image', IMAGE, RELIABLE_5)
        settle([publisher])
        send = publisher.publish
    tick = threading.Event()
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
        from peers.cyclone_binding import take_for_ever  # noqa: PLC0415 (where it is installed)

        threading.Thread(target=take_for_ever, args=(graph, on_message), daemon=True).start()
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


def main() -> int:
    made = ends_parser(__doc__)
    made.add_argument('--images', type=int, help='(300; quick: 60)')
    made.add_argument('--rate', type=float, default=60.0, help='images a second between processes (60)')
    made.add_argument('--size', default='640x480', metavar='WxH', help='of the images (640x480)')
    made.add_argument('--binding', action='store_true', help=argparse.SUPPRESS)
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
