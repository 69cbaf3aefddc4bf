"""How regularly one stream ticks: period and jitter from its stamps, in constant memory."""

from __future__ import annotations

from dataclasses import dataclass

_WINDOW = 16  # intervals; their median stands a third of the frames lost, or bursts
_ENOUGH = 3  # intervals before there is an estimate: one burst at start-up is outvoted
_EVERY = 16  # intervals between two estimates once the window is full
_LONGEST_GAP = 10  # periods; a longer gap counts as a pause of the stream, not as losses


@dataclass(frozen=True, slots=True)
class StreamHealth:
    """One stream at a glance.

    Attributes:
        received: frames so far.
        rate_hz: from the median interval of its stamps; 0 while unknown.
        jitter_ns: median deviation of its intervals from that median.
        phase_ns: how far its frames lie behind those of the reference, within half a period either way.
        last_heard_ns: when its newest frame arrived; None if never.
        missed: missing frames, estimated from gaps between its regular stamps.
    """

    received: int
    rate_hz: float
    jitter_ns: int
    phase_ns: int
    last_heard_ns: int | None
    missed: int = 0


class StreamClock:
    """Watches the stamps of one stream.

    Medians over the last 16 intervals: lost frames, a gap of an hour or a burst move them little.

    Attributes:
        received: frames observed.
        period_ns: median interval; 0 while unknown.
        newest_stamp_ns: None before the first frame.
        last_heard_ns: arrival of the latest frame, None before the first.
        missed: missing frames, estimated from gaps of up to 10 periods.
    """

    __slots__ = (
        '_count',
        '_intervals_ns',
        'last_heard_ns',
        'missed',
        'newest_stamp_ns',
        'period_ns',
        'received',
    )

    def __init__(self) -> None:
        self.received = 0
        self.missed = 0
        self.period_ns = 0
        self.newest_stamp_ns: int | None = None
        self.last_heard_ns: int | None = None
        self._count = 0
        self._intervals_ns = [0] * _WINDOW

    def observe(self, stamp_ns: int, now_ns: int) -> bool:
        """Take note of a frame. True if the period was estimated anew."""
        self.received += 1
        self.last_heard_ns = now_ns
        newest_ns = self.newest_stamp_ns
        if newest_ns is None:
            self.newest_stamp_ns = stamp_ns
            return False
        if stamp_ns <= newest_ns:  # repeated or reordered: no interval
            return False
        self.newest_stamp_ns = stamp_ns
        interval_ns = stamp_ns - newest_ns
        if 1.5 * self.period_ns < interval_ns < (_LONGEST_GAP + 0.5) * self.period_ns:
            self.missed += round(interval_ns / self.period_ns) - 1
        count = self._count
        self._intervals_ns[count % _WINDOW] = interval_ns
        self._count = count = count + 1
        if count < _ENOUGH or (count > _WINDOW and count % _EVERY):
            return False
        known = self._intervals_ns[:count] if count < _WINDOW else self._intervals_ns
        self.period_ns = _median(known)
        return True

    @property
    def jitter_ns(self) -> int:
        """Median absolute deviation of the last intervals from the period; 0 while it is unknown."""
        known = self._intervals_ns[: min(self._count, _WINDOW)]
        return _median([abs(interval_ns - self.period_ns) for interval_ns in known]) if self.period_ns else 0

    def restart(self) -> None:
        """Time jumped: the next interval counts from the next frame. What was learnt of the period stays."""
        self.newest_stamp_ns = None
        self.last_heard_ns = None

    def phase_to(self, reference_ns: int) -> int:
        """Signed distance of its ticks from a stamp, within half a period; 0 while the period is unknown.

        Only meaningful for a recent reference: the period's error adds up with every tick in between.
        """
        if self.newest_stamp_ns is None or self.period_ns == 0:
            return 0
        half_ns = self.period_ns // 2
        return (self.newest_stamp_ns - reference_ns + half_ns) % self.period_ns - half_ns

    def health(self, reference_ns: int | None = None) -> StreamHealth:
        """What there is to report; phase relative to a recent stamp of another stream, else 0."""
        return StreamHealth(
            self.received,
            1e9 / self.period_ns if self.period_ns else 0.0,
            self.jitter_ns,
            0 if reference_ns is None else self.phase_to(reference_ns),
            self.last_heard_ns,
            self.missed,
        )


def _median(values: list[int]) -> int:
    ordered, count = sorted(values), len(values)
    return (ordered[(count - 1) // 2] + ordered[count // 2]) // 2
