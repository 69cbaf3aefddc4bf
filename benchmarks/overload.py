"""Overload and long runs of independent streams over the middleware.

    python benchmarks/overload.py --streams N [--seconds 60]
    python benchmarks/overload.py --soak [--minutes 5]

The first command offers 1.5 x N cameras (640x480 at 10 Hz, bound 100 ms), and then continues with 0.8 x N of
them. In overload, every stream must get results, p99 of the published results must be inside the bound, and
every lost frame must be counted by cause. No frame may be lost from 5 s after the load has fallen. N is the
result of `stream_infer find-streams --independent`; without --streams, a short search finds it first.

--soak runs 24 cameras, 320x240 at 5 Hz. Memory must not grow, and no stream may starve.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
from dataclasses import asdict, replace
from types import TracebackType

import numpy as np
import trial_arguments
from machine import Results, Table, parser, resident_mb

from stream_infer_ros.capacity import Bench, Tally, TrialOptions, TrialResult, most_held
from stream_infer_ros.process_memory import keep_freed_memory

OVER, UNDER = 1.5, 0.8
RECOVERS_S = 5.0
# A stream has starved if less than this share of its frames had a result in time in any SLICE_S seconds. In
# overload this is half of a fair share, which is 1 / OVER. 0.92 was measured in both cases.
FED_IN_OVERLOAD, FED_IN_SOAK, SLICE_S = 0.5 / OVER, 0.5, 5.0
SOAKED, SOAK_RATE_HZ, SOAK_SIZE = 24, 5.0, (320, 240)
# Allowed growth of memory from the second fifth of the time to the last.
GROWTH_MB = 8.0


class MemoryWatch:
    """Samples the memory of this process once per second. A context manager."""

    def __init__(self) -> None:
        self.seen_mb: list[float] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name='memory watch')

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(1.0):
            self.seen_mb.append(resident_mb())

    def between(self, from_share: float, until_share: float) -> float:
        """Return the median of a part of the time, MB."""
        n = len(self.seen_mb)
        part = self.seen_mb[int(from_share * n) : max(int(until_share * n), int(from_share * n) + 1)]
        return float(np.median(part)) if part else float('nan')


def main() -> int:
    options = _arguments()
    keep_freed_memory()
    name, title = ('soak', 'For long') if options.soak else ('overload', 'Past the limit, and back')
    results = Results(name, title, options)
    trial = TrialOptions(
        bound_ms=options.bound_ms,
        rate_hz=options.rate,
        matched=options.matched,
        graph=options.graph,
        domain_id=100 + os.getpid() % 100,
    )
    if options.soak:
        with Bench(SOAKED, {'kind': options.engine}, {}) as bench:
            soak(bench, trial, options, results)
        return results.finish()
    most = round(OVER * options.streams) if options.streams else 64
    with Bench(most, {'kind': options.engine}, {}) as bench:
        overload(bench, trial, options, results)
    return results.finish()


def overload(bench: Bench, trial: TrialOptions, options: argparse.Namespace, results: Results) -> None:
    """Offer too much load, then a little less than N streams."""
    n = options.streams or _search(bench, trial)
    over, under = max(n + 1, round(OVER * n)), max(1, int(UNDER * n))
    after_s = max(10.0, RECOVERS_S + 3.0)
    print(
        f'{over} streams for {options.seconds:g} s, then {under} for {after_s:g} s (N = {n}) ...', flush=True
    )
    trial = replace(
        trial, streams=over, seconds=options.seconds + after_s, fewer=(options.seconds, under), warm_up_s=1.0
    )
    whole, tally = bench.run(trial)
    parts = {
        f'{over} streams': (0.0, options.seconds),
        f'{under} streams, first {RECOVERS_S:g} s': (options.seconds, options.seconds + RECOVERS_S),
        f'{under} streams, then': (options.seconds + RECOVERS_S, trial.seconds),
    }
    table = Table(
        f'N = {n}: {OVER:g} x N offered, then {UNDER:g} x N',
        ('', 'frames', 'in time', 'published', 'p50, ms', 'p99, ms', 'least fed'),
        'least fed: the smallest share of frames in time of any stream',
    )
    told = {title: tally.result(part) for title, part in parts.items()}
    for title, part in told.items():
        table.row(
            title,
            part.offered,
            f'{part.in_time / part.offered:.1%}',
            f'{part.published / part.offered:.1%}',
            part.p50_ms,
            part.p99_ms,
            f'{part.least_of_a_stream:.1%}',
        )
    results.show(table)
    _tell_losses(results, whole)
    first, _, last = told.values()
    results.figures(
        n=n, whole=asdict(whole), felt_s=_felt_s(tally, trial), parts={k: asdict(v) for k, v in told.items()}
    )
    results.check('p99 of published frames in overload', first.p99_ms, options.bound_ms, 'ms')
    results.check(
        f'smallest share in time of any stream in any {SLICE_S:g} s',
        least_fed(tally, options.seconds),
        FED_IN_OVERLOAD,
        most=False,
    )
    results.check('frames without a result that were not counted', abs(whole.unexplained), 0)
    results.check(
        f'frames lost or late, from {RECOVERS_S:g} s after the load has fallen',
        last.offered - last.in_time,
        0,
    )


def soak(bench: Bench, trial: TrialOptions, options: argparse.Namespace, results: Results) -> None:
    """Run many small streams for minutes."""
    width, height = SOAK_SIZE
    seconds = 60.0 * options.minutes
    trial = replace(
        trial,
        streams=SOAKED,
        rate_hz=SOAK_RATE_HZ,
        width=width,
        height=height,
        matched=False,
        seconds=seconds,
    )
    print(
        f'{SOAKED} streams of {width}x{height} at {SOAK_RATE_HZ:g} Hz for {options.minutes:g} min ...',
        flush=True,
    )
    with MemoryWatch() as memory:
        whole, tally = bench.run(trial)
    begin_mb, end_mb = memory.between(0.2, 0.4), memory.between(0.8, 1.0)
    table = Table(
        f'{SOAKED} independent streams, {width}x{height} at {SOAK_RATE_HZ:g} Hz, {options.minutes:g} minutes',
        ('', 'found'),
    )
    table.row('frames offered', whole.offered)
    table.row('in time', f'{whole.in_time / whole.offered:.2%}')
    table.row('in time, of the stream that fared worst', f'{whole.least_of_a_stream:.2%}')
    table.row('p50, ms', whole.p50_ms)
    table.row('p99, ms', whole.p99_ms)
    table.row('CPU, ms a frame', whole.cpu_s / whole.offered * 1e3)
    table.row('memory, second fifth of the time, MB', begin_mb)
    table.row('memory, last fifth, MB', end_mb)
    results.show(table)
    _tell_losses(results, whole)
    results.figures(whole=asdict(whole), memory_mb=memory.seen_mb)
    results.check('memory, last fifth less second fifth', end_mb - begin_mb, GROWTH_MB, 'MB')
    results.check(
        f'smallest share in time of any stream in any {SLICE_S:g} s',
        least_fed(tally, seconds),
        FED_IN_SOAK,
        most=False,
    )
    results.check('frames without a result that were not counted', abs(whole.unexplained), 0)


def least_fed(tally: Tally, seconds: float) -> float:
    """Return the smallest share of frames in time of any stream in any slice of SLICE_S."""
    slices = max(1, int(seconds / SLICE_S))
    length_s = seconds / slices
    return min(
        tally.result((index * length_s, (index + 1) * length_s)).least_of_a_stream for index in range(slices)
    )


def _felt_s(tally: Tally, trial: TrialOptions) -> float:
    """Return the time from the fall of the load to the last lost or late frame, seconds."""
    assert trial.fewer is not None
    fall_ns = (trial.warm_up_s + trial.fewer[0]) * 1e9
    after = [stamp_ns - fall_ns for stamp_ns in tally.lost_stamps() if stamp_ns >= fall_ns]
    return max(after, default=0.0) / 1e9


def _tell_losses(results: Results, whole: TrialResult) -> None:
    table = Table('lost, from the first of the warm-up on', ('cause', 'frames'))
    for cause, frames in whole.drops.items():
        table.row(cause, frames)
    table.row('not counted', whole.unexplained)
    results.show(table)


def _search(bench: Bench, trial: TrialOptions) -> int:
    short = replace(trial, seconds=2.0, warm_up_s=1.0)

    def holds(streams: int) -> bool:
        held = bench.run(short.with_streams(streams))[0].held
        print(f'  {streams} streams {"held" if held else "not held"}', flush=True)
        return held

    return max(1, most_held(holds, 40, 1))


def _arguments() -> argparse.Namespace:
    made = parser(__doc__)
    made.add_argument('--soak', action='store_true', help='run 24 small streams for minutes instead')
    made.add_argument('--streams', type=int, metavar='N', help='the limit (default: searched)')
    made.add_argument('--seconds', type=float, metavar='S', help='of overload (60; quick: 8)')
    made.add_argument('--minutes', type=float, metavar='M', help='of --soak (5; quick: 0.25)')
    made.add_argument(
        '--matched', action='store_true', help='synchronised sets instead of independent streams'
    )
    trial_arguments.add(made, '--rate', '--bound-ms', '--graph', '--engine')
    options = made.parse_args()
    options.seconds = options.seconds or (8.0 if options.quick else 60.0)
    options.minutes = options.minutes or (0.25 if options.quick else 5.0)
    return options


if __name__ == '__main__':
    sys.exit(main())
