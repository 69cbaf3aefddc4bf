"""One set after inference, on its way to the map and the outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.inference.detections import Perception
from stream_infer_ros.mapping import GridSnapshot, GroundObject, PolarScan, View
from stream_infer_ros.sync.frame_set import FrameSet


@dataclass(frozen=True, slots=True, eq=False)
class PerceivedSet:
    """What the cameras of one set saw: frames, their sizes (width, height) and perceptions.

    All of one length and in one order, that of their results.

    Attributes:
        published_ns: when the detections of each were published; empty where they are still to be.
        publishing_ns: how long that took, together.
    """

    frame_set: FrameSet
    frames: Sequence[Frame]
    sizes: Sequence[tuple[int, int]]
    perceptions: Sequence[Perception]
    published_ns: Sequence[int] = ()
    publishing_ns: int = 0

    @property
    def partial(self) -> bool:
        """True if some configured camera has no result in it."""
        there = sum(frame is not None for frame in self.frame_set.frames)
        return self.frame_set.partial or len(self.frames) < there

    def out(self, set_out_ns: int) -> Iterator[tuple[Frame, int]]:
        """Each frame, and when its detections were out: with the set, if not before."""
        return zip(self.frames, self.published_ns or repeat(set_out_ns), strict=False)

    @property
    def oldest_stamp_ns(self) -> int:
        """Stamp of the frame that waited longest; the set's own where no frame is left."""
        return min((frame.stamp_ns for frame in self.frames), default=self.frame_set.stamp_ns)


@dataclass(frozen=True, slots=True, eq=False)
class FusedSet:
    """One set with what it gave: scans by camera; `grid` is None where no map is wanted."""

    perceived: PerceivedSet
    views: Sequence[View] = ()
    scans: Mapping[str, PolarScan] = field(default_factory=dict)
    grid: GridSnapshot | None = None
    objects: Sequence[GroundObject] = ()
