"""The cost of the pipeline without the network: CPU time per set of 6 images, engine `fake`.

    python benchmarks/overhead.py [--seconds 10] [--json FILE]

Images are in memory or come over DDS on loopback (cameras in another process), with and without the map. All
threads of the process of the pipeline count, except that of the cameras. The tables show CPU time by thread
and wall time by step. The floor is one copy and one resize per image. The fake network sees an empty yard.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import cv2
from machine import Results, Table, parser, threads_cpu_ns
from rendered import Rendered

from stream_infer_ros.capacity import TrialOptions, measure_ideal_capacity
from stream_infer_ros.config import GraphConfig, parse_config
from stream_infer_ros.graph import Graph, make_graph
from stream_infer_ros.pipeline.assembly import assemble
from stream_infer_ros.pipeline.health.statistics import STAGES
from stream_infer_ros.pipeline.inputs.camera_topics import camera_topics
from stream_infer_ros.pipeline.network import Network
from stream_infer_ros.pipeline.runtime.live import LiveRunner
from stream_infer_ros.process_memory import keep_freed_memory
from stream_infer_ros.simulation.pacing import publish_on_time
from stream_infer_ros.simulation.publisher import WorldPublisher
from stream_infer_ros.simulation.rig import surround_rig
from stream_infer_ros.simulation.schedule import Timing, schedule
from stream_infer_ros.simulation.world import World

CAMERAS, RATE_HZ, SEED = 6, 10.0, 1
LEAD_NS = 500_000_000
SETTLE_S = 2.0
# What a set may cost, ms of CPU.
ALLOWED_MS = {'memory': 4.0, 'dds': 12.0}
# Those of the cameras, where they are in this process.
CAMERA_THREADS = ('cameras', 'frames ahead')


@dataclass(frozen=True, slots=True)
class Measured:
    """Of one run: sets that came out, CPU ms a set by thread, p50 ms of each step on the clock."""

    sets: int
    cpu_ms: dict[str, float]
    stages_ms: dict[str, float]

    @property
    def total_ms(self) -> float:
        return sum(self.cpu_ms.values())


def main() -> int:
    options = _arguments()
    cv2.setNumThreads(1)
    keep_freed_memory()
    if options.cameras is not None:
        play(make_graph(_graph('dds', options.cameras, 'cameras')), forever=True)
        return 0
    results = Results('overhead', 'Overhead around the engine', options)
    found: dict[str, Measured] = {}
    for kind in ('memory', 'dds'):
        if kind == 'dds' and find_spec('cyclonedds') is None:
            results.missing('dds: cyclonedds is not installed')
            continue
        for with_map in (False, True):
            found[f'{kind}, map' if with_map else kind] = measure(kind, with_map, options.seconds)
    _tell(results, found)
    return results.finish()


def measure(kind: str, with_map: bool, seconds: float) -> Measured:
    """Stream, settle, and count."""
    domain_id = 100 + os.getpid() % 100
    cameras = [camera.name for camera in surround_rig(CAMERAS, 640, 480)]
    config = parse_config(
        {
            'cameras': cameras,
            'engine': {'kind': 'fake'},
            'map': {'enabled': with_map},
            'graph': {'kind': kind, 'domain_id': domain_id, 'loopback': True},
        },
        'overhead',
    )
    out: list[int] = []
    graph = make_graph(config.graph)
    with Network(config, CAMERAS) as network:
        assembly = assemble(config, camera_topics(config, ()), graph, network)
        runner = LiveRunner(graph, assembly, lambda result: out.append(len(result.perceived.images)))
        runner.start()
        try:
            with _cameras(kind, graph, domain_id):
                end_s = time.monotonic() + 60.0
                while len(out) < 5 and time.monotonic() < end_s:
                    runner.wait(0.05)
                runner.wait(SETTLE_S)
                before, sets = threads_cpu_ns(), len(out)
                runner.wait(seconds)
                after, sets = threads_cpu_ns(), len(out) - sets
                stages = assembly.statistics.stages()
        finally:
            runner.stop()
        runner.wait(0)
    graph.close()
    spent = {
        name: (ns - before.get(name, 0)) / 1e6 / max(1, sets)
        for name, ns in after.items()
        if not name.startswith(CAMERA_THREADS)
    }
    return Measured(
        sets,
        {name: ms for name, ms in sorted(spent.items(), key=lambda item: -item[1]) if ms > 0.005},
        {stage: max(values.p50 for values in stages[stage].values()) for stage in STAGES if stage in stages},
    )


@contextmanager
def _cameras(kind: str, graph: Graph, domain_id: int) -> Iterator[None]:
    """Streaming, in a thread of this process or in another one."""
    if kind == 'memory':
        ended = threading.Event()
        thread = threading.Thread(target=play, args=(graph, False, ended), name=CAMERA_THREADS[0])
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
        return
    process = subprocess.Popen(
        [sys.executable, __file__, '--cameras', str(domain_id)], stdin=subprocess.PIPE, text=True
    )
    try:
        yield
    finally:
        process.kill()
        process.communicate()


def play(graph: Graph, forever: bool, ended: threading.Event | None = None) -> None:
    """Publish as drivers do: images, calibration, transforms, on time."""
    ended = ended or threading.Event()
    if forever:  # until whoever started this is gone
        threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    world, cameras = World(SEED), surround_rig(CAMERAS, 640, 480)
    rendered = Rendered(world, cameras, pictures=2)
    epoch_ns = graph.now_ns() + LEAD_NS
    source = WorldPublisher(graph, world, cameras, epoch_ns, encoder=rendered)
    exposures = schedule(CAMERAS, SEED, epoch_ns, Timing(RATE_HZ), round(600 * RATE_HZ))

    def wait_until(stamp_ns: int) -> None:
        ended.wait(max(0.0, (stamp_ns - graph.now_ns()) * 1e-9))

    publish_on_time(
        source, graph.now_ns, wait_until, exposures, ended.is_set, ahead=2 * CAMERAS, patience_ns=LEAD_NS
    )


def _tell(results: Results, found: dict[str, Measured]) -> None:
    floor = _floor_ms()
    names = list(found)
    table = Table(
        f'ms of CPU a set of {CAMERAS}, by thread', ('thread', *names), 'floor: a copy and a resize an image'
    )
    threads = list(dict.fromkeys(name for one in found.values() for name in one.cpu_ms))
    for thread in threads:
        table.row(thread, *(found[name].cpu_ms.get(thread) for name in names))
    table.row('together', *(found[name].total_ms for name in names))
    table.row('x floor', *(found[name].total_ms / floor for name in names))
    results.show(table)
    steps = Table(
        'p50 of each step on the clock, ms', ('step', *names), 'wire and wait: of the slowest camera'
    )
    for stage in STAGES:
        steps.row(stage, *(found[name].stages_ms.get(stage) for name in names))
    results.show(steps)
    results.figures(
        floor_ms=floor,
        found={
            name: {'sets': one.sets, 'cpu_ms': one.cpu_ms, 'stages_ms': one.stages_ms}
            for name, one in found.items()
        },
    )
    for kind, allowed in ALLOWED_MS.items():
        for name in (kind, f'{kind}, map'):
            value: Any = found[name].total_ms if name in found and found[name].sets else None
            results.check(f'CPU a set of {CAMERAS}, {name}', value, allowed, 'ms')


def _floor_ms() -> float:
    config = parse_config({'cameras': ['a'], 'engine': {'kind': 'fake'}}, 'overhead')
    with Network(config, CAMERAS) as network:
        floor = measure_ideal_capacity(network.engines[0], TrialOptions())
    return CAMERAS * (floor.copy_ms + floor.resize_ms)


def _graph(kind: str, domain_id: int, name: str) -> GraphConfig:
    return GraphConfig(kind=kind, node_name=name, domain_id=domain_id, loopback=True)


def _arguments() -> argparse.Namespace:
    made = parser(__doc__)
    made.add_argument('--seconds', type=float, metavar='S', help='measured of each (10; quick: 4)')
    made.add_argument('--cameras', type=int, help=argparse.SUPPRESS)
    options = made.parse_args()
    options.seconds = options.seconds or (4.0 if options.quick else 10.0)
    return options


if __name__ == '__main__':
    sys.exit(main())
