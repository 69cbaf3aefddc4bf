"""The policy without matching, for streams that are processed independently of each other."""

from __future__ import annotations

from collections.abc import Sequence

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.drop_causes import DropCause
from stream_infer_ros.sync.frame_driven import FrameDriven
from stream_infer_ros.sync.frame_set import FrameSet, SetReason
from stream_infer_ros.sync.synchronizer import Settings


class IndependentStreams(FrameDriven):
    """Returns each frame at once, as a set with a single frame.

    Drops: `duplicate` (the same stamp as the previous frame of the camera). Stamps may go back, because time
    may have jumped.

    Args:
        cameras: their names, in the order of the slots of a set.
        settings: returns the settings in use at present.

    Raises:
        ConfigError: no camera, or one that is named twice; in `add`: a frame of an unknown camera.
    """

    def __init__(self, cameras: Sequence[str], settings: Settings) -> None:
        super().__init__(cameras, settings)
        self._newest_ns: list[int | None] = [None] * len(cameras)

    def add(self, frame: Frame, now_ns: int) -> Sequence[FrameSet]:
        slot = self._slots[frame.camera]
        if self._newest_ns[slot] == frame.stamp_ns:
            self._drops.count(frame.camera, DropCause.DUPLICATE)
            return ()
        self._newest_ns[slot] = frame.stamp_ns
        frames: list[Frame | None] = [None] * len(self._slots)
        frames[slot] = frame
        return (FrameSet(frame.stamp_ns, tuple(frames), 0, SetReason.ARRIVED),)
