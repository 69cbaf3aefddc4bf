"""The second step: frames of several cameras become sets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.pipeline.health.statistics import Stage, Statistics
from stream_infer_ros.pipeline.health.sync_watch import SyncWatch
from stream_infer_ros.pipeline.steps.read import Tick
from stream_infer_ros.sync.frame_set import FrameSet
from stream_infer_ros.sync.synchronizer import Synchronizer


class Matcher:
    """Feeds the synchronizer, and records what it does. Used by one thread."""

    def __init__(self, synchronizer: Synchronizer, watch: SyncWatch, statistics: Statistics) -> None:
        self._synchronizer = synchronizer
        self._watch = watch
        self._statistics = statistics

    def __call__(self, frames: Iterable[Frame | Tick]) -> Iterator[FrameSet]:
        """Yield each set as it is closed, by a frame or by the time."""
        for frame in frames:
            if isinstance(frame, Tick):
                now_ns = frame.now_ns
                closed = self._synchronizer.poll(now_ns)
            else:
                now_ns = frame.received_ns
                self._watch.arrived(frame.camera, frame.stamp_ns, now_ns)
                closed = self._synchronizer.add(frame, now_ns)
            for frame_set in closed:
                self._watch.left(frame_set, now_ns)
                for one in frame_set.there:
                    self._statistics.took(Stage.WAIT, now_ns - one.received_ns, one.camera)
                yield frame_set

    def next_deadline_ns(self) -> int | None:
        """Return when a set has to be closed next; None if only a frame can change anything."""
        return self._synchronizer.next_deadline_ns()
