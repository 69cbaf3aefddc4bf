"""Rate caps of cameras: which frames are used, evenly spaced and at the same moments for all cameras."""

from __future__ import annotations

from collections.abc import Sequence

from stream_infer_ros.sync.moments import EQUAL_RATES, Moments
from stream_infer_ros.sync.roster import Roster
from stream_infer_ros.sync.stream_clock import JUMP_NS, StreamClock

_NEARLY = 0.02  # a cap that is within 2 % of a whole fraction of the rate takes every n-th frame
_KEPT = 64  # moments whose choice is remembered


class RateCaps:
    """Decides which frames of cameras with a rate cap are used. Used by one thread.

    Cameras of the same rate with the same cap use the frames of the same moments (see Moments), so that these
    frames still form sets. A camera of another rate, or without a steady one, uses frames that are at least
    nine tenths of the wanted interval apart.

    Attributes:
        left_out: number of frames that were not used, by camera; they are not losses.
    """

    def __init__(self, cameras: Sequence[str]) -> None:
        self.left_out = dict.fromkeys(cameras, 0)
        self._slots = Roster(cameras)
        self._clocks = tuple(StreamClock() for _ in cameras)
        self._begin()

    def _begin(self) -> None:
        for clock in self._clocks:
            clock.restart()
        self._moments = Moments(self._clocks)
        self._heard: set[int] = set()
        self._choices: dict[float, _Choice] = {}  # by cap
        self._due_ns: dict[int, int] = {}  # by slot, for cameras that are chosen alone

    def uses(self, camera: str, stamp_ns: int, max_rate_hz: float) -> bool:
        """Return True if a frame is to be used; otherwise it is counted in `left_out`."""
        slot = self._slots[camera]
        newest_ns = self._clocks[slot].newest_stamp_ns
        if newest_ns is not None and abs(stamp_ns - newest_ns) > JUMP_NS + 10 * self._clocks[slot].period_ns:
            self._begin()  # time has jumped, or the camera has paused
        used = self._chosen(slot, stamp_ns, max_rate_hz)
        self.left_out[camera] += not used
        return used

    def _chosen(self, slot: int, stamp_ns: int, max_rate_hz: float) -> bool:
        clock, moments = self._clocks[slot], self._moments
        if slot not in self._heard:
            self._heard.add(slot)
            moments.start(slot, stamp_ns)
        newest_ns = clock.newest_stamp_ns
        is_newest = newest_ns is None or stamp_ns > newest_ns
        if is_newest and (clock.observe(stamp_ns) or moments.is_provisional):
            before = moments.period_ns
            if moments.update(self._heard, stamp_ns) and abs(moments.period_ns - before) * 8 > before:
                self._choices.clear()  # the moments have other numbers now
        if (
            not moments.period_ns
            or slot in moments.slower
            or moments.period_ns * 3 > clock.least_period_ns * 4
        ):
            return self._chosen_alone(slot, stamp_ns, max_rate_hz)
        number = moments.observe(slot, stamp_ns) if is_newest else moments.number(slot, stamp_ns)
        if max_rate_hz not in self._choices:
            self._choices[max_rate_hz] = _Choice(number)
        choice = self._choices[max_rate_hz].of(number, moments.period_ns * max_rate_hz * 1e-9)
        self._due_ns[slot] = stamp_ns + int(0.9e9 / max_rate_hz) if choice else self._due_ns.get(slot, 0)
        return choice

    def _chosen_alone(self, slot: int, stamp_ns: int, max_rate_hz: float) -> bool:
        due_ns = self._due_ns.get(slot, stamp_ns)
        if stamp_ns < due_ns:
            return False
        self._due_ns[slot] = stamp_ns + int(0.9e9 / max_rate_hz)
        return True


class _Choice:
    """The moments that are used for one cap. They are spread evenly."""

    def __init__(self, first: int) -> None:
        self._next = first  # the next moment to decide about
        self._credit = 1.0
        self._chosen: dict[int, bool] = {}

    def of(self, number: int, share: float) -> bool:
        """Return True if the moment is used, if this share of all moments is."""
        if share >= 1 / EQUAL_RATES:
            return True
        every = round(1 / share)
        if abs(every * share - 1) <= _NEARLY:
            share = 1 / every
        if number - self._next > _KEPT:
            self._next = number
        while self._next <= number:
            chosen = self._credit > 1 - share / 2
            self._chosen[self._next] = chosen
            self._credit += share - chosen
            self._chosen.pop(self._next - _KEPT, None)
            self._next += 1
        return self._chosen.get(number, False)
