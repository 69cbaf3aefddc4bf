"""What is remembered of frames and sets, so that matching in time can be explained afterwards."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from stream_infer_ros.sync.deadline import JUMP_NS
from stream_infer_ros.sync.frame_set import FrameSet, SetReason
from stream_infer_ros.sync.stream_clock import StreamClock, StreamHealth

SETS_KEPT = 64
ARRIVALS_KEPT = 16


@dataclass(frozen=True, slots=True)
class Arrival:
    """One frame: its header stamp, and when its bytes came; nanoseconds of one clock."""

    stamp_ns: int
    received_ns: int


@dataclass(frozen=True, slots=True)
class SetRecord:
    """One set that left the synchronizer; `missing` are the configured cameras that are not in it."""

    stamp_ns: int
    left_ns: int
    spread_ns: int
    reason: SetReason
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PartialRecord:
    """The last set that lacked a camera.

    Attributes:
        record: the set.
        nearest: by missing camera, its frame closest to the set in time, whenever it came; None: none.
        heard: by missing camera, its newest frame when the set left; None: none yet.
    """

    record: SetRecord
    nearest: dict[str, Arrival | None]
    heard: dict[str, Arrival | None]


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """One camera: health of its stream (phase 0), its period, and its last frames, oldest first."""

    health: StreamHealth
    period_ns: int
    recent: tuple[Arrival, ...]


@dataclass(slots=True)
class _Stream:
    clock: StreamClock = field(default_factory=StreamClock)
    recent: deque[Arrival] = field(default_factory=lambda: deque(maxlen=ARRIVALS_KEPT))


class SyncWatch:
    """Looks on as frames come and sets leave, in constant memory; the same for every policy.

    Written to by the thread that matches, read by any.
    """

    def __init__(self, cameras: Sequence[str]) -> None:
        self._cameras = tuple(cameras)
        self._streams = {camera: _Stream() for camera in cameras}
        self._sets: deque[SetRecord] = deque(maxlen=SETS_KEPT)
        self._partial: PartialRecord | None = None
        self._lock = threading.Lock()

    def arrived(self, camera: str, stamp_ns: int, received_ns: int) -> None:
        """A frame came; to be told before the synchronizer has it."""
        arrival = Arrival(stamp_ns, received_ns)
        with self._lock:
            stream = self._streams[camera]
            newest_ns = stream.clock.newest_stamp_ns
            if newest_ns is not None and stamp_ns < newest_ns - JUMP_NS:  # a bag looped, a simulation reset
                stream.clock.restart()
                stream.recent.clear()
            stream.clock.observe(stamp_ns, received_ns)
            stream.recent.append(arrival)
            partial = self._partial
            if partial is not None and camera in partial.nearest:
                known = partial.nearest[camera]
                partial.nearest[camera] = _nearer(partial.record.stamp_ns, known, arrival)

    def left(self, frame_set: FrameSet, now_ns: int) -> None:
        """A set left the synchronizer."""
        slots = zip(self._cameras, frame_set.frames, strict=True)
        missing = tuple(camera for camera, frame in slots if frame is None and frame_set.partial)
        record = SetRecord(frame_set.stamp_ns, now_ns, frame_set.spread_ns, frame_set.reason, missing)
        with self._lock:
            self._sets.append(record)
            if missing:
                recent = {camera: self._streams[camera].recent for camera in missing}
                heard = {camera: known[-1] if known else None for camera, known in recent.items()}
                nearest = {camera: _nearest(record.stamp_ns, recent[camera]) for camera in missing}
                self._partial = PartialRecord(record, nearest, heard)

    def streams(self) -> dict[str, StreamRecord]:
        """By camera, in configured order."""
        with self._lock:
            return {
                camera: StreamRecord(stream.clock.health(), stream.clock.period_ns, tuple(stream.recent))
                for camera, stream in self._streams.items()
            }

    def sets(self) -> tuple[SetRecord, ...]:
        """The last SETS_KEPT, oldest first."""
        with self._lock:
            return tuple(self._sets)

    def last_partial(self) -> PartialRecord | None:
        """The last set that lacked a camera; None if there was none."""
        with self._lock:
            partial = self._partial
            return partial and PartialRecord(partial.record, dict(partial.nearest), dict(partial.heard))


def _nearer(stamp_ns: int, known: Arrival | None, new: Arrival) -> Arrival:
    if known is None or abs(new.stamp_ns - stamp_ns) < abs(known.stamp_ns - stamp_ns):
        return new
    return known


def _nearest(stamp_ns: int, arrivals: deque[Arrival]) -> Arrival | None:
    return min(arrivals, key=lambda arrival: abs(arrival.stamp_ns - stamp_ns), default=None)
