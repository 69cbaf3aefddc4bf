"""The clock of one stream: period and jitter of its stamps, in constant memory."""

from __future__ import annotations

# If stamps or a clock go back farther than this, time has jumped; no reordering of frames goes that far.
# Stamps that are farther ahead of the arrival of their frame belong to another clock.
JUMP_NS = 500_000_000
_WINDOW = 16  # intervals; their median is right even if a third of the frames are lost, or come in bursts
_ENOUGH = 3  # intervals before the first estimate, so that one burst at the start is outvoted
_EVERY = 16  # intervals from one estimate to the next, once the window is full
_LONGEST_GAP = 10  # periods; a longer gap is a pause of the stream and not a loss of frames


class StreamClock:
    """Estimates the period of a stream from the last 16 intervals between its stamps.

    Lost frames, a pause of an hour or a burst hardly change the median interval. It says how many periods
    each interval is long. The estimate is the mean over those periods, which is more precise than a median.

    One thread calls `observe` and `restart`. The attributes may be read from any thread: each is a complete
    value, but two of them may differ by one frame.

    Attributes:
        newest_stamp_ns: None before the first frame and after `restart`.
        period_ns: 0 while unknown.
        deviation_ns: mean deviation of the intervals from multiples of the period, at the last estimate.
        missed: number of missing frames, estimated from gaps of up to 10 periods.
    """

    __slots__ = (
        '_count',
        '_intervals_ns',
        '_regular_ns',
        'deviation_ns',
        'missed',
        'newest_stamp_ns',
        'period_ns',
    )

    def __init__(self) -> None:
        self.newest_stamp_ns: int | None = None
        self.period_ns = self.deviation_ns = 0
        self.missed = 0
        self._regular_ns = 0  # a longer interval lacks at least one frame
        self._count = 0
        self._intervals_ns = [0] * _WINDOW

    def observe(self, stamp_ns: int) -> bool:
        """Take the stamp of one frame; return True if this changed the estimate of the period."""
        newest_ns = self.newest_stamp_ns
        if newest_ns is None:
            self.newest_stamp_ns = stamp_ns
            return False
        interval_ns = stamp_ns - newest_ns
        if interval_ns <= 0:  # a repeated or reordered frame
            return False
        self.newest_stamp_ns = stamp_ns
        if interval_ns > self._regular_ns and interval_ns < (_LONGEST_GAP + 0.5) * self.period_ns:
            self.missed += round(interval_ns / self.period_ns) - 1
        count = self._count
        self._intervals_ns[count % _WINDOW] = interval_ns
        self._count = count = count + 1
        if count < _ENOUGH or (count > _WINDOW and count % _EVERY):
            return False
        self.period_ns, self.deviation_ns = _period_ns(self._intervals_ns[: min(count, _WINDOW)])
        self._regular_ns = self.period_ns * 3 // 2
        return True

    @property
    def likely_period_ns(self) -> int:
        """The period; before the first estimate, the longest interval so far, which may be too long."""
        return self.period_ns or max(self._intervals_ns)

    @property
    def least_period_ns(self) -> int:
        """The period; until the window is full, a lower limit, even if some frames were lost."""
        if self._count >= _WINDOW:
            return self.period_ns
        shortest_ns = min(self._intervals_ns[: self._count], default=0)
        return shortest_ns // max(1, _ENOUGH + 1 - self._count)

    @property
    def jitter_ns(self) -> int:
        """The median deviation of the last intervals from the period; 0 while the period is unknown."""
        intervals_ns = self._intervals_ns[: min(self._count, _WINDOW)]
        period_ns = self.period_ns
        return _median([abs(interval_ns - period_ns) for interval_ns in intervals_ns]) if period_ns else 0

    def restart(self) -> None:
        """Begin with the next frame, because time has jumped. The estimate of the period stays."""
        self.newest_stamp_ns = None


def _period_ns(intervals_ns: list[int]) -> tuple[int, int]:
    """Return the period, and the mean deviation of the intervals from multiples of it."""
    ordered, count = sorted(intervals_ns), len(intervals_ns)
    half = count // 2
    median_ns = (ordered[(count - 1) // 2] + ordered[half]) // 2
    if 2 * ordered[0] > median_ns and 2 * ordered[-1] < 3 * median_ns:  # each is one period long
        return sum(ordered) // count, (sum(ordered[count - half :]) - sum(ordered[:half])) // count
    total_ns = periods = off_ns = 0
    for interval_ns in ordered:
        if interval_ns < (_LONGEST_GAP + 0.5) * median_ns:
            multiple = (interval_ns + median_ns // 2) // median_ns
            periods += multiple
            total_ns += interval_ns
            off_ns += abs(interval_ns - multiple * median_ns)
    return total_ns // periods, off_ns // count


def _median(values: list[int]) -> int:
    ordered, count = sorted(values), len(values)
    return (ordered[(count - 1) // 2] + ordered[count // 2]) // 2
