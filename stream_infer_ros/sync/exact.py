"""Frames of one and the same stamp: for cameras behind one trigger."""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.sync.frame_driven import FrameDriven
from stream_infer_ros.sync.frame_set import FrameSet
from stream_infer_ros.sync.matched import matched_set


class ExactSynchronizer(FrameDriven):
    """Set for set what message_filters' C++ ExactTime policy makes of the same frames.

    A set holds a frame of every camera, all of the same stamp; older ones that are not complete go with it.

    Drops: `overflow` (too many stamps waiting), `unmatched` (a newer set was complete first), `duplicate`
    (another frame of that camera and stamp took its place).

    Args:
        cameras: names; their order is the order of the slots.
        queue_size: stamps that may wait.

    Raises:
        ConfigError: no cameras, or one twice; in `add`: a frame of a camera not named.
    """

    def __init__(self, cameras: Sequence[str], queue_size: int) -> None:
        super().__init__(cameras)
        self._queue_size = queue_size
        self._stamps_ns: list[int] = []  # rising
        self._waiting: dict[int, list[Frame | None]] = {}  # by stamp

    @property
    def pending(self) -> int:
        """Frames that may still come into a set."""
        return sum(frame is not None for frames in self._waiting.values() for frame in frames)

    @property
    def slop_ns(self) -> int | None:
        return 0

    def add(self, frame: Frame, now_ns: int) -> Sequence[FrameSet]:
        slot = self._slots[frame.camera]
        stamp_ns = frame.stamp_ns
        frames = self._waiting.get(stamp_ns)
        if frames is None:
            frames = self._waiting[stamp_ns] = [None] * len(self._slots)
            insort(self._stamps_ns, stamp_ns)
        if frames[slot] is not None:
            self._drops.count(frame.camera, 'duplicate')
        frames[slot] = frame
        if None not in frames:
            self._stamps_ns.remove(stamp_ns)
            del self._waiting[stamp_ns]
            while self._stamps_ns and self._stamps_ns[0] <= stamp_ns:
                self._drop_oldest('unmatched')
            return (matched_set(frames),)
        if len(self._stamps_ns) > self._queue_size:
            self._drop_oldest('overflow')
        return ()

    def _drop_oldest(self, cause: str) -> None:
        for frame in self._waiting.pop(self._stamps_ns.pop(0)):
            if frame is not None:
                self._drops.count(frame.camera, cause)
