"""The second step: frames of several cameras become sets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.config.tree import CameraOptions
from stream_infer_ros.pipeline.health.statistics import Stage, Statistics
from stream_infer_ros.pipeline.health.sync_watch import SyncWatch
from stream_infer_ros.pipeline.steps.read import Tick
from stream_infer_ros.sync.frame_set import FrameSet
from stream_infer_ros.sync.rate_caps import RateCaps
from stream_infer_ros.sync.synchronizer import Synchronizer


class Matcher:
    """Feeds the synchronizer, and records what it does. Used by one thread.

    Args:
        options: returns the options of the cameras in use at present, by camera: time offsets and rate caps.
        caps: leaves out frames of the cameras with a rate cap.
    """

    def __init__(
        self,
        synchronizer: Synchronizer,
        watch: SyncWatch,
        statistics: Statistics,
        options: Callable[[], Mapping[str, CameraOptions]],
        caps: RateCaps,
    ) -> None:
        self._synchronizer = synchronizer
        self._watch = watch
        self._statistics = statistics
        self._options = options
        self._caps = caps

    def __call__(self, frames: Iterable[Frame | Tick]) -> Iterator[FrameSet]:
        """Yield each set as it is closed, by a frame or by the time."""
        for message in frames:
            frame = message
            if isinstance(frame, Tick):
                now_ns = frame.now_ns
                closed = self._synchronizer.poll(now_ns)
            else:
                options = self._options().get(frame.camera)
                if options is not None:
                    if options.time_offset_ms:
                        offset_ns = options.time_offset_ns
                        frame = replace(frame, stamp_ns=frame.stamp_ns + offset_ns, time_offset_ns=offset_ns)
                    rate_hz = options.max_rate_hz
                    if rate_hz and not self._caps.uses(frame.camera, frame.stamp_ns, rate_hz):
                        continue
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
