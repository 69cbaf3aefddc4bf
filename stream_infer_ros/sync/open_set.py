"""A set of frames that may still grow."""

from __future__ import annotations

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.sync.frame_set import FrameSet, SetReason


class OpenSet:
    """Frames of one moment, so far.

    Attributes:
        frames: one slot per camera.
        members: bit per camera that is in it.
        stamp_ns: mean of the stamps.
        oldest_ns, newest_ns: extremes of the stamps.
        leaves_ns: when it leaves, whoever is missing.
    """

    __slots__ = (
        '_count',
        '_first_ns',
        '_not_before_ns',
        '_offsets_ns',
        'frames',
        'leaves_ns',
        'members',
        'newest_ns',
        'oldest_ns',
        'stamp_ns',
    )

    def __init__(self, slots: int, slot: int, frame: Frame, deadline_ns: int, not_before_ns: int) -> None:
        """Open with one frame; it leaves `deadline_ns` after its stamp, but never before `not_before_ns`."""
        stamp_ns = frame.stamp_ns
        self.frames: list[Frame | None] = [None] * slots
        self.frames[slot] = frame
        self.members = 1 << slot
        self.stamp_ns = self.oldest_ns = self.newest_ns = self._first_ns = stamp_ns
        self._offsets_ns = 0  # small numbers: the sum of whole stamps would not fit 64 bits
        self._count = 1
        self._not_before_ns = not_before_ns
        self.leaves_ns = max(stamp_ns + deadline_ns, not_before_ns)

    def join(self, slot: int, frame: Frame, deadline_ns: int) -> None:
        stamp_ns = frame.stamp_ns
        self.frames[slot] = frame
        self.members |= 1 << slot
        self._count += 1
        self._offsets_ns += stamp_ns - self._first_ns
        self.stamp_ns = mean_ns = self._first_ns + self._offsets_ns // self._count
        if stamp_ns < self.oldest_ns:
            self.oldest_ns = stamp_ns
        elif stamp_ns > self.newest_ns:
            self.newest_ns = stamp_ns
        leaves_ns = mean_ns + deadline_ns
        self.leaves_ns = leaves_ns if leaves_ns > self._not_before_ns else self._not_before_ns

    def close(self, reason: SetReason) -> FrameSet:
        return FrameSet(self.stamp_ns, tuple(self.frames), self.newest_ns - self.oldest_ns, reason)
