"""The recent frames and sets, recorded so that matching in time can be explained."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from stream_infer_ros.sync.frame_set import FrameSet, SetReason
from stream_infer_ros.sync.stream_clock import JUMP_NS, StreamClock

SETS_KEPT = 64
ARRIVALS_KEPT = 16


class Arrival(NamedTuple):
    """One frame: its header stamp, and the time at which its bytes arrived, in nanoseconds of one clock."""

    stamp_ns: int
    received_ns: int


@dataclass(frozen=True, slots=True)
class SetRecord:
    """One set that left the synchronizer; `missing` are the configured cameras that are
    not in it, except those that take no image at its moment."""

    stamp_ns: int
    left_ns: int
    spread_ns: int
    reason: SetReason
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PartialRecord:
    """The last set without some camera.

    Attributes:
        record: the set.
        nearest: by missing camera, its frame with the stamp nearest to that of the set, or None. The frame
            may have arrived after the set had left.
        heard: by missing camera, its newest frame when the set left; None if there was none.
    """

    record: SetRecord
    nearest: dict[str, Arrival | None]
    heard: dict[str, Arrival | None]


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """The stream of one camera.

    Attributes:
        received: number of frames so far.
        period_ns: median interval of the stamps; 0 while unknown.
        jitter_ns: median deviation of the intervals from the period.
        missed: number of missing frames, estimated from gaps between regular stamps.
        recent: the last frames, oldest first.
        refusing: the number of images that were refused and the reason, if the newest was; else empty.
    """

    received: int
    period_ns: int
    jitter_ns: int
    missed: int
    recent: tuple[Arrival, ...]
    refusing: str = ''


@dataclass(slots=True)
class _Stream:
    received: int = 0
    recent: deque[Arrival] = field(default_factory=lambda: deque(maxlen=ARRIVALS_KEPT))


class SyncWatch:
    """Records frames as they arrive and sets as they leave, in constant memory.

    The thread that matches frames calls `arrived` and `left`. Any thread may call the other methods.

    Args:
        cameras: their names, in the order of the slots of a set.
        clocks: the clocks that the synchronizer keeps, by camera. If it keeps none, the watch does.
        refusing: returns `StreamRecord.refusing` of a camera.
    """

    def __init__(
        self,
        cameras: Sequence[str],
        clocks: Mapping[str, StreamClock] | None = None,
        refusing: Callable[[str], str] = lambda _: '',
    ) -> None:
        self._refusing = refusing
        self._cameras = tuple(cameras)
        self._clocks = clocks or {camera: StreamClock() for camera in cameras}
        self._keeps_clocks = clocks is None
        self._streams = {camera: _Stream() for camera in cameras}
        self._sets: deque[SetRecord] = deque(maxlen=SETS_KEPT)
        self._partial: PartialRecord | None = None
        self._lock = threading.Lock()

    def arrived(self, camera: str, stamp_ns: int, received_ns: int) -> None:
        """Record a frame. Call this before the synchronizer gets it."""
        arrival = Arrival(stamp_ns, received_ns)
        with self._lock:
            stream = self._streams[camera]
            stream.received += 1
            recent = stream.recent
            if recent and stamp_ns < recent[-1].stamp_ns - JUMP_NS:  # a recording started again
                recent.clear()
            recent.append(arrival)
            if self._keeps_clocks:
                _observe(self._clocks[camera], stamp_ns)
            partial = self._partial
            if partial is not None and camera in partial.nearest:
                known = partial.nearest[camera]
                partial.nearest[camera] = _nearest(
                    partial.record.stamp_ns, [arrival] if known is None else [known, arrival]
                )

    def left(self, frame_set: FrameSet, now_ns: int) -> None:
        """Record a set that left the synchronizer."""
        missing = tuple(self._cameras[slot] for slot in frame_set.missing)
        record = SetRecord(frame_set.stamp_ns, now_ns, frame_set.spread_ns, frame_set.reason, missing)
        with self._lock:
            self._sets.append(record)
            if missing:
                recent = {camera: self._streams[camera].recent for camera in missing}
                nearest = {camera: _nearest(record.stamp_ns, recent[camera]) for camera in missing}
                heard = {camera: known[-1] if known else None for camera, known in recent.items()}
                self._partial = PartialRecord(record, nearest, heard)

    def streams(self) -> dict[str, StreamRecord]:
        """Return the streams by camera, in configured order."""
        with self._lock:
            return {camera: self._stream(camera, self._refusing(camera)) for camera in self._cameras}

    def sets(self) -> tuple[SetRecord, ...]:
        """Return the last SETS_KEPT sets, oldest first."""
        with self._lock:
            return tuple(self._sets)

    def last_partial(self) -> PartialRecord | None:
        """Return the last set without some camera; None if there was none."""
        with self._lock:
            partial = self._partial
            return partial and PartialRecord(partial.record, dict(partial.nearest), dict(partial.heard))

    def _stream(self, camera: str, refusing: str) -> StreamRecord:
        stream, clock = self._streams[camera], self._clocks[camera]
        recent, missed = tuple(stream.recent), clock.missed
        if not clock.period_ns:  # the deadline policy does not clock frames that are stamped in the future
            clock = StreamClock()
            for arrival in recent:
                clock.observe(arrival.stamp_ns)
        return StreamRecord(stream.received, clock.period_ns, clock.jitter_ns, missed, recent, refusing)


def _observe(clock: StreamClock, stamp_ns: int) -> None:
    newest_ns = clock.newest_stamp_ns
    if newest_ns is not None and stamp_ns < newest_ns - JUMP_NS:
        clock.restart()
    clock.observe(stamp_ns)


def _nearest(stamp_ns: int, arrivals: Iterable[Arrival]) -> Arrival | None:
    return min(arrivals, key=lambda arrival: abs(arrival.stamp_ns - stamp_ns), default=None)
