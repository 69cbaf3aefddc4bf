"""Many large cameras at once between two processes: what arrives, and whether publishing keeps up.

    python benchmarks/flood.py [--cameras 4] [--rate 30] [--size 1920x1080] [--seconds 8]

All cameras publish at the same instants. `behind` is the farthest the publisher fell behind them; CPU counts
all threads of either process.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from importlib.util import find_spec
from typing import Any

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

from stream_infer_ros.graph import CAMERA_INPUT, make_graph


def main() -> int:
    made = ends_parser(__doc__)
    made.add_argument('--cameras', type=int, default=4)
    made.add_argument('--rate', type=float, default=30.0, help='images a second of each (30)')
    made.add_argument('--size', default='1920x1080', metavar='WxH', help='(1920x1080)')
    made.add_argument('--seconds', type=float, default=8.0, help='(8)')
    options = made.parse_args()
    if options.receive:
        receive(options)
        return 0
    results = Results('flood', 'Large images', options)
    cdr = image(*map(int, options.size.split('x')))
    megabytes = options.cameras * options.rate * len(cdr) / 1e6
    table = Table(
        f'{options.cameras} x {options.size} rgb8 at {options.rate:g} Hz ({megabytes:.0f} MB/s)',
        ('', 'sent', 'arrived', 'counted as lost', 'behind, ms', 'send, ms of CPU', 'receive, ms of CPU'),
    )
    for name, needs, kind, shared, binding in CROSSINGS:
        if binding:
            continue
        if find_spec(needs) is None:
            results.missing(f'{name}: {needs} is not installed')
            continue
        table.row(name, *flood(cdr, options, kind, shared))
    results.show(table)
    return results.finish()


def flood(
    cdr: bytes, options: argparse.Namespace, kind: Kind, shared: bool
) -> tuple[int, int, int, float, float, float]:
    """Sent, arrived, counted as lost, farthest behind (ms), CPU (ms an image) of either side."""
    receiver = start_receiver(__file__, kind, shared, '--cameras', str(options.cameras))
    graph = make_graph(graph_config(kind, DOMAIN_ID, shared))
    publishers = [graph.advertise(f'/image{i}', IMAGE, RELIABLE_5) for i in range(options.cameras)]
    tick = threading.Event()
    settle(publishers)
    bursts = round(options.rate * options.seconds * (0.25 if options.quick else 1))
    behind_s, start_s, began = 0.0, time.monotonic(), time.process_time()
    for i in range(bursts):
        early_s = start_s + i / options.rate - time.monotonic()
        behind_s = max(behind_s, -early_s)
        tick.wait(max(0.0, early_s))
        for publisher in publishers:
            publisher.publish(cdr)
    sent = bursts * options.cameras
    sending_ms = (time.process_time() - began) / sent * 1e3
    tick.wait(0.5)  # the last are on their way
    told: dict[str, Any] = json.loads(receiver.communicate('end\n')[0])
    graph.close()
    return sent, told['count'], told['lost'], behind_s * 1e3, sending_ms, told['cpu_s'] / sent * 1e3


def receive(options: argparse.Namespace) -> None:
    """The other process: count until told to end."""
    graph = make_graph(graph_config(options.receive, options.domain, options.shared_memory, 'receiver'))
    counts = [0] * options.cameras

    def counter(i: int) -> Any:
        def count(_cdr: object, _received_ns: int) -> None:
            counts[i] += 1

        return count

    for i in range(options.cameras):
        graph.subscribe(f'/image{i}', IMAGE, CAMERA_INPUT, counter(i))
    began = time.process_time()
    print('listening', flush=True)
    sys.stdin.readline()
    spent_s = time.process_time() - began
    print(
        json.dumps({'count': sum(counts), 'lost': sum(graph.losses().values()), 'cpu_s': spent_s}), flush=True
    )
    graph.close()


if __name__ == '__main__':
    sys.exit(main())
