"""Latency, CPU and memory against the number of cameras, their resolution and their rate.

    python benchmarks/scaling.py [--peer] [--json FILE]

Through the middleware, as `stream_infer find-streams` measures: cameras in another process, open loop.
Ideal: one copy, one resize and the network, for each frame. --peer adds the usual node, see
benchmarks/streams.py, at the same loads. CPU is per frame and includes what idles; memory is
what the process holds after the trial.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import asdict, replace

import trial_arguments
from machine import Results, Table, parser, resident_mb
from peer_bench import PeerBench
from stream_peers import usual_node

from stream_infer_ros.capacity import Bench, TrialOptions, measure_ideal_capacity
from stream_infer_ros.process_memory import keep_freed_memory

CAMERAS = (1, 2, 4, 8, 12, 16, 24, 32)
FEW_CAMERAS = (1, 4, 8)
SIZES = ((320, 240), (640, 480), (1280, 720), (1920, 1080))
RATES_HZ = (5.0, 10.0, 20.0, 30.0)
# Of the tables against resolution and rate.
FIXED = 4
COLUMNS = ('', 'p50, ms', 'p99, ms', 'lost', 'CPU, ms a frame', 'x floor', 'cores', 'MB')


def main() -> int:
    options = _arguments()
    keep_freed_memory()
    results = Results('scaling', 'Against cameras, resolution and rate', options)
    base = TrialOptions(
        graph=options.graph,
        domain_id=100 + os.getpid() % 100,
        seconds=options.seconds,
        warm_up_s=1.0 if options.quick else 2.0,
    )
    numbers = FEW_CAMERAS if options.quick else CAMERAS
    few = slice(0, 2) if options.quick else slice(None)
    with Bench(max(numbers), {'kind': options.engine}, {}) as bench:
        sweeps = {
            f'cameras, {base.width}x{base.height} at {base.rate_hz:g} Hz': {
                str(n): base.with_streams(n) for n in numbers
            },
            f'resolution, {FIXED} cameras at {base.rate_hz:g} Hz': {
                f'{width}x{height}': replace(base, streams=FIXED, width=width, height=height)
                for width, height in SIZES[few]
            },
            f'rate, {FIXED} cameras of {base.width}x{base.height}': {
                f'{rate_hz:g} Hz': replace(base, streams=FIXED, rate_hz=rate_hz) for rate_hz in RATES_HZ[few]
            },
        }
        for title, trials in sweeps.items():
            sweep(f'Against {title}', bench, trials, results)
            if options.peer:
                sweep(f'The usual node against {title}', usual_node(bench), trials, results, bench)
    return results.finish()


def sweep(
    title: str,
    made: Bench | PeerBench,
    trials: dict[str, TrialOptions],
    results: Results,
    loaded: Bench | None = None,
) -> None:
    """One row a trial. `loaded` has the network, where `made` has not."""
    table = Table(title, COLUMNS, 'cores: busy with the pipeline, on average; lost: lost or late')
    network = (loaded or made).network  # type: ignore[union-attr]
    kept = []
    for name, trial in trials.items():
        result, _ = made.run(trial)
        floor = measure_ideal_capacity(network.engines[0], trial)
        floor_ms = floor.copy_ms + floor.resize_ms + floor.engine_ms
        streamed_s = trial.warm_up_s + trial.seconds + trial.bound_ms * 1e-3
        cpu_ms = result.cpu_s * 1e3 / (trial.streams * trial.rate_hz * streamed_s)
        table.row(
            name,
            result.p50_ms,
            result.p99_ms,
            f'{result.loss:.1%}',
            cpu_ms,
            cpu_ms / floor_ms,
            result.cpu_s / streamed_s,
            None if loaded else round(resident_mb()),
        )
        kept.append(asdict(result) | {'floor': asdict(floor)})
    results.show(table)
    results.figures(**{title: kept})


def _arguments() -> argparse.Namespace:
    made = parser(__doc__)
    made.add_argument('--peer', action='store_true', help='the usual node, too')
    made.add_argument('--seconds', type=float, metavar='S', help='counted of each trial (5; quick: 1.5)')
    trial_arguments.add(made, '--graph', '--engine')
    options = made.parse_args()
    options.seconds = options.seconds or (1.5 if options.quick else 5.0)
    return options


if __name__ == '__main__':
    sys.exit(main())
