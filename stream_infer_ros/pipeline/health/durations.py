"""Percentiles of durations over a sliding window, in constant memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WINDOW = 4096
# The 99th percentile of this many values leaves the largest two out.
FEW = 200


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Percentiles of `n` durations, milliseconds."""

    n: int
    p50: float
    p95: float
    p99: float
    worst: float

    @property
    def robust_p99(self) -> float:
        """The 99th percentile; the median if there are fewer than FEW values.

        The 99th percentile of few values is the largest of them, and that is usually the first run.
        """
        return self.p99 if self.n >= FEW else self.p50


class Durations:
    """The last WINDOW durations, nanoseconds."""

    def __init__(self) -> None:
        self._ring = np.zeros(WINDOW, np.int64)
        self._count = 0

    def add(self, duration_ns: int) -> None:
        self._ring[self._count % WINDOW] = duration_ns
        self._count += 1

    def percentiles(self) -> Percentiles | None:
        """Return the percentiles; None while nothing was added."""
        return percentiles(self._values())

    def copy(self) -> NDArray[np.int64]:
        """Return the durations (n,) in no particular order."""
        values: NDArray[np.int64] = self._values().copy()
        return values

    def _values(self) -> NDArray[np.int64]:
        values: NDArray[np.int64] = self._ring[: min(self._count, WINDOW)]
        return values


def percentiles(durations_ns: NDArray[np.int64]) -> Percentiles | None:
    """Return the percentiles of durations (n,) in nanoseconds; None if there are none.

    A percentile is one of the durations: the smallest that at least its share does not exceed (nearest
    rank).
    """
    n = len(durations_ns)
    if not n:
        return None
    values = np.sort(durations_ns) / 1e6
    p50, p95, p99 = (float(values[int(np.ceil(share * n)) - 1]) for share in (0.5, 0.95, 0.99))
    return Percentiles(n, p50, p95, p99, float(values[-1]))
