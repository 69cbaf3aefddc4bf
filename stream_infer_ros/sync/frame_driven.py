"""The common part of the policies without deadlines, in which only a frame closes a set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stream_infer_ros.drop_causes import DropCause
from stream_infer_ros.sync.drops import DropCounter
from stream_infer_ros.sync.frame_set import FrameSet
from stream_infer_ros.sync.roster import Roster
from stream_infer_ros.sync.stream_clock import StreamClock
from stream_infer_ros.sync.synchronizer import Settings


class FrameDriven:
    """A Synchronizer without `add`. `poll` has nothing to do.

    Args:
        cameras: their names, in the order of the slots of a set.
        settings: returns the settings in use at present.

    Raises:
        ConfigError: no camera, or one that is named twice.
    """

    clocks: Mapping[str, StreamClock] | None = None

    def __init__(self, cameras: Sequence[str], settings: Settings) -> None:
        self._slots = Roster(cameras)
        self._settings = settings
        self._drops = DropCounter(cameras)

    @property
    def slop_ns(self) -> int | None:
        return None

    @property
    def deadline_ns(self) -> int | None:
        return None

    def drops(self) -> Mapping[str, Mapping[DropCause, int]]:
        return self._drops.counts()

    def next_deadline_ns(self) -> int | None:
        return None

    def poll(self, now_ns: int) -> Sequence[FrameSet]:
        return ()
