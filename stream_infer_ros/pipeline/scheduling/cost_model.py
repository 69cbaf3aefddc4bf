"""The duration of a run by the size of its batch, measured while running."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

# The number of runs of each size that are kept: enough to recognise slow runs, few enough to follow a machine
# that warms up.
WINDOW = 64
# Nothing is concluded from fewer runs than this, because the first runs are slow.
FEW = 8
# A size is forgotten after this many runs of other sizes. It may have been measured in a slow moment, and it
# is not run again as long as it seems expensive.
STALE = 1024


class _Curve(NamedTuple):
    """The measured sizes, ascending, and their costs, which never fall."""

    sizes: list[int]
    costs_ns: list[float]

    def up_to(self, most: int) -> list[float]:
        """Return the costs of 1 to `most` images, in this order."""
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
    """The duration of one run of 1 to `most` images, nanoseconds.

    A size that was never run is estimated on the line through the nearest measured sizes. If only one size
    was measured, the line goes through the origin, so that a larger batch is not estimated too low. No size
    costs more than a larger one: such a measurement is old, or comes from a slow moment. Before the first
    run, every size costs nothing.
    """

    def __init__(self, most: int, stale: int = STALE) -> None:
        """`most` is the largest number of images in a run; for `stale`, see STALE."""
        self.most = most
        self._stale = stale
        self._runs: dict[int, deque[int]] = {}
        self._sorted: dict[int, list[int]] = {}
        self._last: dict[int, int] = {}
        self._count = 0
        self._curve: _Curve | None = None
        self._slowness: deque[float] = deque(maxlen=WINDOW)

    def took(self, n: int, duration_ns: int) -> None:
        """Learn from a run of `n` images that took `duration_ns`."""
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
        """Return the number of runs that are kept."""
        return sum(map(len, self._runs.values()))

    def largest(self) -> int:
        """Return the number of images in the largest run that is kept; 0 if there is none."""
        return max(self._sorted, default=0)

    def cost_ns(self, n: int) -> float:
        """Return the median duration of the runs of `n` images."""
        return self._costs().up_to(n)[-1]

    def costs_ns(self, most: int) -> list[float]:
        """Return `cost_ns` of 1 to `most` images, in this order."""
        return self._costs().up_to(most)

    def hoped_ns(self, most: int) -> list[float]:
        """Return `costs_ns`, but with costs in proportion to the number of images outside the measured sizes.

        Smaller sizes are thus estimated as cheap as they can be, because they would otherwise never be tried.
        Larger sizes are estimated as expensive as they can be, because a line through two neighbouring sizes
        says little about sizes far away.
        """
        smallest, largest = min(self._sorted, default=1), max(self._sorted, default=1)
        costs_ns = self.costs_ns(max(most, largest))
        for known, sizes in ((smallest, range(1, smallest)), (largest, range(largest + 1, most + 1))):
            for n in sizes:
                costs_ns[n - 1] = costs_ns[known - 1] * n / known
        return costs_ns[:most]

    def planned_ns(self, usual_ns: Sequence[float], tail_ns: float) -> list[float]:
        """Return the durations to plan for, for runs of these usual durations.

        They are those of the slowest of the last runs, but no more than `tail_ns` above the usual ones. Under
        load every result is finished close to its deadline, so that each run slower than planned is late.
        """
        slowness = self.slowness()
        return [min(usual + tail_ns, usual * slowness) for usual in usual_ns]

    def slowness(self) -> float:
        """Return the largest ratio of a recent run to the usual duration of its size; at least 1.

        It is taken over all sizes, because one size alone seldom has enough runs.
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
