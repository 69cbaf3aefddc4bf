"""The time of our pipeline while it streams: wall time by stage, CPU time by thread."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter

from machine import Table, threads_cpu_ns

from stream_infer_ros.capacity import Bench, TrialOptions


def profile(bench: Bench, trial: TrialOptions) -> Table:
    """Run one more trial at the largest number, and show the times of our pipeline."""
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
