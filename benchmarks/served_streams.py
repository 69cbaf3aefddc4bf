"""Two Tritons serve six cameras at 10 Hz; one is killed in mid-run and comes back.

    python benchmarks/served_streams.py [--seconds 60] [--bound 100] [--signal kill|stop]

The whole pipeline runs, on the memory graph: the images of the simulated cameras are rendered beforehand, so
that the world takes no time of theirs. Prints sets and latency before, around and after the kill; at most two
sets may be over the bound, or without a result, because of it. Needs tritonclient and a Triton (test/kserve).
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
import threading
import time
from http.client import HTTPConnection
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'test' / 'kserve'))
from rendered import Rendered
from triton_server import TritonServer, find_triton

from stream_infer_ros.config import Config, EngineConfig, KserveConfig
from stream_infer_ros.graph.memory import MemoryGraph
from stream_infer_ros.inference.engines import EngineSpec, make_engine
from stream_infer_ros.inference.engines.kserve.triton_repository import write_repository
from stream_infer_ros.pipeline.assembly import assemble
from stream_infer_ros.pipeline.camera_topics import camera_topics
from stream_infer_ros.pipeline.live import LiveRunner
from stream_infer_ros.pipeline.network import Network
from stream_infer_ros.pipeline.processed_set import FusedSet
from stream_infer_ros.resources import default_model
from stream_infer_ros.simulation.pacing import publish_on_time
from stream_infer_ros.simulation.publisher import WorldPublisher
from stream_infer_ros.simulation.rig import surround_rig
from stream_infer_ros.simulation.schedule import Timing, schedule
from stream_infer_ros.simulation.world import World

CAMERAS, RATE_HZ, SEED = 6, 10.0, 1
LEAD_NS = 2_000_000_000
# What may be the kill's doing.
AROUND_S = 3.0
MOST_LOST = 2


class Results:
    """(stamp, latency) of each set that went out; latency is None where it had no result."""

    def __init__(self) -> None:
        self.sets: list[tuple[int, float | None]] = []

    def note(self, fused: FusedSet, published_ns: int) -> None:
        perceived = fused.perceived
        took = (published_ns - perceived.oldest_stamp_ns) / 1e6 if perceived.frames else None
        self.sets.append((perceived.frame_set.stamp_ns, took))

    def line(self, title: str, begin_ns: int, end_ns: int, bound_ms: float) -> tuple[str, int]:
        """What happened to the sets of that time, in words; how many are over the bound or lost."""
        expected = round((end_ns - begin_ns) * 1e-9 * RATE_HZ)
        some = [took for stamp, took in self.sets if begin_ns <= stamp < end_ns]
        took = np.array([value for value in some if value is not None])
        over, missed, never = int((took > bound_ms).sum()), some.count(None), max(expected - len(some), 0)
        p50, p99 = np.percentile(took, [50, 99], method='higher') if len(took) else (np.nan, np.nan)
        return (
            f'{title:<34} {len(took):>4} of {expected:>4} sets, p50 {p50:5.1f} ms, p99 {p99:5.1f}, '
            f'{over} over {bound_ms:g} ms, {missed} without a result, {never} never came'
        ), over + missed + never


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('--seconds', type=float, default=60.0)
    parser.add_argument('--bound', type=float, default=100.0, help='ms')
    parser.add_argument('--signal', choices=('kill', 'stop'), default='kill', help='stop: it hangs instead')
    parser.add_argument('--protocol', choices=('grpc', 'http'), default='grpc')
    parser.add_argument('--threads', type=int, default=2, help='of the network in each server')
    parser.add_argument('--runtime', choices=('onnxruntime', 'openvino'), default='onnxruntime')
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format='  %(message)s')
    triton = find_triton()
    if triton is None:
        sys.exit('no Triton here: set STREAM_INFER_TRITON')
    with tempfile.TemporaryDirectory() as folder:
        engine = make_engine(EngineSpec(EngineConfig(kind='onnxruntime'), default_model()))
        engine.load()
        write_repository(Path(folder) / 'models', default_model(), engine.io, backend='python', max_batch=8)
        engine.close()
        servers = [
            TritonServer(
                triton, Path(folder) / 'models', Path(folder), options.threads, runtime=options.runtime
            )
            for _ in range(2)
        ]
        try:
            for server in servers:
                server.start()
            sys.exit(0 if run(servers, options) else 1)
        finally:
            for server in servers:
                server.kill()


def run(servers: list[TritonServer], options: argparse.Namespace) -> bool:
    """Stream, kill, return; whether it held."""
    endpoints = tuple(getattr(server, options.protocol) for server in servers)
    names = tuple(f'cam{index}' for index in range(CAMERAS))
    kserve = KserveConfig(endpoints=endpoints)
    config = Config(cameras=names, bound_ms=options.bound, engine=EngineConfig(kind='kserve', kserve=kserve))
    graph, results = MemoryGraph(), Results()
    world, cameras = World(SEED), surround_rig(CAMERAS, 640, 480)
    rendered = Rendered(world, cameras)
    with Network(config, CAMERAS) as network:
        assembly = assemble(config, camera_topics(config, ()), graph, network)
        runner = LiveRunner(
            graph, assembly.pipeline, assembly.cameras, assembly.diagnostics, config, results.note
        )
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
        drops = assembly.diagnostics.drops()
        stages = assembly.statistics.stages()
    end_ns, around_ns = epoch_ns + int(options.seconds * 1e9), int(AROUND_S * 1e9)
    warm_ns = epoch_ns + 2_000_000_000
    lines = [
        results.line('before', warm_ns, killed_ns - 200_000_000, options.bound),
        results.line(
            f'{AROUND_S:g} s from the {options.signal} on',
            killed_ns - 200_000_000,
            killed_ns + around_ns,
            options.bound,
        ),
        results.line('one server', killed_ns + around_ns, returned_ns, options.bound),
        results.line('both again', returned_ns, end_ns - 200_000_000, options.bound),
    ]
    for line, _ in lines:
        print(line)
    medians = {stage: (took[''].p50, took[''].worst) for stage, took in stages.items() if '' in took}
    print(
        'p50 of each stage, ms: '
        + ', '.join(f'{stage} {took[0]:.1f} (worst {took[1]:.0f})' for stage, took in medians.items())
    )
    print(f'lost by cause: {drops or "none"}')
    print(f'the server that returned answered {again} requests since')
    held = lines[1][1] <= MOST_LOST and again > 0
    print(f'at most {MOST_LOST} sets lost around it, and used again: {"yes" if held else "NO"}')
    return held


def stream(graph: MemoryGraph, source: WorldPublisher, exposures) -> None:
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


if __name__ == '__main__':
    main()
