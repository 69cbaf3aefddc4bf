"""Sets of frames that are not complete yet."""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence, Set
from operator import attrgetter

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.sync.frame_set import FrameSet, SetReason

_NEVER_NS = 1 << 62
_by_stamp = attrgetter('stamp_ns')


class OpenSet:
    """The frames of one moment that have arrived so far.

    Attributes:
        frames: one slot per camera.
        missing: slots without a frame.
        stamp_ns: mean of the stamps.
        oldest_ns, newest_ns: range of the stamps.
        leaves_ns: the time at which the set leaves even if cameras are missing.
    """

    __slots__ = (
        '_first_ns',
        '_not_before_ns',
        '_offsets_ns',
        'frames',
        'leaves_ns',
        'missing',
        'newest_ns',
        'oldest_ns',
        'stamp_ns',
    )

    def __init__(
        self, slots: frozenset[int], slot: int, frame: Frame, deadline_ns: int, not_before_ns: int
    ) -> None:
        """Begin with one frame. The set leaves `deadline_ns` after its stamp, not before `not_before_ns`."""
        stamp_ns = frame.stamp_ns
        self.frames: list[Frame | None] = [None] * len(slots)
        self.frames[slot] = frame
        self.missing = set(slots)
        self.missing.remove(slot)
        self.stamp_ns = self.oldest_ns = self.newest_ns = self._first_ns = stamp_ns
        # The sum of the offsets from the first stamp: its integers stay small, which is fast.
        self._offsets_ns = 0
        self._not_before_ns = not_before_ns
        self.leaves_ns = max(stamp_ns + deadline_ns, not_before_ns)

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
        elif stamp_ns > self.newest_ns:
            self.newest_ns = stamp_ns
        leaves_ns = mean_ns + deadline_ns
        self.leaves_ns = leaves_ns if leaves_ns > self._not_before_ns else self._not_before_ns

    def close(self, awaited: Set[int], now_ns: int) -> FrameSet:
        """Return the frames as a set that leaves now."""
        if awaited.isdisjoint(self.missing):
            reason = SetReason.COMPLETE
        elif self.leaves_ns <= now_ns:
            reason = SetReason.DEADLINE
        else:
            reason = SetReason.OVERTAKEN
        return FrameSet(self.stamp_ns, tuple(self.frames), self.newest_ns - self.oldest_ns, reason)


class OpenSets:
    """The open sets, and the last set that left.

    Attributes:
        by_stamp: the open sets in the order of their stamps.
        due_ns: no set reaches its deadline before this time.
        left_ns: stamp of the last set that left.
    """

    def __init__(self, slots: int) -> None:
        self._slots = frozenset(range(slots))
        self.by_stamp: list[OpenSet] = []
        self.due_ns = _NEVER_NS
        self.left_ns = -_NEVER_NS
        self._left_missing: Set[int] = frozenset()  # slots that were missing in that set

    def frames(self) -> list[Frame]:
        """Return all frames that are in open sets."""
        return [frame for open_set in self.by_stamp for frame in open_set.frames if frame is not None]

    def join_nearest(self, slot: int, frame: Frame, slop_ns: int, deadline_ns: int) -> OpenSet | None:
        """Add a frame to the set with the nearest stamp that has this slot free, and return the set.

        Return None if the stamp of no such set is within the slop. The spread of a set is at most twice the
        slop. Without this limit it could grow frame by frame, as its mean stamp moves.
        """
        stamp_ns, home = frame.stamp_ns, None
        least_ns, most_ns = slop_ns + 1, 2 * slop_ns
        for open_set in self.by_stamp:
            if open_set.frames[slot] is None:
                distance_ns = abs(stamp_ns - open_set.stamp_ns)
                if (
                    distance_ns < least_ns
                    and open_set.newest_ns - most_ns <= stamp_ns <= open_set.oldest_ns + most_ns
                ):
                    home, least_ns = open_set, distance_ns
        if home is None:
            return None
        home.join(slot, frame, deadline_ns)
        if len(self.by_stamp) == 1:
            self.due_ns = home.leaves_ns
        else:
            self.by_stamp.sort(key=_by_stamp)
            self.due_ns = min([open_set.leaves_ns for open_set in self.by_stamp])
        return home

    def hold(self, slot: int, stamp_ns: int) -> bool:
        """True if a frame of this slot and stamp is in one of the sets."""
        frames = (open_set.frames[slot] for open_set in self.by_stamp)
        return any(frame is not None and frame.stamp_ns == stamp_ns for frame in frames)

    def open(self, slot: int, frame: Frame, deadline_ns: int, not_before_ns: int) -> OpenSet:
        """Begin a set with this frame; see OpenSet."""
        opened = OpenSet(self._slots, slot, frame, deadline_ns, not_before_ns)
        insort(self.by_stamp, opened, key=_by_stamp)
        self.due_ns = min(self.due_ns, opened.leaves_ns)
        return opened

    def left_without(self, slot: int, stamp_ns: int, slop_ns: int) -> bool:
        """True if a frame of this slot and stamp belongs to the last set that left."""
        return stamp_ns - self.left_ns <= slop_ns and slot in self._left_missing

    def close_due(self, awaited: Set[int], now_ns: int) -> Sequence[FrameSet]:
        """Close the sets that are complete or have reached their deadlines, and all older ones."""
        for open_set in reversed(self.by_stamp):
            if open_set.leaves_ns <= now_ns or awaited.isdisjoint(open_set.missing):
                return self.close_through(open_set, awaited, now_ns)
        return ()

    def close_through(self, last: OpenSet, awaited: Set[int], now_ns: int) -> list[FrameSet]:
        """Close this set and all older ones; return them, oldest first."""
        count = self.by_stamp.index(last) + 1
        closed = [open_set.close(awaited, now_ns) for open_set in self.by_stamp[:count]]
        del self.by_stamp[:count]
        self.left_ns, self._left_missing = last.stamp_ns, last.missing
        self.due_ns = min([open_set.leaves_ns for open_set in self.by_stamp]) if self.by_stamp else _NEVER_NS
        return closed
