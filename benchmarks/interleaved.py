"""Timing alternatives against each other on a noisy machine: in turn, so that noise meets all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping


def medians_ms(alternatives: Mapping[str, Callable[[], object]], runs: int = 100) -> dict[str, float]:
    """Median wall time of each, milliseconds, over `runs` rounds after two to warm up."""
    times: dict[str, list[float]] = {name: [] for name in alternatives}
    for turn in range(runs + 2):
        for name, function in alternatives.items():
            start = time.perf_counter()
            function()
            if turn >= 2:
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(taken) * 1e3 for name, taken in times.items()}


def print_against_first(title: str, medians: Mapping[str, float]) -> None:
    """One line each, with the ratio to the first: the floor."""
    floor = next(iter(medians.values()))
    print(title)
    for name, taken in medians.items():
        print(f'  {name:<44} {taken:8.3f} ms   x {taken / floor:.2f}')
