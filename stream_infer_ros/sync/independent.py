"""No matching at all: streams that show different places, or whose results nobody joins."""

from __future__ import annotations

from collections.abc import Sequence

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.sync.frame_driven import FrameDriven
from stream_infer_ros.sync.frame_set import FrameSet, SetReason


class IndependentStreams(FrameDriven):
    """Every frame is a set of its own, at once.

    Drops: `duplicate` (the stamp that camera had last). One that goes back is taken: time may have jumped.

    Args:
        cameras: names; their order is the order of the slots.

    Raises:
        ConfigError: no cameras, or one twice; in `add`: a frame of a camera not named.
    """

    def __init__(self, cameras: Sequence[str]) -> None:
        super().__init__(cameras)
        self._newest_ns: list[int | None] = [None] * len(cameras)

    def add(self, frame: Frame, now_ns: int) -> Sequence[FrameSet]:
        slot = self._slots[frame.camera]
        if self._newest_ns[slot] == frame.stamp_ns:
            self._drops.count(frame.camera, 'duplicate')
            return ()
        self._newest_ns[slot] = frame.stamp_ns
        frames: list[Frame | None] = [None] * len(self._slots)
        frames[slot] = frame
        return (FrameSet(frame.stamp_ns, tuple(frames), 0, SetReason.ARRIVED),)
