"""The one contract that every matching policy keeps."""

from collections.abc import Sequence
from typing import Protocol

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.config.tree import SyncConfig
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

    @property
    def slop_ns(self) -> int | None:
        """Farthest a frame may lie from its set at present; None where the policy has no such bound."""
        ...

    def drops(self) -> dict[str, dict[str, int]]:
        """Frames lost so far, by camera and cause."""
        ...

    def retune(self, config: SyncConfig) -> None:
        """Take on the live settings (times, penalties) as far as the policy has them; nothing is lost by it.

        Sets that are open keep their deadline until the next frame joins them.
        """
        ...
