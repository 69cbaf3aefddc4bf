"""Construction of the sets of the policies without deadlines."""

from __future__ import annotations

from collections.abc import Sequence

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.sync.frame_set import FrameSet, SetReason


def matched_set(slots: Sequence[Frame | None]) -> FrameSet:
    """Return a set of these frames, at least one; its stamp is the mean of theirs."""
    stamps_ns = [frame.stamp_ns for frame in slots if frame is not None]
    first_ns = stamps_ns[0]
    mean_ns = first_ns + sum([stamp_ns - first_ns for stamp_ns in stamps_ns]) // len(stamps_ns)
    return FrameSet(mean_ns, tuple(slots), max(stamps_ns) - min(stamps_ns), SetReason.MATCHED)
