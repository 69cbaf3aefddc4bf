"""The trend of the delay between stamps and arrivals: it grows steadily if a clock runs too slow."""

from __future__ import annotations

from collections import deque

# Known periods of each length; periods of the next length are longer by FACTOR.
PERIODS = 16
FACTOR = 8
LENGTHS = 3
ENOUGH_PERIODS = 6
# The delay must change by this much to be a trend: latencies vary.
LEAST_CHANGE_NS = 40_000_000
# No oscillator and no nominal frame rate is farther off. Images that queue up on the way are later faster.
FASTEST = 0.03
# The delays must lie on a line up to this fraction of the change.
STEADY = 0.2


class DelayTrend:
    """The least delays of the last periods, for periods of one, eight and 64 units.

    Attributes:
        slope: the change of the delay as a fraction of the time, if it is steady; else 0.0. It is positive
            for a clock that runs too slow.
        begin_ns: the delay at the begin of the periods that `slope` was computed from.
    """

    def __init__(self) -> None:
        self._periods: list[deque[tuple[int, int]]] = [deque(maxlen=PERIODS) for _ in range(LENGTHS)]
        self._count = 0
        self.slope = 0.0
        self.begin_ns = 0

    def newest(self, count: int) -> list[int]:
        """Return the delays of the newest short periods."""
        return [delay_ns for _, delay_ns in list(self._periods[0])[-count:]]

    def add(self, end_ns: int, least_ns: int) -> None:
        """Add the least delay of a short period that ended at this time."""
        self._count += 1
        self._periods[0].append((end_ns, least_ns))
        for length in range(1, LENGTHS):
            if self._count % FACTOR**length:
                break
            shorter = list(self._periods[length - 1])[-FACTOR:]
            self._periods[length].append((end_ns, min(delay_ns for _, delay_ns in shorter)))
        self.slope = 0.0
        for periods in self._periods:
            if slope := _slope(periods):
                self.slope, self.begin_ns = slope, periods[0][1]


def _slope(periods: deque[tuple[int, int]]) -> float:
    """Return the slope of a line through the delays, as a fraction; 0.0 if they do not lie on a line."""
    if len(periods) < ENOUGH_PERIODS or abs(periods[-1][1] - periods[0][1]) < LEAST_CHANGE_NS:
        return 0.0
    begin_ns, first_ns = periods[0]
    points = [(end_ns - begin_ns, delay_ns - first_ns) for end_ns, delay_ns in periods]
    mean_t, mean_d = (sum(values) / len(points) for values in zip(*points, strict=True))
    spread = sum((t - mean_t) ** 2 for t, _ in points)
    if not spread:
        return 0.0
    slope = sum((t - mean_t) * (d - mean_d) for t, d in points) / spread
    off_ns = max(abs(d - mean_d - slope * (t - mean_t)) for t, d in points)
    steady = off_ns < STEADY * abs(slope) * points[-1][0]
    return slope if steady and abs(slope) <= FASTEST else 0.0
