"""What a batch costs, by its size, as measured while running."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

# Runs remembered of each size: enough to tell the slow ones, few enough to follow a machine that warms up.
WINDOW = 64
# Of fewer runs nothing is concluded: the first is slow, and no rule.
FEW = 8
# A size not run for so many runs of others is forgotten: it may have been measured in a slow moment, and as
# long as it is thought dear it is not run again.
STALE = 1024


class _Curve(NamedTuple):
    """Measured sizes, ascending, and what they cost, never falling."""

    sizes: list[int]
    costs_ns: list[float]

    def up_to(self, most: int) -> list[float]:
        """Of 1 to `most` images, in this order."""
        sizes, costs_ns = self
        if not sizes:
            return [0.0] * most
        if len(sizes) == 1:
            return [costs_ns[0] * max(1.0, n / sizes[0]) for n in range(1, most + 1)]
        found: list[float] = []
        last = len(sizes) - 2
        for low in range(last + 1):
            first, start = sizes[low], costs_ns[low]
            slope = (costs_ns[low + 1] - start) / (sizes[low + 1] - first)
            until = most if low == last else min(most, sizes[low + 1])
            found += [max(0.0, start + slope * (n - first)) for n in range(len(found) + 1, until + 1)]
        return found


class CostModel:
    """Time of one run of 1 to `most` images, nanoseconds.

    A size that was never run is estimated on the line through the nearest measured ones (through the origin
    where there is only one: then a larger batch is never thought cheaper than it can be). No size is thought
    dearer than a larger one: what says so is older, or was measured in a slow moment. While nothing was
    measured everything costs nothing: somebody has to begin.
    """

    def __init__(self, most: int, stale: int = STALE) -> None:
        """`most`: images in one run; `stale`: see STALE."""
        self.most = most
        self._stale = stale
        self._runs: dict[int, deque[int]] = {}
        self._sorted: dict[int, list[int]] = {}
        self._last: dict[int, int] = {}
        self._count = 0
        self._curve: _Curve | None = None
        self._slowness: deque[float] = deque(maxlen=WINDOW)

    def took(self, n: int, duration_ns: int) -> None:
        """One run of `n` images took so long."""
        self._slowness.append(duration_ns / max(1.0, self.cost_ns(n)) if n in self._runs else 1.0)
        runs, in_order = self._runs.setdefault(n, deque()), self._sorted.setdefault(n, [])
        if len(runs) == WINDOW:
            del in_order[bisect_left(in_order, runs.popleft())]
        runs.append(duration_ns)
        insort(in_order, duration_ns)
        self._count += 1
        self._last[n] = self._count
        for stale in [size for size, last in self._last.items() if self._count - last > self._stale]:
            del self._runs[stale], self._sorted[stale], self._last[stale]
        self._curve = None

    def runs(self) -> int:
        """How many are remembered."""
        return sum(map(len, self._runs.values()))

    def largest(self) -> int:
        """Images of the largest run that is remembered; 0 if none is."""
        return max(self._sorted, default=0)

    def cost_ns(self, n: int) -> float:
        """What half of the runs of `n` images do not exceed."""
        return self._costs().up_to(n)[-1]

    def costs_ns(self, most: int) -> list[float]:
        """`cost_ns` of 1 to `most` images, in this order."""
        return self._costs().up_to(most)

    def hoped_ns(self, most: int) -> list[float]:
        """As `costs_ns`, but sizes beyond those that were run cost in proportion to the next that was.

        Smaller ones are hoped to be as cheap as can be: who would not run them would never learn. Larger ones
        are taken to be as dear as can be: the line through two sizes that lie close says little far away.
        """
        smallest, largest = min(self._sorted, default=1), max(self._sorted, default=1)
        costs_ns = self.costs_ns(max(most, largest))
        for known, sizes in ((smallest, range(1, smallest)), (largest, range(largest + 1, most + 1))):
            for n in sizes:
                costs_ns[n - 1] = costs_ns[known - 1] * n / known
        return costs_ns[:most]

    def planned_ns(self, usual_ns: Sequence[float], tail_ns: float) -> list[float]:
        """What runs that usually take so long take at the worst: a run is slow by `tail_ns` at most.

        Under load everything ends near its deadline: a share of runs slower than planned would be a share of
        results that are late.
        """
        slowness = self.slowness()
        return [min(usual + tail_ns, usual * slowness) for usual in usual_ns]

    def slowness(self) -> float:
        """How many times what was usual for its size the slowest of the last runs took; at least 1.

        Of all sizes together: of one alone there are seldom enough.
        """
        return max(1.0, max(self._slowness, default=1.0))

    def _costs(self) -> _Curve:
        if self._curve is None:
            sizes = sorted(self._sorted)
            costs_ns = [float(_median(self._sorted[n])) for n in sizes]
            for smaller in reversed(range(len(costs_ns) - 1)):
                costs_ns[smaller] = min(costs_ns[smaller : smaller + 2])
            self._curve = _Curve(sizes, costs_ns)
        return self._curve


def _median(in_order: list[int]) -> int:
    return in_order[(len(in_order) - 1) // 2]
