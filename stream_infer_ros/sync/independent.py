"""No matching at all: streams that show different places, or whose results nobody joins."""

from __future__ import annotations

from collections.abc import Sequence

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.config.tree import SyncConfig
from stream_infer_ros.sync.drops import DropCounter
from stream_infer_ros.sync.frame_set import FrameSet, SetReason
from stream_infer_ros.sync.roster import roster, unknown_camera


class IndependentStreams:
    """Every frame is a set of its own, at once.

    Drops: `duplicate` (the stamp that camera had last). One that goes back is taken: time may have jumped.

    Args:
        cameras: names; their order is the order of the slots.

    Raises:
        ConfigError: no cameras, or one twice; in `add`: a frame of a camera not named.
    """

    def __init__(self, cameras: Sequence[str]) -> None:
        self._slots = roster(cameras)
        self._drops = DropCounter(cameras)
        self._newest_ns: list[int | None] = [None] * len(cameras)

    @property
    def slop_ns(self) -> int | None:
        return None

    def drops(self) -> dict[str, dict[str, int]]:
        return self._drops.snapshot()

    def retune(self, config: SyncConfig) -> None:
        """It has no settings."""

    def next_deadline_ns(self) -> int | None:
        return None

    def poll(self, now_ns: int) -> Sequence[FrameSet]:
        return ()

    def add(self, frame: Frame, now_ns: int) -> Sequence[FrameSet]:
        slot = self._slots.get(frame.camera)
        if slot is None:
            raise unknown_camera(frame.camera, self._slots)
        if self._newest_ns[slot] == frame.stamp_ns:
            self._drops.count(frame.camera, 'duplicate')
            return ()
        self._newest_ns[slot] = frame.stamp_ns
        frames: list[Frame | None] = [None] * len(self._slots)
        frames[slot] = frame
        return (FrameSet(frame.stamp_ns, tuple(frames), 0, SetReason.ARRIVED),)
