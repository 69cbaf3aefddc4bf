"""The one contract that every matching policy keeps."""

from collections.abc import Sequence
from typing import Protocol

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.sync.frame_set import FrameSet


class Synchronizer(Protocol):
    """Joins frames of several cameras in time. No threads, and no clock of its own."""

    def add(self, frame: Frame, now_ns: int) -> Sequence[FrameSet]:
        """Take one frame that arrived at `now_ns`; return the sets it closed, oldest first."""
        ...

    def poll(self, now_ns: int) -> Sequence[FrameSet]:
        """Return the sets whose time has run out at `now_ns`, oldest first."""
        ...

    def next_deadline_ns(self) -> int | None:
        """When `poll` next has something to do, nanoseconds; None if only a frame can change anything."""
        ...

    def drops(self) -> dict[str, dict[str, int]]:
        """Frames lost so far, by camera and cause."""
        ...
