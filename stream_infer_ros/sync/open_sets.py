"""Sets of frames that are not complete yet."""

from __future__ import annotations

from bisect import insort
from collections.abc import Set
from operator import attrgetter

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.sync.frame_set import FrameSet, SetReason

_NEVER_NS = 1 << 62
_by_stamp = attrgetter('stamp_ns')


class OpenSet:
    """The frames of one moment that have arrived so far.

    Attributes:
        number: the number of its moment, see Moments; None if it was made by the distances of stamps alone.
        frames: one slot per camera.
        missing: slots without a frame.
        stamp_ns: mean of the stamps.
        oldest_ns, newest_ns: range of the stamps.
        earliest_ns, latest_ns: a frame outside of them may not join. They limit the spread of the set to
            twice the slop. It could otherwise grow frame by frame, as the mean stamp moves.
        not_before_ns: an incomplete set does not leave before this time.
        leaves_ns: the time at which the set leaves even if cameras are missing.
    """

    __slots__ = (
        '_first_ns',
        '_offsets_ns',
        '_slop_ns',
        'earliest_ns',
        'frames',
        'latest_ns',
        'leaves_ns',
        'missing',
        'newest_ns',
        'not_before_ns',
        'number',
        'oldest_ns',
        'stamp_ns',
    )

    def __init__(
        self,
        slots: frozenset[int],
        slot: int,
        frame: Frame,
        deadline_ns: int,
        not_before_ns: int,
        slop_ns: int,
        number: int | None,
    ) -> None:
        """Begin with one frame.

        The set leaves `deadline_ns` after its stamp, but not before `not_before_ns`.
        """
        stamp_ns = frame.stamp_ns
        self.number = number
        self.frames: list[Frame | None] = [None] * len(slots)
        self.frames[slot] = frame
        self.missing = set(slots)
        self.missing.remove(slot)
        self.stamp_ns = self.oldest_ns = self.newest_ns = self._first_ns = stamp_ns
        # The sum of the offsets from the first stamp: its integers stay small, which is fast.
        self._offsets_ns = 0
        self._slop_ns = slop_ns
        self.earliest_ns, self.latest_ns = stamp_ns - 2 * slop_ns, stamp_ns + 2 * slop_ns
        self.not_before_ns = not_before_ns
        leaves_ns = stamp_ns + deadline_ns
        self.leaves_ns = leaves_ns if leaves_ns > not_before_ns else not_before_ns

    def join(self, slot: int, frame: Frame, deadline_ns: int) -> None:
        """Add a frame; the deadline counts from the new mean stamp."""
        stamp_ns = frame.stamp_ns
        self.frames[slot] = frame
        self.missing.remove(slot)
        self._offsets_ns += stamp_ns - self._first_ns
        count = len(self.frames) - len(self.missing)
        self.stamp_ns = mean_ns = self._first_ns + self._offsets_ns // count
        if stamp_ns < self.oldest_ns:
            self.oldest_ns = stamp_ns
            self.latest_ns = stamp_ns + 2 * self._slop_ns
        elif stamp_ns > self.newest_ns:
            self.newest_ns = stamp_ns
            self.earliest_ns = stamp_ns - 2 * self._slop_ns
        leaves_ns = mean_ns + deadline_ns
        self.leaves_ns = leaves_ns if leaves_ns > self.not_before_ns else self.not_before_ns

    def close(self, reason: SetReason, not_due: frozenset[int]) -> FrameSet:
        """Return the frames as a set that leaves now; the cameras `not_due` have no image of its moment."""
        spread_ns = self.newest_ns - self.oldest_ns
        return FrameSet(self.stamp_ns, tuple(self.frames), spread_ns, reason, not_due)


class OpenSets:
    """The open sets, and the last set that left.

    Attributes:
        by_stamp: the open sets in the order of their stamps.
        by_number: the open sets with a number, by number.
        due_ns: no set reaches its deadline before this time.
        left_ns: stamp of the last set that left.
    """

    def __init__(self, slots: int) -> None:
        self._slots = frozenset(range(slots))
        self.by_stamp: list[OpenSet] = []
        self.by_number: dict[int, OpenSet] = {}
        self.due_ns = _NEVER_NS
        self.left_ns = -_NEVER_NS
        self._left_missing: Set[int] = frozenset()  # slots that were missing in that set

    def frames(self) -> list[Frame]:
        """Return all frames that are in open sets."""
        return [frame for open_set in self.by_stamp for frame in open_set.frames if frame is not None]

    def sort(self) -> None:
        """Restore the order after a frame has joined a set."""
        self.by_stamp.sort(key=_by_stamp)
        self.due_ns = min([open_set.leaves_ns for open_set in self.by_stamp])

    def nearest(self, slot: int, stamp_ns: int, slop_ns: int) -> OpenSet | None:
        """Return the set with the nearest stamp, within the slop, that has this slot free; None if none."""
        home, least_ns = None, slop_ns + 1
        for open_set in self.by_stamp:
            if open_set.frames[slot] is None:
                distance_ns = abs(stamp_ns - open_set.stamp_ns)
                if distance_ns < least_ns and open_set.earliest_ns <= stamp_ns <= open_set.latest_ns:
                    home, least_ns = open_set, distance_ns
        return home

    def hold(self, slot: int, stamp_ns: int) -> bool:
        """True if a frame of this slot and stamp is in one of the sets."""
        frames = (open_set.frames[slot] for open_set in self.by_stamp)
        return any(frame is not None and frame.stamp_ns == stamp_ns for frame in frames)

    def open(
        self,
        slot: int,
        frame: Frame,
        deadline_ns: int,
        not_before_ns: int,
        slop_ns: int,
        number: int | None = None,
    ) -> OpenSet:
        """Begin a set with this frame; see OpenSet."""
        opened = OpenSet(self._slots, slot, frame, deadline_ns, not_before_ns, slop_ns, number)
        if number is not None:
            self.by_number[number] = opened
        if self.by_stamp:
            insort(self.by_stamp, opened, key=_by_stamp)
            self.due_ns = min(self.due_ns, opened.leaves_ns)
        else:
            self.by_stamp.append(opened)
            self.due_ns = opened.leaves_ns
        return opened

    def left_without(self, slot: int, stamp_ns: int, slop_ns: int, same_moment: bool) -> bool:
        """True if a frame belongs to the last set that left: it is of the same moment, or near enough."""
        return (same_moment or stamp_ns - self.left_ns <= slop_ns) and slot in self._left_missing

    def take_all(self) -> list[OpenSet]:
        """Remove and return the open sets, so that their frames can be placed anew.

        A set with a frame that is older than the last set that left stays, without a number. That frame alone
        would be too old for a set.
        """
        taken = [open_set for open_set in self.by_stamp if open_set.oldest_ns >= self.left_ns]
        self.by_stamp = [open_set for open_set in self.by_stamp if open_set.oldest_ns < self.left_ns]
        for open_set in self.by_stamp:
            open_set.number = None
        self.by_number.clear()
        self.due_ns = _NEVER_NS
        if self.by_stamp:
            self.due_ns = min([open_set.leaves_ns for open_set in self.by_stamp])
        return taken

    def remove_first(self, count: int) -> None:
        """Remove the oldest sets, because they leave."""
        taken = self.by_stamp[:count]
        del self.by_stamp[:count]
        for open_set in taken:
            if open_set.number is not None:
                del self.by_number[open_set.number]
        self.left_ns, self._left_missing = taken[-1].stamp_ns, taken[-1].missing
        self.due_ns = _NEVER_NS
        if self.by_stamp:
            self.due_ns = min([open_set.leaves_ns for open_set in self.by_stamp])
