"""What the policies share that know no deadline: only a frame closes a set."""

from __future__ import annotations

from collections.abc import Sequence

from stream_infer_ros.config.tree import SyncConfig
from stream_infer_ros.sync.drops import DropCounter
from stream_infer_ros.sync.frame_set import FrameSet
from stream_infer_ros.sync.roster import Roster


class FrameDriven:
    """All of a Synchronizer but `add`: time alone changes nothing, and there is nothing to tune.

    Args:
        cameras: names; their order is the order of the slots.

    Raises:
        ConfigError: no cameras, or one twice.
    """

    def __init__(self, cameras: Sequence[str]) -> None:
        self._slots = Roster(cameras)
        self._drops = DropCounter(cameras)

    @property
    def slop_ns(self) -> int | None:
        return None

    def drops(self) -> dict[str, dict[str, int]]:
        return self._drops.snapshot()

    def retune(self, config: SyncConfig) -> None:
        pass

    def next_deadline_ns(self) -> int | None:
        return None

    def poll(self, now_ns: int) -> Sequence[FrameSet]:
        return ()
