"""The deadline of sets if the user has set none: the time that frames are observed to need."""

from __future__ import annotations

_MARGIN_BITS = 3  # an eighth more than what was needed
_MARGIN_NS = 2_000_000
_FORGET_BITS = 6  # with each `forget_slowly`, 1/64 of the excess over recent waits


class DerivedDeadline:
    """Follows the longest time after the stamp of a set at which frames of it arrive.

    That time covers the stagger of the cameras and their latency. It is forgotten slowly.

    Args:
        usual_ns: the least deadline.
        longest_ns: the largest deadline. A frame that arrives later than this after the oldest frame of its
            set does not count, because waiting for it would exceed the latency bound anyway.

    Attributes:
        recent_ns: the longest time that was noted recently.
    """

    def __init__(self, usual_ns: int, longest_ns: int) -> None:
        self.usual_ns = usual_ns
        self.longest_ns = max(usual_ns, longest_ns)
        self.recent_ns = self._needed_ns = 0

    @property
    def deadline_ns(self) -> int:
        needed_ns = self._needed_ns + (self._needed_ns >> _MARGIN_BITS) + _MARGIN_NS
        return min(max(self.usual_ns, needed_ns), self.longest_ns)

    def note(self, waited_ns: int, age_ns: int) -> bool:
        """Note a frame; return True if the deadline may change.

        Args:
            waited_ns: time from the stamp of its set to its arrival.
            age_ns: time from the oldest stamp of its set to its arrival.
        """
        if waited_ns <= self.recent_ns or age_ns > self.longest_ns:
            return False
        self.recent_ns = waited_ns
        if waited_ns <= self._needed_ns:
            return False
        self._needed_ns = waited_ns
        return True

    def forget_slowly(self) -> None:
        """Forget a little of what has not been needed recently."""
        self._needed_ns -= (self._needed_ns - self.recent_ns) >> _FORGET_BITS
        self.recent_ns = 0

    def like(self, usual_ns: int, longest_ns: int) -> DerivedDeadline:
        """Return one with other limits that knows the same."""
        other = DerivedDeadline(usual_ns, longest_ns)
        other._needed_ns, other.recent_ns = self._needed_ns, self.recent_ns
        return other
