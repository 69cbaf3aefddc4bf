"""The number of camera streams inside a latency bound: ours, the peers, and the ideal, in one run.

    python benchmarks/streams.py [--most 64] [--seconds 5] [--json FILE]

All contenders get the same load from the same process (capacity/camera_process) and are judged like
`stream_infer find-streams`: p99 from header stamp to published result inside the bound, at most 1 % lost or
late, and the largest number confirmed. Their trials take turns, so that a slow minute of the machine affects
all. They use the same network, the same runtime and the same number of cores:

- ours: the pipeline of this package.
- usual: the usual node. With a ROS 2 in /opt/ros, it has typed rclpy subscriptions,
  message_filters.ApproximateTimeSynchronizer, cv_bridge, one inference per image in the callback, and typed
  messages as output. Without, it is the same pattern on our DDS graph with the typed messages of rosbags.
- triton: a real tritonserver with dynamic batching and one gRPC client per camera (needs tritonclient, and a
  Triton: see test/kserve/triton_server.py). Its clients receive images like ours, but do not match them.
- ideal: each frame costs one copy, one resize and the network, on cores that never wait.
- engine alone: the engine in a loop on pictures in memory, under the same bound, without cameras.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any, Protocol

import trial_arguments
from machine import Results, parser, usable_cores, use_cores
from ros_setup import start_again_in_ros
from stream_peers import PEERS
from stream_profile import profile
from stream_table import tell

from stream_infer_ros.capacity import (
    Bench,
    IdealCapacity,
    Tally,
    TrialOptions,
    TrialResult,
    measure_ideal_capacity,
)
from stream_infer_ros.capacity.engine_alone import engine_streams
from stream_infer_ros.capacity.search import confirmed, search
from stream_infer_ros.process_memory import keep_freed_memory
from stream_infer_ros.resources import default_model

KINDS = ('ours', *PEERS)


class Runs(Protocol):
    def run(self, options: TrialOptions) -> tuple[TrialResult, Tally]: ...


def main() -> int:
    options = _arguments()
    if options.graph == 'ros':
        start_again_in_ros()
    if usable_cores() > options.cores:
        use_cores(options.cores)
    keep_freed_memory()
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
    with ExitStack() as closing:
        bench = closing.enter_context(
            Bench(options.most, {'kind': options.engine}, {'file': str(options.model)})
        )
        contenders: dict[str, Runs] = {}
        for kind in options.only:
            made = bench if kind == 'ours' else closing.enter_context(PEERS[kind](bench, options, results))
            if made is not None:
                contenders[kind] = made
        # Its speed varies with the hour: looked at again and again.
        ideals = [measure_ideal_capacity(bench.network.engines[0], trial)]
        found = in_turns(contenders, trial, options)
        ideals.append(measure_ideal_capacity(bench.network.engines[0], trial))
        alone = engine_alone(bench, trial, options) if trial.matched else None
        streams = found.get('ours', {}).get('streams')
        if streams:
            results.show(profile(bench, trial.with_streams(streams)))
    tell(results, found, asdict(IdealCapacity.median(ideals)), alone, trial, options.most)
    return results.finish()


def engine_alone(bench: Bench, trial: TrialOptions, options: argparse.Namespace) -> int:
    """Streams that the engine alone would hold, called in a loop on pictures that are there already."""
    print('engine alone', flush=True)
    engine = bench.network.engines[0]
    told = engine_streams(engine, trial, options.most, options.confirmations)
    return int(told['streams'])


def in_turns(
    contenders: Mapping[str, Runs], trial: TrialOptions, options: argparse.Namespace
) -> dict[str, dict[str, Any]]:
    """The largest number that each holds, and what its trials gave, by kind.

    What a search has found is held again as long as others search, or it goes on: so that all meet the
    same minutes.
    """
    searches = {kind: search(options.most, options.confirmations) for kind in contenders}
    asked = {kind: next(steps) for kind, steps in searches.items()}
    trials: dict[str, list[TrialResult]] = {kind: [] for kind in contenders}
    found: dict[str, int] = {}
    while len(found) < len(contenders):
        for kind in contenders:
            if found.get(kind) == 0:
                continue
            result, _ = contenders[kind].run(trial.with_streams(asked[kind]))
            print(f'{kind:7}{words(result)}', flush=True)
            trials[kind].append(result)
            if kind in found and result.held:
                continue
            if kind in found:
                searches[kind] = confirmed(found.pop(kind), max(1, options.confirmations))
                next(searches[kind])
            try:
                asked[kind] = searches[kind].send(result.held)
            except StopIteration as ended:
                found[kind] = ended.value
                print(f'{kind:7}{ended.value:3} streams', flush=True)
    return {kind: told(found[kind], trials[kind], trial) for kind in contenders}


def told(streams: int, trials: Sequence[TrialResult], trial: TrialOptions) -> dict[str, Any]:
    """Return the result of a search, and the figures of its trials with this number of streams."""
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


def _arguments() -> argparse.Namespace:
    made = parser(__doc__)
    made.add_argument('--only', nargs='+', choices=KINDS, default=list(KINDS), help='default: all')
    made.add_argument(
        '--independent', action='store_true', help='streams that nothing joins, spread over the period'
    )
    trial_arguments.add(made, '--rate', '--bound-ms')
    # Only where and with what the peers run, too.
    trial_arguments.add(made, '--graph', choices=('dds', 'ros'))
    trial_arguments.add(made, '--engine', choices=('openvino', 'onnxruntime', 'auto'))
    made.add_argument('--size', default='640x480', metavar='WxH', help='of the images (640x480)')
    made.add_argument('--model', type=Path, default=default_model(), help='ONNX file (the one shipped)')
    made.add_argument('--most', type=int, default=64, metavar='N', help='streams that are tried at most (64)')
    made.add_argument('--seconds', type=float, metavar='S', help='counted of each trial (20; quick: 1.5)')
    made.add_argument('--confirmations', type=int, metavar='N', help='of each winner (5; quick: 0)')
    made.add_argument(
        '--cores', type=int, default=2, metavar='N', help='that everything together may use (2)'
    )
    options = made.parse_args()
    options.seconds = options.seconds or (1.5 if options.quick else 20.0)
    if options.confirmations is None:
        options.confirmations = 0 if options.quick else 5
    return options


if __name__ == '__main__':
    start_s = time.monotonic()
    code = main()
    print(f'took {time.monotonic() - start_s:.0f} s')
    sys.exit(code)
