"""The default policy: frames of one moment form a set, which leaves at a deadline at the latest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.config.tree import SyncConfig
from stream_infer_ros.drop_causes import DropCause
from stream_infer_ros.sync.drops import DropCounter
from stream_infer_ros.sync.frame_set import FrameSet
from stream_infer_ros.sync.live_cameras import LiveCameras
from stream_infer_ros.sync.open_sets import OpenSet, OpenSets
from stream_infer_ros.sync.roster import Roster
from stream_infer_ros.sync.stream_clock import JUMP_NS, StreamClock
from stream_infer_ros.sync.synchronizer import Settings

_MAX_OPEN = 64  # sets; usually two or three are open
_LONG_AGO_NS = -(1 << 62)


class DeadlineSynchronizer:
    """Adds each frame to the open set that is nearest in time, within the slop of the mean stamp of the set.

    A set leaves as soon as no awaited camera is missing (see LiveCameras), but at the latest at its deadline.
    Older sets leave with it, so sets leave in the order of their stamps. The streams are in order, so that
    nothing more would come for the older sets.

    All frames may be late, because of slow cameras, a slow network or a recording with another clock. A set
    therefore stays open after the arrival of its first frame for at least the age of that frame, but no
    longer than the slop or the deadline.

    Time has jumped if the clock goes back, or the stamps of most live cameras: a recording started again, or
    a simulation was reset. Everything except the periods of the streams is then forgotten. If the stamps of
    only one of many cameras go back, that camera has a broken clock.

    Drops:
        late: its set or a newer one has left.
        duplicate: a frame of the same stamp has arrived before.
        future: it is stamped more than half a second ahead of its arrival.
        jump: time jumped while it was in an open set.

    Args:
        cameras: their names, in the order of the slots of a set.
        settings: returns the settings in use at present. A set leaves `deadline_ms` after its stamp. A frame
            may lie `slop_ms` from the stamp of its set. A slop of 0 stands for half of the shortest period of
            the live cameras, or for the deadline as long as no period is known. Sets do not wait for a camera
            that has been silent for `camera_timeout_ms`.

    Attributes:
        clocks: the clocks of the streams by camera. They may be read from any thread.

    Raises:
        ConfigError: no camera, or one that is named twice; in `add`: a frame of an unknown camera.
    """

    def __init__(self, cameras: Sequence[str], settings: Settings) -> None:
        self._settings = settings
        self._slots = Roster(cameras)
        self.clocks = {camera: StreamClock() for camera in cameras}
        self._clocks = tuple(self.clocks.values())  # by slot
        self._drops = DropCounter(cameras)
        self._sets = OpenSets(len(cameras))
        self._live = LiveCameras(self._clocks)
        self._went_back: set[int] = set()  # slots of the cameras whose latest stamp went back
        self._now_ns = _LONG_AGO_NS
        self._apply(settings())

    @property
    def slop_ns(self) -> int:
        return self._slop_ns

    def drops(self) -> Mapping[str, Mapping[DropCause, int]]:
        return self._drops.counts()

    def next_deadline_ns(self) -> int | None:
        return min(self._sets.due_ns, self._live.check_ns) if self._sets.by_stamp else None

    def poll(self, now_ns: int) -> Sequence[FrameSet]:
        config = self._settings()
        if config is not self._config:
            self._apply(config)
        if self._now_ns <= now_ns < self._sets.due_ns and now_ns < self._live.check_ns:
            self._now_ns = now_ns
            return ()
        if now_ns < self._now_ns - JUMP_NS:
            self._forget()
        self._now_ns = max(self._now_ns, now_ns)
        if now_ns >= self._live.check_ns:
            self._live.update(now_ns)
            self._tune_slop()
        return self._sets.close_due(self._live.awaited, now_ns)

    def add(self, frame: Frame, now_ns: int) -> Sequence[FrameSet]:
        slot, stamp_ns = self._slots[frame.camera], frame.stamp_ns
        closed = self.poll(now_ns)
        if stamp_ns > now_ns + JUMP_NS:
            self._drops.count(frame.camera, DropCause.FUTURE)
            return closed
        live, clock = self._live, self._clocks[slot]
        if slot not in live.heard_ns:
            live.add(slot, now_ns)
        live.heard_ns[slot] = now_ns
        newest_ns = clock.newest_stamp_ns
        if newest_ns is None or stamp_ns > newest_ns:
            if self._went_back:
                self._went_back.discard(slot)
            if clock.observe(stamp_ns):
                self._tune_slop()
        elif self._has_time_jumped(slot, newest_ns - stamp_ns):
            self._forget()
            return [*closed, *self.add(frame, now_ns)]  # as the first frame of all
        home = self._place(frame, slot, now_ns, newest_ns)
        if not isinstance(home, OpenSet):
            self._drops.count(frame.camera, home)
        elif live.awaited.isdisjoint(home.missing):
            return [*closed, *self._sets.close_through(home, live.awaited, now_ns)]
        elif len(self._sets.by_stamp) > _MAX_OPEN:
            return [*closed, *self._sets.close_through(self._sets.by_stamp[0], live.awaited, now_ns)]
        return closed

    def _place(self, frame: Frame, slot: int, now_ns: int, newest_ns: int | None) -> OpenSet | DropCause:
        """Return the open set that the frame was added to, or the reason to drop the frame.

        `newest_ns` is the newest stamp of the camera before this frame.
        """
        sets, stamp_ns = self._sets, frame.stamp_ns
        if stamp_ns == newest_ns:
            return DropCause.DUPLICATE
        if stamp_ns < sets.left_ns:
            return DropCause.LATE
        if newest_ns is not None and stamp_ns < newest_ns and sets.hold(slot, stamp_ns):
            return DropCause.DUPLICATE
        home = sets.join_nearest(slot, frame, self._slop_ns, self._deadline_ns)
        if home is not None:
            return home
        age_ns = now_ns - stamp_ns
        if age_ns > self._deadline_ns and sets.left_without(slot, stamp_ns, self._slop_ns):
            return DropCause.LATE
        not_before_ns = now_ns + min(age_ns, self._slop_ns, self._deadline_ns)
        return sets.open(slot, frame, self._deadline_ns, not_before_ns)

    def _has_time_jumped(self, slot: int, back_ns: int) -> bool:
        """True if the stamps of most live cameras went back; those of this camera went back by `back_ns`."""
        if back_ns <= JUMP_NS:
            self._went_back.discard(slot)
            return False
        self._went_back.add(slot)
        return self._live.most_of(self._went_back)

    def _apply(self, config: SyncConfig) -> None:
        """Use these settings from now on."""
        self._config = config
        self._deadline_ns = config.deadline_ns
        self._slop_ns = config.slop_ns or config.deadline_ns
        self._tune_slop()
        self._live.timeout_ns = config.camera_timeout_ns
        self._live.check_ns = self._now_ns  # look again in the next poll

    def _tune_slop(self) -> None:
        period_ns = self._live.shortest_period_ns()
        if period_ns and not self._config.slop_ms:
            self._slop_ns = period_ns // 2

    def _forget(self) -> None:
        """Start again after a jump of time."""
        for frame in self._sets.frames():
            self._drops.count(frame.camera, DropCause.JUMP)
        for clock in self._clocks:
            clock.restart()
        self._sets = OpenSets(len(self._slots))
        self._live.restart()
        self._went_back.clear()
        self._now_ns = _LONG_AGO_NS
