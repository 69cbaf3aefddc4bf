"""How many camera streams are held under a latency bound: ours, the peers, and the floor, in one run.

    python benchmarks/streams.py [--most 64] [--seconds 5] [--json FILE]

All are offered the same load by the same process (capacity/camera_process) and judged alike, as by
`stream_infer find-streams`: p99 from header stamp to published result inside the bound, at most 1 % lost or
late, the largest number confirmed. The same network on the same runtime, on as many cores:

- ours: the pipeline of this package.
- usual: the node that everybody writes. On a ROS 2 where one is found (/opt/ros/*): typed rclpy
  subscriptions, message_filters.ApproximateTimeSynchronizer, cv_bridge, one inference per image in the
  callback, typed messages out; else the same pattern on our DDS graph with rosbags' typed messages.
- triton: a real tritonserver with dynamic batching, fed over gRPC by one client per camera (needs
  tritonclient, and a Triton: see test/kserve/triton_server.py). Its clients receive as we do, join nothing.
- floor: each frame costs one copy, one resize, the network, and nothing else.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any, Protocol

from machine import Results, Table, parser, threads_cpu_ns, usable_cores, use_cores
from peer_bench import HERE, PeerBench
from ros_setup import ROOT, find_ros, start_again_in_ros

from stream_infer_ros.capacity import Bench, Search, Tally, TrialOptions, TrialResult, measure_floor
from stream_infer_ros.inference.engines.kserve.triton_repository import write_repository
from stream_infer_ros.memory_use import keep_freed_images
from stream_infer_ros.resources import default_model

KINDS = ('ours', 'usual', 'triton')
# What the issue asks for: ours beside each peer, and beside the floor.
TIMES_USUAL, TIMES_TRITON, OF_FLOOR = 2.0, 1.0, 0.6
TRITON_MOST_BATCH = 8


class Runs(Protocol):
    def run(self, options: TrialOptions) -> tuple[TrialResult, Tally]: ...


def main() -> int:
    options = _arguments()
    if options.graph == 'ros':
        start_again_in_ros()
    if usable_cores() > options.cores:
        use_cores(options.cores)
    keep_freed_images()
    name, title = ('independent', ', independent') if options.independent else ('streams', '')
    results = Results(name, f'Streams held under a latency bound{title}', options)
    width, height = map(int, options.size.split('x'))
    trial = TrialOptions(
        rate_hz=options.rate,
        width=width,
        height=height,
        bound_ms=options.bound_ms,
        matched=not options.independent,
        graph=options.graph,
        domain_id=100 + os.getpid() % 100,
        seconds=options.seconds,
        warm_up_s=1.0 if options.quick else 2.0,
    )
    found: dict[str, dict[str, Any]] = {}
    with Bench(options.most, {'kind': options.engine}, {'file': str(options.model)}) as bench:
        floor = measure_floor(bench.network.engines[0], trial)
        for kind in options.only:
            with contextlib.ExitStack() as stack:
                made: Runs | None = (
                    bench if kind == 'ours' else stack.enter_context(PEERS[kind](bench, options, results))
                )
                if made is not None:
                    found[kind] = search(kind, made, trial, options)
        streams = found.get('ours', {}).get('streams')
        if streams:
            results.show(profile(bench, trial.with_streams(streams)))
    _tell(results, found, asdict(floor), trial, options.most)
    return results.finish()


def search(kind: str, made: Runs, trial: TrialOptions, options: argparse.Namespace) -> dict[str, Any]:
    """The largest number that is held, and what its trials gave."""
    print(kind, flush=True)
    trials: list[TrialResult] = []

    def holds(streams: int) -> bool:
        trials.append(made.run(trial.with_streams(streams))[0])
        print(f'  {words(trials[-1])}', flush=True)
        return trials[-1].held

    streams = Search(holds, options.most, options.confirmations).run()
    print(flush=True)
    winners = [one for one in trials if one.streams == streams and one.held]
    return {
        'streams': streams,
        'p99_ms': median(one.p99_ms for one in winners) if winners else None,
        'loss': max(one.loss for one in winners) if winners else None,
        'cpu_ms': median(one.cpu_s / one.offered for one in winners) * 1e3 * counted(trial)
        if winners
        else None,
        'camera_cpu_ms': (
            median(one.camera_cpu_s / one.offered for one in winners) * 1e3 * counted(trial)
            if winners
            else None
        ),
        'trials': [asdict(one) for one in trials],
    }


def profile(bench: Bench, trial: TrialOptions) -> Table:
    """Where the time of ours goes at the largest number: one trial more."""
    marks: list[tuple[float, Counter[str]]] = []
    ended = threading.Event()

    def look() -> None:
        # Every second: cameras start late, and only what lies between two looks while they stream counts.
        while not ended.wait(1.0):
            marks.append((time.monotonic(), threads_cpu_ns()))

    looking = threading.Thread(target=look, name='looking')
    looking.start()
    try:
        result, _ = bench.run(trial)
    finally:
        ended.set()
        looking.join()
    busiest = max(itertools.pairwise(marks), key=lambda pair: _spent_ms(*pair), default=None)
    if busiest is None:
        raise ValueError('expected a trial of 3 s at least, to look at it every second')
    (from_s, before), (until_s, after) = busiest
    frames = trial.streams * trial.rate_hz * (until_s - from_s)
    table = Table(
        f'Where ours spends its time at {trial.streams} streams',
        ('', 'ms'),
        f'p99 of that trial: {result.p99_ms:.0f} ms',
    )
    for stage, ms in result.stages_ms.items():
        table.row(f'on the clock, p50 a {"frame" if stage in ("wire", "wait") else "set"}: {stage}', ms)
    for thread, ns in sorted(after.items(), key=lambda item: before[item[0]] - item[1]):
        ms = (ns - before[thread]) / 1e6 / frames
        if ms > 0.01 and thread != looking.name:
            table.row(f'CPU a frame: {thread}', ms)
    return table


def _spent_ms(first: tuple[float, Counter[str]], last: tuple[float, Counter[str]]) -> float:
    return (last[1].total() - first[1].total()) / 1e6


def counted(trial: TrialOptions) -> float:
    """Share of a trial's frames that are counted: processor time is that of all."""
    return trial.seconds / (trial.warm_up_s + trial.seconds + trial.bound_ms * 1e-3)


def words(result: TrialResult) -> str:
    """One trial on a line."""
    held = 'held    ' if result.held else 'not held'
    return (
        f'{result.streams:3} streams  {held}  p50 {result.p50_ms:6.1f} ms  p99 {result.p99_ms:6.1f} ms  '
        f'lost or late {result.loss:6.1%}'
    )


@contextlib.contextmanager
def usual(bench: Bench, options: argparse.Namespace, results: Results) -> Iterator[Runs | None]:
    """On a ROS where there is one."""
    setup = find_ros()
    if setup is None:
        results.missing('the usual node on a real ROS 2 (no /opt/ros/*/setup.bash for this Python): on DDS')
    results.figures(usual_on=str(setup.parent) if setup else 'dds and rosbags')
    module = 'usual_ros' if setup else 'usual_dds'
    yield PeerBench(module, bench.network.file, bench.network.kind, setup)


@contextlib.contextmanager
def triton(bench: Bench, options: argparse.Namespace, results: Results) -> Iterator[Runs | None]:
    """With a server that lives as long as the search."""
    sys.path.insert(0, str(ROOT / 'test' / 'kserve'))
    from triton_server import TritonServer, find_triton  # noqa: PLC0415

    binary = find_triton()
    lacking = [
        name
        for name, there in (
            ('tritonclient', find_spec('tritonclient') is not None),
            ('a Triton (STREAM_INFER_TRITON)', binary is not None),
            ('openvino as the engine', bench.network.kind == 'openvino'),
        )
        if not there
    ]
    if lacking:
        results.missing(f'Triton: needs {", ".join(lacking)}')
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        models, model = Path(folder) / 'models', bench.network.file
        written = write_repository(
            models, model, bench.network.engines[0].io, backend='python', max_batch=TRITON_MOST_BATCH
        )
        shutil.copyfile(HERE / 'peers' / 'triton_model.py', written / '1' / 'model.py')
        server = TritonServer(binary, models, Path(folder), threads=options.cores, runtime='openvino')
        try:
            server.start()
            endpoint = server.grpc.removeprefix('grpc://')
            yield PeerBench('triton_clients', model, 'openvino', endpoint=endpoint, also_cpu_s=server.cpu_s)
        finally:
            server.kill()


PEERS = {'usual': usual, 'triton': triton}


def _tell(
    results: Results,
    found: Mapping[str, dict[str, Any]],
    floor: Mapping[str, Any],
    trial: TrialOptions,
    most: int,
) -> None:
    ours = found.get('ours', {}).get('streams')
    table = Table(
        f'{trial.width}x{trial.height} {trial.encoding} at {trial.rate_hz:g} Hz, p99 within '
        f'{trial.bound_ms:g} ms, {"sets" if trial.matched else "independent"}, {usable_cores()} cores',
        ('', 'streams', 'ours / it', 'p99, ms', 'lost', 'CPU, ms a frame'),
        'CPU is that of the receiving side, servers included; the cameras cost '
        f'{_cameras_ms(found):.2f} ms a frame more.',
    )
    for kind, one in found.items():
        ratio = ours / one['streams'] if ours is not None and one['streams'] else None
        lost = None if one['loss'] is None else f'{one["loss"]:.1%}'
        table.row(kind, one['streams'], ratio, one['p99_ms'], lost, one['cpu_ms'])
    bare_ms = floor['copy_ms'] + floor['resize_ms'] + floor['engine_ms']
    share = ours / floor['streams'] if ours is not None and floor['streams'] else None
    table.row('floor', floor['streams'], share, None, None, bare_ms)
    with_cameras = int(floor['cores'] * 1e3 / (bare_ms + _cameras_ms(found)) / trial.rate_hz)
    table.row('floor and the cameras', with_cameras, ours / with_cameras if ours else None, None, None, None)
    results.show(table)
    for kind, one in found.items():
        if one['streams'] == most:
            results.missing(f'{kind} above {most} streams: held all that were tried, say --most {2 * most}')
    results.figures(found=found, floor=floor, floor_with_cameras=with_cameras, trial=trial.to_json())
    for kind, times in (('usual', TIMES_USUAL), ('triton', TIMES_TRITON)):
        other = found.get(kind, {}).get('streams')
        value = ours / other if ours is not None and other else None
        if ours == most and value is not None and value < times:
            value = None  # more may be held
        results.check(f'ours / {kind}', value, times, most=False)
    results.check('ours / floor', None if ours == most else share, OF_FLOOR, most=False)


def _cameras_ms(found: Mapping[str, dict[str, Any]]) -> float:
    told = [one['camera_cpu_ms'] for one in found.values() if one['camera_cpu_ms'] is not None]
    return median(told) if told else 0.0


def _arguments() -> argparse.Namespace:
    made = parser(__doc__)
    made.add_argument('--only', nargs='+', choices=KINDS, default=list(KINDS), help='default: all')
    made.add_argument(
        '--independent', action='store_true', help='streams that nothing joins, spread over the period'
    )
    made.add_argument(
        '--rate', type=float, default=10.0, metavar='HZ', help='images a second of each camera (10)'
    )
    made.add_argument('--size', default='640x480', metavar='WxH', help='of the images (640x480)')
    made.add_argument('--bound-ms', type=float, default=100.0, metavar='MS', help='latency bound (100)')
    made.add_argument(
        '--graph', choices=('dds', 'ros'), default='dds', help='under ours and the cameras (dds)'
    )
    made.add_argument('--engine', choices=('openvino', 'onnxruntime', 'auto'), default='auto')
    made.add_argument('--model', type=Path, default=default_model(), help='ONNX file (the one shipped)')
    made.add_argument('--most', type=int, default=64, metavar='N', help='streams that are tried at most (64)')
    made.add_argument('--seconds', type=float, metavar='S', help='counted of each trial (5; quick: 1.5)')
    made.add_argument('--confirmations', type=int, metavar='N', help='of each winner (5; quick: 0)')
    made.add_argument(
        '--cores', type=int, default=2, metavar='N', help='that everything together may use (2)'
    )
    options = made.parse_args()
    options.seconds = options.seconds or (1.5 if options.quick else 5.0)
    if options.confirmations is None:
        options.confirmations = 0 if options.quick else 5
    return options


if __name__ == '__main__':
    start_s = time.monotonic()
    code = main()
    print(f'took {time.monotonic() - start_s:.0f} s')
    sys.exit(code)
