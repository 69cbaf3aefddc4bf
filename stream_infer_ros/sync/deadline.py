"""The default policy: frames meet by stamp, and nobody is waited for beyond a deadline."""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping, Sequence
from operator import attrgetter

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.config.tree import SyncConfig
from stream_infer_ros.drop_causes import DropCause
from stream_infer_ros.sync.drops import DropCounter
from stream_infer_ros.sync.frame_set import FrameSet, SetReason
from stream_infer_ros.sync.open_set import OpenSet
from stream_infer_ros.sync.roster import Roster
from stream_infer_ros.sync.stream_clock import StreamClock, StreamHealth
from stream_infer_ros.sync.synchronizer import Settings

JUMP_NS = 500_000_000  # clock or stamps going back farther than any reordering; stamps ahead of their arrival
_MAX_OPEN = 64  # sets; two or three are the rule
_NEVER_NS = 1 << 62
_NOTHING: tuple[FrameSet, ...] = ()
_by_stamp = attrgetter('stamp_ns')


class DeadlineSynchronizer:
    """A frame joins the nearest open set with its slot free, within the slop of the set's mean stamp.

    A set leaves when every live or still expected camera is in it, or at its deadline, or just before a newer
    set does: sets come out in order of their stamps, and as streams are in order, nothing more would come for
    the older.

    A camera is live from its first frame until it has not been heard for `camera_timeout_ns` (two and a half
    of its periods, if that is longer). After a camera has died, sets leave at their deadline until it is
    known to be silent; those never heard are expected for `camera_timeout_ns` from the first frame of any.

    A set whose first frame took more than half of the deadline to arrive (slow cameras or network, a
    recording with another clock) waits as long again as that frame took, at most the slop or the deadline, so
    that late frames still meet.

    When the clock goes back, or the stamps of most live cameras (one alone may have a broken clock), time has
    jumped: a bag looped, a simulation was reset. Everything but the streams' periods is then forgotten.

    Drops: `late` (its set, or a newer one, has left), `duplicate` (that stamp was there before), `future`
    (stamped more than half a second ahead of its arrival), `jump` (time jumped over it).

    Args:
        cameras: names; their order is the order of the slots.
        deadline_ns: a set leaves this long after its stamp.
        slop_ns: farthest a frame may lie from a set's mean; 0: half the shortest period of the live cameras.
            Until one is known (four frames of a camera) the deadline stands in: no set waits longer anyway.
        camera_timeout_ns: silence after which a camera is not waited for.

    Raises:
        ConfigError: no cameras, or one twice; in `add`: a frame of a camera not named.
    """

    _open: list[OpenSet]  # by stamp
    _live: int  # a bit per camera
    _unheard: int  # a bit per camera never heard, but still expected
    _awaited: int  # live or unheard: whom a set waits for
    _begun_ns: int  # when the first frame came
    _gone_back: int  # a bit per camera whose stamps went back
    _now_ns: int
    _silence_ns: int  # no camera falls silent before
    _due_ns: int  # no set is due before
    _left_ns: int  # stamp of the last set that left
    _left_members: int

    def __init__(
        self,
        cameras: Sequence[str],
        settings: Settings,
    ) -> None:
        self._slots = Roster(cameras)
        self._settings = settings
        self._clocks = [StreamClock() for _ in cameras]
        self._drops = DropCounter(cameras)
        self._forget()
        self._apply(settings())

    @property
    def slop_ns(self) -> int:
        """Farthest a frame may lie from a set's mean at present."""
        return self._slop_ns

    @property
    def pending(self) -> int:
        """Frames in sets that have not left."""
        return sum(open_set.members.bit_count() for open_set in self._open)

    def drops(self) -> Mapping[str, Mapping[DropCause, int]]:
        return self._drops.counts()

    def _apply(self, config: SyncConfig) -> None:
        self._config = config
        self._deadline_ns = config.deadline_ns
        self._automatic = config.slop_ns == 0
        self._slop_ns = config.slop_ns or config.deadline_ns
        self._camera_timeout_ns = config.camera_timeout_ns
        if self._automatic:
            self._tune_slop()
        self._silence_ns = self._now_ns  # found anew at the next poll

    def health(self) -> dict[str, StreamHealth]:
        """By camera; phases are relative to the first camera that was heard."""
        stamps = (clock.newest_stamp_ns for clock in self._clocks)
        reference_ns = next((stamp_ns for stamp_ns in stamps if stamp_ns is not None), None)
        return {camera: self._clocks[slot].health(reference_ns) for camera, slot in self._slots.items()}

    def next_deadline_ns(self) -> int | None:
        return min(self._due_ns, self._silence_ns) if self._open else None

    def poll(self, now_ns: int) -> Sequence[FrameSet]:
        config = self._settings()
        if config is not self._config:
            self._apply(config)
        return self._poll(now_ns)

    def _poll(self, now_ns: int) -> Sequence[FrameSet]:
        if now_ns < self._now_ns - JUMP_NS:
            self._jump()
        self._now_ns = max(self._now_ns, now_ns)
        if now_ns >= self._silence_ns:
            self._note_silence(now_ns)
        elif now_ns < self._due_ns:
            return _NOTHING
        leaving = 0
        for position, open_set in enumerate(self._open, start=1):
            if open_set.leaves_ns <= now_ns or not self._awaited & ~open_set.members:
                leaving = position
        return self._leave(leaving, now_ns) if leaving else _NOTHING

    def add(self, frame: Frame, now_ns: int) -> Sequence[FrameSet]:
        config = self._settings()
        if config is not self._config:
            self._apply(config)
        slot = self._slots[frame.camera]
        closed: Sequence[FrameSet] = _NOTHING
        if self._now_ns <= now_ns < self._due_ns and now_ns < self._silence_ns:
            self._now_ns = now_ns
        else:
            closed = self._poll(now_ns)
        stamp_ns = frame.stamp_ns
        if stamp_ns > now_ns + JUMP_NS:
            self._drops.count(frame.camera, DropCause.FUTURE)
            return closed
        bit = 1 << slot
        clock = self._clocks[slot]
        newest_ns = clock.newest_stamp_ns
        if newest_ns is not None and stamp_ns < newest_ns - JUMP_NS:
            if self._most_went_back(bit):
                self._jump()
                return [*closed, *self.add(frame, now_ns)]
        elif self._gone_back:
            self._gone_back &= ~bit
        if not self._live & bit:
            self._begun_ns = min(self._begun_ns, now_ns)
            self._live |= bit
            self._unheard &= ~bit
            self._awaited = self._live | self._unheard
            self._silence_ns = min(self._silence_ns, now_ns + self._camera_timeout_ns)
        if clock.observe(stamp_ns, now_ns) and self._automatic:
            self._tune_slop()
        if stamp_ns == newest_ns or stamp_ns < self._left_ns:
            self._drops.count(frame.camera, DropCause.DUPLICATE if stamp_ns == newest_ns else DropCause.LATE)
            return closed
        leaving = self._place(frame, slot, now_ns)
        return [*closed, *self._leave(leaving, now_ns)] if leaving else closed

    def _place(self, frame: Frame, slot: int, now_ns: int) -> int:
        """Put the frame into a set; how many of the oldest sets have to leave for it."""
        stamp_ns, slop_ns = frame.stamp_ns, self._slop_ns
        reach_ns = 2 * slop_ns  # means wander: without it a chain of frames could spread wider, one by one
        home, least_ns = None, slop_ns + 1
        for open_set in self._open:
            held = open_set.frames[slot]
            if held is None:
                distance_ns = abs(stamp_ns - open_set.stamp_ns)
                if (
                    distance_ns < least_ns
                    and open_set.newest_ns - reach_ns <= stamp_ns <= open_set.oldest_ns + reach_ns
                ):
                    home, least_ns = open_set, distance_ns
            elif held.stamp_ns == stamp_ns:
                self._drops.count(frame.camera, DropCause.DUPLICATE)
                return 0
        if home is None:
            return self._open_set(frame, slot, now_ns)
        home.join(slot, frame, self._deadline_ns)
        if len(self._open) > 1:
            self._open.sort(key=_by_stamp)
            self._due_ns = min([open_set.leaves_ns for open_set in self._open])
        else:
            self._due_ns = home.leaves_ns
        return 0 if self._awaited & ~home.members else self._open.index(home) + 1

    def _open_set(self, frame: Frame, slot: int, now_ns: int) -> int:
        stamp_ns = frame.stamp_ns
        age_ns = now_ns - stamp_ns
        if (
            age_ns > self._deadline_ns
            and stamp_ns - self._left_ns <= self._slop_ns
            and not self._left_members >> slot & 1
        ):
            self._drops.count(frame.camera, DropCause.LATE)
            return 0
        not_before_ns = now_ns + min(age_ns, self._slop_ns, self._deadline_ns)
        home = OpenSet(len(self._slots), slot, frame, self._deadline_ns, not_before_ns)
        insort(self._open, home, key=_by_stamp)
        self._due_ns = min(self._due_ns, home.leaves_ns)
        if self._awaited & ~home.members:
            return int(len(self._open) > _MAX_OPEN)
        return self._open.index(home) + 1

    def _leave(self, count: int, now_ns: int) -> list[FrameSet]:
        """Close the `count` oldest sets."""
        closed = []
        for open_set in self._open[:count]:
            if not self._awaited & ~open_set.members:
                reason = SetReason.COMPLETE
            elif open_set.leaves_ns <= now_ns:
                reason = SetReason.DEADLINE
            else:
                reason = SetReason.OVERTAKEN
            closed.append(open_set.close(reason))
            self._left_ns, self._left_members = open_set.stamp_ns, open_set.members
        del self._open[:count]
        self._due_ns = min([open_set.leaves_ns for open_set in self._open], default=_NEVER_NS)
        return closed

    def _note_silence(self, now_ns: int) -> None:
        """Take cameras that fell silent off the live ones, and find when the next could."""
        self._silence_ns = _NEVER_NS
        for slot, clock in enumerate(self._clocks):
            if self._live >> slot & 1 and clock.last_heard_ns is not None:
                patience_ns = max(self._camera_timeout_ns, clock.period_ns * 5 // 2)
                silent_from_ns = clock.last_heard_ns + patience_ns
                if silent_from_ns <= now_ns:
                    self._live &= ~(1 << slot)
                else:
                    self._silence_ns = min(self._silence_ns, silent_from_ns)
        if now_ns >= self._begun_ns + self._camera_timeout_ns:
            self._unheard = 0
        elif self._unheard:
            self._silence_ns = min(self._silence_ns, self._begun_ns + self._camera_timeout_ns)
        self._awaited = self._live | self._unheard
        if self._automatic:
            self._tune_slop()

    def _tune_slop(self) -> None:
        live = [clock for slot, clock in enumerate(self._clocks) if self._live >> slot & 1]
        self._slop_ns = min([c.period_ns for c in live if c.period_ns], default=2 * self._slop_ns) // 2

    def _most_went_back(self, bit: int) -> bool:
        """Whether, with this camera, the stamps of more than half of the live cameras have gone back."""
        self._gone_back |= bit
        return 2 * (self._gone_back & (self._live | bit)).bit_count() > (self._live | bit).bit_count()

    def _jump(self) -> None:
        for open_set in self._open:
            for frame in open_set.frames:
                if frame is not None:
                    self._drops.count(frame.camera, DropCause.JUMP)
        for clock in self._clocks:
            clock.restart()
        self._forget()

    def _forget(self) -> None:
        self._open = []
        self._live = self._gone_back = self._left_members = 0
        self._unheard = self._awaited = (1 << len(self._slots)) - 1
        self._begun_ns = _NEVER_NS
        self._now_ns = self._left_ns = -_NEVER_NS
        self._silence_ns = self._due_ns = _NEVER_NS
