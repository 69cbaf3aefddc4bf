"""What a batch costs, by its size, as measured while running."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque

# Runs remembered of each size: enough to tell the slow ones, few enough to follow a machine that warms up.
WINDOW = 64
# Of fewer runs the median is taken, whatever share is asked for: the first is slow, and no rule.
FEW = 8


class CostModel:
    """Time of one run of 1 to `most` images, nanoseconds.

    A size that was never run is estimated on the line through the nearest measured ones (through the origin
    where there is only one: then a larger batch is never thought cheaper than it can be). While nothing was
    measured everything costs nothing: somebody has to begin.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._runs: dict[int, deque[int]] = {}
        self._sorted: dict[int, list[int]] = {}
        self._sizes: list[int] = []

    def took(self, n: int, duration_ns: int) -> None:
        """One run of `n` images took so long."""
        runs = self._runs.get(n)
        if runs is None:
            runs = self._runs[n] = deque()
            self._sorted[n] = []
            insort(self._sizes, n)
        in_order = self._sorted[n]
        if len(runs) == WINDOW:
            del in_order[bisect_left(in_order, runs.popleft())]
        runs.append(duration_ns)
        insort(in_order, duration_ns)

    def runs(self) -> int:
        """How many are remembered."""
        return sum(map(len, self._runs.values()))

    def cost_ns(self, n: int, share: float = 0.5) -> float:
        """What that share of runs of `n` images does not exceed."""
        if n in self._runs:
            return self._quantile(n, share)
        if not self._sizes:
            return 0.0
        place = bisect_left(self._sizes, n)
        if len(self._sizes) == 1:
            return self._quantile(self._sizes[0], share) * max(1.0, n / self._sizes[0])
        low = min(max(place - 1, 0), len(self._sizes) - 2)
        first, second = self._sizes[low], self._sizes[low + 1]
        start, end = self._quantile(first, share), self._quantile(second, share)
        slope = max(0.0, (end - start) / (second - first))
        return max(0.0, start + slope * (n - first))

    def _quantile(self, n: int, share: float) -> float:
        in_order = self._sorted[n]
        share = share if len(in_order) >= FEW else min(share, 0.5)
        return in_order[int(share * (len(in_order) - 1))]
