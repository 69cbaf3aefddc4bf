"""Timing of alternatives on a noisy machine: they take turns, so that noise affects all in the same way."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


def medians_ms(alternatives: Mapping[str, Callable[[], object]], runs: int = 100) -> dict[str, float]:
    """Return the median wall time of each, milliseconds, over `runs` rounds after two warm-up rounds."""
    times: dict[str, list[float]] = {name: [] for name in alternatives}
    for turn in range(runs + 2):
        for name, function in alternatives.items():
            start = time.perf_counter()
            function()
            if turn >= 2:
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(taken) * 1e3 for name, taken in times.items()}


@dataclass(frozen=True, slots=True)
class Cost:
    """Medians of wall time and of the CPU time of this process (all threads), milliseconds."""

    wall_ms: float
    cpu_ms: float


def costs(alternatives: Mapping[str, Callable[[], object]], rounds: int = 100) -> dict[str, Cost]:
    """Return the cost of each over `rounds` after two warm-up rounds, in alternating order."""
    wall: dict[str, list[float]] = {name: [] for name in alternatives}
    cpu: dict[str, list[float]] = {name: [] for name in alternatives}
    for turn in range(rounds + 2):
        for name in list(alternatives)[:: 1 if turn % 2 else -1]:
            start, start_cpu = time.perf_counter(), time.process_time()
            alternatives[name]()
            if turn >= 2:
                wall[name].append(time.perf_counter() - start)
                cpu[name].append(time.process_time() - start_cpu)
    return {
        name: Cost(statistics.median(wall[name]) * 1e3, statistics.median(cpu[name]) * 1e3) for name in wall
    }
