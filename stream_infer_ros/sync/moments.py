"""The moments at which the cameras take their images, and the phase of each camera relative to them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise

from stream_infer_ros.sync.stream_clock import StreamClock

EQUAL_RATES = 1.05  # rates are equal if the longer period is at most this multiple of the shorter one
_GAIN_BITS = 3  # a phase follows 1/8 of each deviation, which averages out the jitter of about 15 frames
# Fractions of a period, as divisors.
_EXACT = 40  # a frame that is off its phase by at most 1/40 of a period does not change the phase
_STEADY = 8  # a phase is steady if the mean deviation from it is at most 1/8 of a period
_MULTIPLE = 16  # a period is a multiple of another one if it deviates from the nearest one by at most 1/16
_BETTER = 16  # the cut between moments moves only to a gap that is wider by at least 1/16 of a period
_FAR = 1 << 62
_MOST_PATIENCE = 32  # moments
_FIRST_MOMENTS = 10  # the first frames of the cameras count for this many periods


class Moments:
    """Numbers the moments, and tells the moment of a frame from its stamp alone.

    Cameras that run freely, or are triggered one after the other, have constant phases within a common
    period. All phases lie on a circle of one period. The circle is cut at the widest gap between two phases,
    so that the images of one moment lie as close together as possible. The number of a frame is found from
    the phase of its camera. It does not depend on the order in which frames arrive, and jitter of up to half
    a period does not change it.

    The common period is the shortest one of the cameras with a steady period. The phases follow slow drift.
    A camera whose period is no multiple of the common one, or is not steady, has no phase. Its frames belong
    to the moment that is nearest in time.

    Attributes:
        period_ns: the common period. 0 while no moments are known: no camera is steady, or one that is not
            steady is much faster than the others.
        spread_ns: the time between the first and the last phase.
        reference: the slot of the camera that defines the period; None while no moments are known.
        slower: slots of the cameras with a longer period. They take no image at some of the moments.
        left_number: the newest moment of a set that has left. The owner of the sets keeps it.
        is_provisional: True if `update` has to be called with the next frame: a camera has just started or
            fallen silent, its phase has changed, or its period is only a guess from its first frames.
    """

    def __init__(self, clocks: Sequence[StreamClock]) -> None:
        self._clocks = clocks
        self.restart()

    def restart(self) -> None:
        """Begin anew, because time has jumped."""
        self.period_ns = self.spread_ns = 0
        self.reference: int | None = None
        self.slower: frozenset[int] = frozenset()
        self.is_provisional = True
        self.left_number = -_FAR
        self._half_ns = self._exact_ns = self._mean_ns = 0
        self._updated, self._patience = 0, 1  # the moment of the last update, and moments until the next one
        self._number, self._anchor_ns = 0, 0  # the newest moment, and the middle of its phases
        self._has_phase = [False] * len(self._clocks)
        self._phases_ns = [0] * len(self._clocks)  # relative to the middle of a moment; 0 without a phase
        self._settled_ns = [0] * len(self._clocks)  # the phases at the last update
        self._measured_ns = [0] * len(self._clocks)  # the same, also if it is not steady
        self._deviations_ns = [0] * len(self._clocks)  # mean deviation from the measured phase
        self._heard = [False] * len(self._clocks)  # since it starts to send
        self._first_ns = [0] * len(self._clocks)  # its first stamp since then

    def middle_ns(self, number: int) -> int:
        """Return the middle of the phases of a moment."""
        return self._anchor_ns + (number - self._number) * self.period_ns

    @property
    def is_stale(self) -> bool:
        """True if `update` is worth its time: more and more seldom after the start."""
        return self._number - self._updated >= self._patience or not self.period_ns

    def mean_ns(self, number: int) -> int:
        """Return the mean of the phases of a moment: the stamp of its complete set."""
        return self._anchor_ns + self._mean_ns + (number - self._number) * self.period_ns

    def expected_ns(self, number: int, slot: int) -> int:
        """Return the stamp that a frame of this camera has at a moment, if it takes one then."""
        return self.middle_ns(number) + self._phases_ns[slot]

    def nearest(self, stamp_ns: int) -> int:
        """Return the number of the moment whose middle is nearest."""
        return self._number + (stamp_ns - self._anchor_ns + self._half_ns) // self.period_ns

    def number(self, slot: int, stamp_ns: int) -> int:
        """Return the number of the moment of a frame."""
        away_ns = stamp_ns - self._anchor_ns - self._phases_ns[slot]
        return self._number + (away_ns + self._half_ns) // self.period_ns

    def observe(self, slot: int, stamp_ns: int) -> int:
        """Return the number of the moment of the newest frame of a camera, and learn from it."""
        off_ns = stamp_ns - self._anchor_ns - self._phases_ns[slot]
        if -self._exact_ns <= off_ns <= self._exact_ns and self._has_phase[slot]:
            return self._number  # the usual case: nothing to learn
        moments = (off_ns + self._half_ns) // self.period_ns
        off_ns -= moments * self.period_ns
        number = self._number + moments
        if moments > 0:
            self._number = number
            self._anchor_ns += moments * self.period_ns
        if self._has_phase[slot]:
            self._phases_ns[slot] += off_ns >> _GAIN_BITS
            if abs(self._phases_ns[slot] - self._settled_ns[slot]) > self._exact_ns:
                self.is_provisional = True
            self._deviations_ns[slot] += (abs(off_ns) - self._deviations_ns[slot]) >> _GAIN_BITS
        else:
            self._measure(slot, off_ns)
        return number

    def _measure(self, slot: int, off_ns: int) -> None:
        """Follow the phase of a camera that has no steady one, `off_ns` from the middle of a moment."""
        if not self._heard[slot]:
            self._heard[slot] = True
            self._measured_ns[slot], self._deviations_ns[slot] = off_ns, 0
            return
        change_ns = (off_ns - self._measured_ns[slot] + self._half_ns) % self.period_ns - self._half_ns
        self._measured_ns[slot] += change_ns >> _GAIN_BITS
        self._deviations_ns[slot] += (abs(change_ns) - self._deviations_ns[slot]) >> _GAIN_BITS

    def start(self, slot: int, stamp_ns: int) -> None:
        """Learn the phase of a camera anew, because it starts to send with this frame."""
        self._first_ns[slot] = stamp_ns
        self._clear(slot)
        self.is_provisional = True

    def _clear(self, slot: int) -> None:
        self._has_phase[slot] = self._heard[slot] = False
        self._phases_ns[slot] = 0

    def update(self, live: Collection[int], left_ns: int) -> bool:
        """Derive period and cut from these cameras; return True if a frame may have another number now.

        `left_ns` is the stamp of the last set that left.
        """
        periods_ns = {slot: self._clocks[slot].likely_period_ns for slot in live}
        self.is_provisional = any(not self._clocks[slot].period_ns for slot in live)
        known = {slot: period_ns for slot, period_ns in periods_ns.items() if period_ns}
        steady = {
            slot: period_ns
            for slot, period_ns in known.items()
            if self._clocks[slot].deviation_ns * _STEADY <= period_ns
        }
        reference = min(steady, key=steady.__getitem__, default=None)
        if (
            reference is not None
            and self.reference in steady
            and steady[self.reference] <= EQUAL_RATES * steady[reference]
        ):
            reference = self.reference
        if reference is None or 3 * min(known.values()) < 2 * steady[reference]:
            changed = bool(self.period_ns)
            self.period_ns, self.reference, self.slower = 0, None, frozenset()
            return changed
        self.reference = reference
        longest_ns = int(steady[reference] * EQUAL_RATES)
        equal_ns = [period_ns for period_ns in steady.values() if period_ns <= longest_ns]
        period_ns = sum(equal_ns) // len(equal_ns)
        self.slower = frozenset(slot for slot in live if self._clocks[slot].least_period_ns > longest_ns)
        changed = abs(period_ns - self.period_ns) * _STEADY > period_ns
        self.period_ns, self._half_ns, self._exact_ns = period_ns, period_ns // 2, period_ns // _EXACT
        if changed:
            self._begin(live)
            self.left_number = self.nearest(left_ns)
        if self.is_provisional:
            self._patience = 1
        elif self._patience < _MOST_PATIENCE:
            self._patience *= 2
        self._updated = self._number
        self.is_provisional |= not all(self._heard[slot] or self._has_phase[slot] for slot in live)
        return self._cut(live, periods_ns) or changed

    def _begin(self, live: Collection[int]) -> None:
        """Number the moments anew.

        If all cameras have just started within one period, their first frames show one moment. Otherwise, the
        numbers begin at the newest frame of the reference.
        """
        assert self.reference is not None
        newest_ns = {slot: self._clocks[slot].newest_stamp_ns or 0 for slot in live}
        first_ns = {slot: self._first_ns[slot] for slot in live}
        earliest_ns = min(first_ns.values())
        self._number = 0
        for slot in range(len(self._clocks)):
            self._clear(slot)
        if (
            max(first_ns.values()) - earliest_ns < self.period_ns
            and newest_ns[self.reference] - earliest_ns < _FIRST_MOMENTS * self.period_ns
        ):
            self._anchor_ns = (earliest_ns + max(first_ns.values())) // 2
            for slot in live:
                self._measure(slot, first_ns[slot] - self._anchor_ns)
        else:
            self._anchor_ns = newest_ns[self.reference]
            for slot in live:
                away_ns = newest_ns[slot] - self._anchor_ns
                self._measure(slot, (away_ns + self._half_ns) % self.period_ns - self._half_ns)

    def _cut(self, live: Collection[int], periods_ns: dict[int, int]) -> bool:
        """Decide which cameras have a phase, and where a moment begins; return True if this changed."""
        changed = False
        for slot in live:
            has_phase = slot == self.reference or (
                self._heard[slot]
                and self._deviations_ns[slot] * _STEADY <= self.period_ns
                and self._is_multiple(periods_ns[slot])
            )
            if has_phase and not self._has_phase[slot]:
                self._phases_ns[slot] = self._measured_ns[slot]
                changed = True
            elif self._has_phase[slot] and not has_phase:
                self._measured_ns[slot], self._phases_ns[slot] = self._phases_ns[slot], 0
                changed = True
            self._has_phase[slot] = has_phase
        slots = sorted(
            (slot for slot in live if self._has_phase[slot]), key=lambda slot: self._phases_ns[slot]
        )
        phases_ns = [self._phases_ns[slot] for slot in slots]
        gaps_ns = [later - earlier for earlier, later in pairwise(phases_ns)]
        gap_ns = self.period_ns - (phases_ns[-1] - phases_ns[0])
        widest_ns = max(gaps_ns, default=0)
        if widest_ns > gap_ns + self.period_ns // _BETTER:
            # The later ones move to the next moment: the one before may have left already.
            for slot in slots[gaps_ns.index(widest_ns) + 1 :]:
                self._phases_ns[slot] -= self.period_ns
            changed = True
        phases_ns = [self._phases_ns[slot] for slot in slots]
        first_ns, last_ns = min(phases_ns), max(phases_ns)
        self.spread_ns = last_ns - first_ns
        middle_ns = (first_ns + last_ns) // 2
        self._anchor_ns += middle_ns
        for slot in slots:
            self._phases_ns[slot] -= middle_ns
        self._settled_ns = list(self._phases_ns)
        self._mean_ns = sum(phases_ns) // len(phases_ns) - middle_ns
        return changed

    def _is_multiple(self, period_ns: int) -> bool:
        """True if a camera of this period (0: unknown) always takes its images at the same phase."""
        off_ns = (period_ns + self._half_ns) % self.period_ns - self._half_ns
        return not period_ns or abs(off_ns) * _MULTIPLE <= self.period_ns
