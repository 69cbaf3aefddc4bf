"""The default policy: frames of one moment form a set, which leaves at a deadline at the latest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.config.tree import SyncConfig
from stream_infer_ros.drop_causes import DropCause
from stream_infer_ros.sync.derived_deadline import DerivedDeadline
from stream_infer_ros.sync.drops import DropCounter
from stream_infer_ros.sync.frame_set import FrameSet, SetReason
from stream_infer_ros.sync.live_cameras import LiveCameras
from stream_infer_ros.sync.moments import Moments
from stream_infer_ros.sync.open_sets import OpenSet, OpenSets
from stream_infer_ros.sync.roster import Roster
from stream_infer_ros.sync.stream_clock import JUMP_NS, StreamClock
from stream_infer_ros.sync.synchronizer import Settings

_REMEMBERED_FRAMES = 200  # after one that was out of order
_MAX_OPEN = 64  # sets; usually two or three are open
_LONG_AGO_NS = -(1 << 62)
_NOBODY = frozenset[int]()

# Python 3.10 and 3.11 need 0.3 us to look up a member of an enum, a tenth of the time of a whole frame.
_LATE, _DUPLICATE = DropCause.LATE, DropCause.DUPLICATE
_COMPLETE, _DEADLINE, _OVERTAKEN = SetReason.COMPLETE, SetReason.DEADLINE, SetReason.OVERTAKEN


class DeadlineSynchronizer:
    """Adds each frame to the set of its moment, see Moments.

    While no moments are known, and if a frame does not fit into the set of its moment, it is added to the
    open set that is nearest in time, within the slop of the mean stamp of the set. The spread of a set is at
    most twice the slop.

    A set leaves as soon as no awaited camera is missing (see LiveCameras), but at the latest at its deadline.
    A camera with a longer period than the others is only awaited if it takes an image at the moment of the
    set. Sets leave in the order of their stamps. An incomplete set leaves as soon as a newer one is complete
    and newer frames of its missing cameras have arrived, since streams are in order. If a stream was not in
    order recently, sets wait for it until their deadline.

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
        settings: returns the settings in use at present. A set leaves `deadline_ms` after its stamp; 0 stands
            for the time that frames were observed to need, between `deadline_ns` and `longest_deadline_ns`. A
            frame may lie `slop_ms` from its set. A slop of 0 stands for half of the shortest period of the
            live cameras, or for the deadline as long as no period is known. Sets do not wait for a camera
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
        self._moments = Moments(self._clocks)
        self._out_of_order: dict[int, int] = {}  # slot -> number of frames for which this is remembered
        self._derived: DerivedDeadline | None = None  # None if the user has set a deadline
        self._went_back: set[int] = set()  # slots of the cameras whose latest stamp went back
        self._now_ns = _LONG_AGO_NS
        self._apply(settings())

    @property
    def slop_ns(self) -> int:
        return self._slop_ns

    @property
    def deadline_ns(self) -> int:
        return self._deadline_ns

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
        if now_ns >= self._live.check_ns and self._live.update(now_ns):
            self._moments.is_provisional = True  # learn with the next frame
        return self._leave(now_ns)

    def add(self, frame: Frame, now_ns: int) -> Sequence[FrameSet]:
        slot, stamp_ns = self._slots[frame.camera], frame.stamp_ns
        closed = self.poll(now_ns)
        if stamp_ns > now_ns + JUMP_NS:
            self._drops.count(frame.camera, DropCause.FUTURE)
            return closed
        live, clock, moments = self._live, self._clocks[slot], self._moments
        if slot not in live.heard_ns:
            live.add(slot, now_ns)
            moments.start(slot, stamp_ns)
        live.heard_ns[slot] = now_ns
        newest_ns = clock.newest_stamp_ns
        if newest_ns is None or stamp_ns > newest_ns:
            if self._went_back or self._out_of_order:
                self._note_order(slot)
            if clock.observe(stamp_ns) or moments.is_provisional:
                self._learn_from(slot, now_ns)
            number = moments.observe(slot, stamp_ns) if moments.period_ns else None
            home = self._place(frame, slot, now_ns, number)
        elif self._has_time_jumped(slot, newest_ns - stamp_ns):
            self._forget()
            return [*closed, *self.add(frame, now_ns)]  # as the first frame of all
        else:
            home = self._place_older(frame, slot, now_ns, newest_ns)
        if home is None:
            return closed
        slower = moments.slower
        if live.awaited.isdisjoint(home.missing) or (slower and (slot in slower or self._is_complete(home))):
            return [*closed, *self._leave(now_ns)]
        if len(self._sets.by_stamp) > _MAX_OPEN:
            return [*closed, *self._close(1, now_ns)]
        return closed

    # The set of a frame.

    def _place(self, frame: Frame, slot: int, now_ns: int, number: int | None) -> OpenSet | None:
        """Return the open set that the frame was added to; None if it was dropped."""
        sets, stamp_ns = self._sets, frame.stamp_ns
        if stamp_ns < sets.left_ns:
            self._drops.count(frame.camera, _LATE)
            return None
        if number is not None:
            home = sets.by_number.get(number)
            if home is None:
                if number > self._moments.left_number:
                    return self._begin(frame, slot, now_ns, number)
            elif home.frames[slot] is None and home.earliest_ns <= stamp_ns <= home.latest_ns:
                return self._join(home, frame, slot, now_ns)
        home = sets.nearest(slot, stamp_ns, self._slop_ns)
        # A frame whose moment has left would take the place of a later frame of its camera in a numbered set.
        if home is not None and (number is None or number > self._moments.left_number or home.number is None):
            return self._join(home, frame, slot, now_ns)
        age_ns = now_ns - stamp_ns
        if sets.left_without(slot, stamp_ns, self._slop_ns, number == self._moments.left_number):
            self._note_wait(now_ns - sets.left_ns, age_ns + self._moments.spread_ns)
            if age_ns > self._deadline_ns:
                self._drops.count(frame.camera, _LATE)
                return None
        return self._begin(frame, slot, now_ns)

    def _place_older(self, frame: Frame, slot: int, now_ns: int, newest_ns: int) -> OpenSet | None:
        """Place a frame that is not newer than the one of its camera before."""
        sets, moments, stamp_ns = self._sets, self._moments, frame.stamp_ns
        if stamp_ns == newest_ns or (stamp_ns >= sets.left_ns and sets.hold(slot, stamp_ns)):
            self._drops.count(frame.camera, _DUPLICATE)
            return None
        self._out_of_order[slot] = _REMEMBERED_FRAMES
        number = moments.number(slot, stamp_ns) if moments.period_ns else None
        return self._place(frame, slot, now_ns, number)

    def _join(self, home: OpenSet, frame: Frame, slot: int, now_ns: int) -> OpenSet:
        derived, sets = self._derived, self._sets
        if derived is not None and now_ns - home.stamp_ns > derived.recent_ns:
            self._note_wait(now_ns - home.stamp_ns, now_ns - home.oldest_ns)
        home.join(slot, frame, self._deadline_ns)
        if len(sets.by_stamp) > 1:
            sets.sort()
        else:
            sets.due_ns = home.leaves_ns
        return home

    def _begin(self, frame: Frame, slot: int, now_ns: int, number: int | None = None) -> OpenSet:
        """Begin a set with a frame that has just arrived."""
        wait_ns = min(now_ns - frame.stamp_ns, self._slop_ns, self._deadline_ns)
        return self._open(frame, slot, now_ns + wait_ns, number)

    def _open(self, frame: Frame, slot: int, not_before_ns: int, number: int | None) -> OpenSet:
        moments, deadline_ns = self._moments, self._deadline_ns
        if number is not None and moments.spread_ns * 5 > deadline_ns * 2 > moments.period_ns * 2:
            # The cameras are triggered in turn: without its last cameras, a set has an early stamp. If the
            # deadline is long, they may still come, and it counts from the stamp of the complete set.
            complete_ns = min(moments.mean_ns(number), frame.stamp_ns + self._slop_ns)
            not_before_ns = max(not_before_ns, complete_ns + deadline_ns)
        return self._sets.open(slot, frame, deadline_ns, not_before_ns, self._slop_ns, number)

    # Sets that leave.

    def _leave(self, now_ns: int) -> Sequence[FrameSet]:
        """Close the sets that are due, complete or overtaken, in the order of their stamps."""
        sets = self._sets.by_stamp
        if not sets:
            return ()
        if len(sets) == 1:
            return self._close(1, now_ns) if self._is_complete(sets[0]) or sets[0].leaves_ns <= now_ns else ()
        complete = [self._is_complete(open_set) for open_set in sets]
        due = [position for position, open_set in enumerate(sets, 1) if open_set.leaves_ns <= now_ns]
        count = due[-1] if due else 0
        while count < len(sets) and (
            complete[count] or (any(complete[count:]) and self._is_overtaken(sets[count]))
        ):
            count += 1
        return self._close(count, now_ns) if count else ()

    def _is_complete(self, open_set: OpenSet) -> bool:
        awaited, slower = self._live.awaited, self._moments.slower
        if awaited.isdisjoint(open_set.missing):
            return True
        if not slower:
            return False
        return not any(
            slot in awaited and (slot not in slower or self._is_due(slot, open_set))
            for slot in open_set.missing
        )

    def _is_due(self, slot: int, open_set: OpenSet) -> bool:
        """True if the period of a slower camera says that it takes an image at the moment of a set."""
        clock, moments = self._clocks[slot], self._moments
        newest_ns, period_ns = clock.newest_stamp_ns, clock.likely_period_ns
        if newest_ns is None or not period_ns:
            return True
        number = open_set.number
        expected_ns = open_set.stamp_ns if number is None else moments.expected_ns(number, slot)
        periods = (expected_ns - newest_ns + period_ns // 2) // period_ns
        if periods == 0:  # its newest image is the nearest one, and it is in another set
            return False
        off_ns = abs(newest_ns + periods * period_ns - expected_ns)
        return off_ns <= moments.period_ns * 5 // 8  # half a period, and some for its jitter

    def _is_overtaken(self, open_set: OpenSet) -> bool:
        """True if the missing images of a set will not come, because newer ones of their cameras have."""
        slower = self._moments.slower
        for slot in open_set.missing & self._live.awaited:
            newest_ns = self._clocks[slot].newest_stamp_ns
            if slot in slower and not self._is_due(slot, open_set):
                continue
            if slot in self._out_of_order or newest_ns is None or newest_ns < open_set.stamp_ns:
                return False
        return True

    def _close(self, count: int, now_ns: int) -> list[FrameSet]:
        """Close the oldest sets."""
        awaited, moments, closed = self._live.awaited, self._moments, []
        for open_set in self._sets.by_stamp[:count]:
            missing, not_due = open_set.missing, _NOBODY
            if missing and moments.slower:
                not_due = self._not_due(open_set)
                missing = missing - not_due
            if awaited.isdisjoint(missing):
                reason = _COMPLETE
            elif open_set.leaves_ns <= now_ns:
                reason = _DEADLINE
            else:
                reason = _OVERTAKEN
            number = open_set.number
            if number is not None and number > moments.left_number:
                moments.left_number = number
            closed.append(open_set.close(reason, not_due))
        self._sets.remove_first(count)
        return closed

    def _not_due(self, open_set: OpenSet) -> frozenset[int]:
        """Return the missing cameras that take no image at the moment of a set."""
        slower = open_set.missing & self._moments.slower & self._live.heard_ns.keys()
        return frozenset(slot for slot in slower if not self._is_due(slot, open_set))

    # What is learned from the stamps.

    def _learn_from(self, slot: int, now_ns: int) -> None:
        """Learn from a new estimate of the period of a camera: now and then, because that takes longer."""
        moments, leader = self._moments, self._moments.reference
        if leader is None:
            leader = next(iter(self._live.heard_ns))
        if moments.is_provisional or (slot == leader and moments.is_stale):
            self._learn(now_ns)

    def _learn(self, now_ns: int) -> None:
        """Derive slop, moments and deadline anew. Frames that belong to other moments now are placed anew."""
        moments = self._moments
        changed = moments.update(self._live.heard_ns.keys(), self._sets.left_ns)
        self._tune_slop()
        if self._derived is not None:
            if not moments.is_provisional:
                self._derived.forget_slowly()
            self._tune_deadline()
        if not changed:
            return
        taken = [
            (frame, slot, open_set.not_before_ns)
            for open_set in self._sets.take_all()
            for slot, frame in enumerate(open_set.frames)
            if frame is not None
        ]
        for frame, slot, not_before_ns in sorted(taken, key=lambda one: one[0].stamp_ns):
            self._place_again(frame, slot, not_before_ns)
        if any(self._is_complete(open_set) for open_set in self._sets.by_stamp):
            self._live.check_ns = now_ns  # it leaves with the next poll

    def _place_again(self, frame: Frame, slot: int, not_before_ns: int) -> None:
        moments, sets, stamp_ns = self._moments, self._sets, frame.stamp_ns
        number, home = None, None
        if moments.period_ns:
            number = moments.number(slot, stamp_ns)
            home = sets.by_number.get(number)
            if home is not None and not (
                home.frames[slot] is None and home.earliest_ns <= stamp_ns <= home.latest_ns
            ):
                number = home = None
            elif number <= moments.left_number:
                number = None
        if number is None:
            home = sets.nearest(slot, stamp_ns, self._slop_ns)
        if home is None:
            self._open(frame, slot, not_before_ns, number)
        else:
            home.join(slot, frame, self._deadline_ns)
            sets.sort()

    def _note_order(self, slot: int) -> None:
        """Note a newer frame of a camera while streams are known that were out of order."""
        self._went_back.discard(slot)
        frames = self._out_of_order.get(slot, 0)
        if frames > 1:
            self._out_of_order[slot] = frames - 1
        elif frames:
            del self._out_of_order[slot]

    def _note_wait(self, waited_ns: int, age_ns: int) -> None:
        if self._derived is not None and self._derived.note(waited_ns, age_ns):
            self._tune_deadline()

    def _tune_deadline(self) -> None:
        derived = self._derived
        if derived is not None:
            is_known = self._live.shortest_period_ns() > 0
            self._deadline_ns = derived.deadline_ns if is_known else derived.longest_ns

    def _tune_slop(self) -> None:
        period_ns = self._live.shortest_period_ns() or self._moments.period_ns
        if period_ns and not self._config.slop_ms:
            self._slop_ns = period_ns // 2

    # Settings and time.

    def _apply(self, config: SyncConfig) -> None:
        """Use these settings from now on."""
        self._config = config
        self._deadline_ns = config.deadline_ns
        if config.deadline_ms:
            self._derived = None
        else:
            known = self._derived or DerivedDeadline(0, 0)
            self._derived = known.like(config.deadline_ns, config.longest_deadline_ns)
            self._tune_deadline()
        self._slop_ns = config.slop_ns or config.deadline_ns
        self._tune_slop()
        self._live.timeout_ns = config.camera_timeout_ns
        self._live.check_ns = self._now_ns  # look again in the next poll

    def _has_time_jumped(self, slot: int, back_ns: int) -> bool:
        """True if the stamps of most live cameras went back; those of this camera went back by `back_ns`."""
        if back_ns <= JUMP_NS:
            self._went_back.discard(slot)
            return False
        self._went_back.add(slot)
        return self._live.most_of(self._went_back)

    def _forget(self) -> None:
        """Start again after a jump of time."""
        for frame in self._sets.frames():
            self._drops.count(frame.camera, DropCause.JUMP)
        for clock in self._clocks:
            clock.restart()
        self._sets = OpenSets(len(self._slots))
        self._live.restart()
        self._moments.restart()
        self._out_of_order.clear()
        self._went_back.clear()
        self._now_ns = _LONG_AGO_NS
