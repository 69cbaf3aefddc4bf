"""Two Tritons serve six cameras at 10 Hz; one is killed in mid-run and comes back.

    python benchmarks/served_streams.py [--seconds 60] [--bound-ms 100] [--signal kill|stop] [--json FILE]

The whole pipeline runs, on the memory graph: the images of the simulated cameras are rendered beforehand, so
that the world takes no time of theirs. Tells sets and latency before, around and after the kill; at most two
sets may be over the bound, or without a result, because of it. Needs tritonclient and a Triton (test/kserve).
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection

import numpy as np
import trial_arguments
from machine import Results, Table, parser
from rendered import Rendered
from served import TritonServer, lacking, serving

from stream_infer_ros.config import Config, EngineConfig, KserveConfig
from stream_infer_ros.graph.memory import MemoryGraph
from stream_infer_ros.inference.engines import EngineSpec, make_engine
from stream_infer_ros.pipeline.assembly import Assembly, assemble
from stream_infer_ros.pipeline.inputs.camera_topics import camera_topics
from stream_infer_ros.pipeline.network import Network
from stream_infer_ros.pipeline.results import Result
from stream_infer_ros.pipeline.runtime.live import LiveRunner
from stream_infer_ros.resources import default_model
from stream_infer_ros.simulation.pacing import publish_on_time
from stream_infer_ros.simulation.publisher import WorldPublisher
from stream_infer_ros.simulation.rig import surround_rig
from stream_infer_ros.simulation.schedule import Exposure, Timing, schedule
from stream_infer_ros.simulation.world import World

CAMERAS, RATE_HZ, SEED = 6, 10.0, 1
MOST_BATCH = 8
LEAD_NS = 2_000_000_000
# What may be the kill's doing; what is left out at the beginning, and beside a change.
AROUND_NS, WARM_NS, MARGIN_NS = 3_000_000_000, 2_000_000_000, 200_000_000
MOST_LOST = 2


class SetsOut:
    """(stamp, latency) of each set that went out; latency is None where it had no result."""

    def __init__(self) -> None:
        self.sets: list[tuple[int, float | None]] = []

    def note(self, result: Result) -> None:
        perceived = result.perceived
        took = (result.published_ns - perceived.oldest_stamp_ns) / 1e6 if perceived.images else None
        self.sets.append((perceived.frame_set.stamp_ns, took))

    def between(self, begin_ns: int, end_ns: int, bound_ms: float) -> Span:
        """The outcome of the sets of a time span."""
        expected = round((end_ns - begin_ns) * 1e-9 * RATE_HZ)
        some = [took for stamp_ns, took in self.sets if begin_ns <= stamp_ns < end_ns]
        took = np.array([value for value in some if value is not None])
        p50_ms, p99_ms = np.percentile(took, [50, 99], method='higher') if len(took) else (np.nan, np.nan)
        return Span(
            expected,
            len(took),
            float(p50_ms),
            float(p99_ms),
            int((took > bound_ms).sum()),
            some.count(None),
            max(expected - len(some), 0),
        )


@dataclass(frozen=True, slots=True)
class Span:
    """Sets of some time: expected, with a result, their latency, over the bound, without, never come."""

    expected: int
    came: int
    p50_ms: float
    p99_ms: float
    over: int
    missed: int
    never: int

    @property
    def lost(self) -> int:
        return self.over + self.missed + self.never


def main() -> int:
    options = _arguments()
    logging.basicConfig(level=logging.WARNING, format='  %(message)s')
    results = Results('served_streams', 'A server dies', options)
    if wanting := lacking(options.runtime):
        results.missing(f'served streams: needs {", ".join(wanting)}')
        return results.finish()
    engine = make_engine(EngineSpec(EngineConfig(kind=options.runtime), default_model()))
    engine.load()
    io = engine.io
    engine.close()
    with serving(
        default_model(),
        io,
        servers=2,
        threads=options.threads,
        runtime=options.runtime,
        max_batch=MOST_BATCH,
    ) as servers:
        run(servers, options, results)
    return results.finish()


def run(servers: list[TritonServer], options: argparse.Namespace, results: Results) -> None:
    """Stream, kill, return; tell whether it held."""
    endpoints = tuple(getattr(server, options.protocol) for server in servers)
    names = tuple(f'cam{index}' for index in range(CAMERAS))
    config = Config(
        cameras=names,
        bound_ms=options.bound_ms,
        engine=EngineConfig(kind='kserve', kserve=KserveConfig(endpoints=endpoints)),
    )
    graph, out = MemoryGraph(), SetsOut()
    world, cameras = World(SEED), surround_rig(CAMERAS, 640, 480)
    rendered = Rendered(world, cameras)
    with Network(config, CAMERAS) as network:
        assembly = assemble(config, camera_topics(config, ()), graph, network)
        runner = LiveRunner(graph, assembly, out.note)
        runner.start()
        epoch_ns = graph.now_ns() + LEAD_NS
        source = WorldPublisher(graph, world, cameras, epoch_ns, encoder=rendered)
        exposures = schedule(CAMERAS, SEED, epoch_ns, Timing(RATE_HZ), round(options.seconds * RATE_HZ))
        streaming = threading.Thread(target=stream, args=(graph, source, exposures), name='cameras')
        streaming.start()
        killed_ns, returned_ns = interrupt(servers[0], epoch_ns, options)
        streaming.join()
        runner.wait(1.0)
        again = inferences(servers[0])
        runner.stop()
        runner.wait(0)
    end_ns = epoch_ns + int(options.seconds * 1e9)
    around_ns = (killed_ns - MARGIN_NS, killed_ns + AROUND_NS)
    spans = {
        'before': (epoch_ns + WARM_NS, around_ns[0]),
        f'{AROUND_NS / 1e9:g} s from the {options.signal} on': around_ns,
        'one server': (around_ns[1], returned_ns),
        'both again': (returned_ns, end_ns - MARGIN_NS),
    }
    found = {title: out.between(*span, options.bound_ms) for title, span in spans.items()}
    tell(found, assembly, options, results)
    around = list(found.values())[1]
    results.check(f'sets over the bound or lost, {list(found)[1]}', around.lost, MOST_LOST)
    results.check('requests that the server answered since it came back', again, 1, most=False)


def tell(found: dict[str, Span], assembly: Assembly, options: argparse.Namespace, results: Results) -> None:
    """Sets by time, and where they spent theirs."""
    table = Table(
        f'{CAMERAS} cameras at {RATE_HZ:g} Hz on two servers ({options.protocol}, {options.runtime})',
        ('', 'sets', 'of', 'p50, ms', 'p99, ms', f'over {options.bound_ms:g} ms', 'no result', 'never came'),
    )
    for title, span in found.items():
        table.row(
            title, span.came, span.expected, span.p50_ms, span.p99_ms, span.over, span.missed, span.never
        )
    results.show(table)
    stages = Table('a set, ms', ('', 'p50', 'worst'))
    for stage, took in assembly.statistics.stages().items():
        if '' in took:
            stages.row(stage, took[''].p50, took[''].worst)
    results.show(stages)
    losses = Table('lost, of the whole run', ('cause', 'frames'))
    for cause, by_camera in assembly.health.losses.drops().items():
        losses.row(cause, sum(by_camera.values()))
    results.show(losses)


def stream(graph: MemoryGraph, source: WorldPublisher, exposures: Iterator[Exposure]) -> None:
    def wait_until(stamp_ns: int) -> None:
        time.sleep(max(0.0, (stamp_ns - graph.now_ns()) * 1e-9))

    publish_on_time(
        source, graph.now_ns, wait_until, exposures, lambda: False, ahead=2 * CAMERAS, patience_ns=LEAD_NS
    )


def interrupt(server: TritonServer, epoch_ns: int, options: argparse.Namespace) -> tuple[int, int]:
    """Kill it after 40 % of the time, have it back after 60 %; when that was."""
    sleep_until(epoch_ns + int(options.seconds * 0.4e9) + 37_000_000)
    killed_ns = time.time_ns()
    if options.signal == 'kill':
        server.kill()
    else:
        server.hang()
    sleep_until(epoch_ns + int(options.seconds * 0.6e9))
    if options.signal == 'kill':
        server.start()
    else:
        server.go_on()
    return killed_ns, time.time_ns()


def sleep_until(stamp_ns: int) -> None:
    time.sleep(max(0.0, (stamp_ns - time.time_ns()) * 1e-9))


def inferences(server: TritonServer) -> int:
    """Requests it has answered since it began."""
    connection = HTTPConnection('127.0.0.1', server.http_port, timeout=5)
    connection.request('GET', '/v2/models/surround/stats')
    stats = json.loads(connection.getresponse().read())['model_stats'][0]
    return int(stats['inference_stats']['success']['count'])


def _arguments() -> argparse.Namespace:
    made = parser(__doc__)
    made.add_argument('--seconds', type=float, metavar='S', help='(60; quick: 20)')
    trial_arguments.add(made, '--bound-ms')
    made.add_argument('--signal', choices=('kill', 'stop'), default='kill', help='stop: it hangs instead')
    made.add_argument('--protocol', choices=('grpc', 'http'), default='grpc')
    made.add_argument('--threads', type=int, default=2, help='of the network in each server (2)')
    made.add_argument('--runtime', choices=('onnxruntime', 'openvino'), default='onnxruntime')
    options = made.parse_args()
    options.seconds = options.seconds or (20.0 if options.quick else 60.0)
    return options


if __name__ == '__main__':
    sys.exit(main())
