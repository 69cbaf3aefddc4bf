"""The clocks of cameras and transforms: every stamp is mapped to the clock of the graph.

The stamps of a sender may come from another clock than ours: TAI instead of UTC, simulation time, a computer
that is not synchronised, or a driver that sets no stamps. All later steps work with one common time. Senders
whose stamps differ from ours by nearly the same amount share one offset, so that the differences between
their stamps stay exact.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from statistics import median_low

from stream_infer_ros.cameras.frame import BEHIND_NS
from stream_infer_ros.sync.delay_trend import DelayTrend
from stream_infer_ros.sync.stream_clock import JUMP_NS

# A stamp ahead of its arrival by more than this is wrong. Up to SPLIT_NS the camera is not corrected all the
# same: other cameras of the same computer, whose latency is longer, would then no longer fit to it.
TOLERANCE_NS = 50_000_000
# A camera that is farther ahead has another clock.
SPLIT_NS = 150_000_000
# Senders that are not farther apart share a clock.
SHARED_NS = 500_000_000
# Transforms may be dated ahead on purpose (`transform_tolerance` of amcl, slam_toolbox).
POST_DATED_NS = 2_000_000_000
# A shared offset follows its senders if it is wrong by more than this.
SLACK_NS = 20_000_000
# The least delay between stamp and arrival is known for periods of this length.
PERIOD_NS = 1_000_000_000
# The delay of a drifting clock may grow by this much before it counts as more than latency.
DRIFTED_NS = 100_000_000
# A driver that repeats an image sends a stamp twice; a third time, the stamp stands still.
_REPEATS = 2
_TRUSTED_AGAIN = 32
_NEVER_NS = 1 << 62


class ClockKind(Enum):
    """The relation of the stamps of a sender to our clock."""

    OURS = 'ours'  # they are in our clock
    OFFSET = 'offset'  # they are in another clock, whose offset is estimated
    UNSET = 'unset'  # the last one is zero
    FROZEN = 'frozen'  # they do not change, or not with every message


class _Clock:
    """A clock that senders share.

    Attributes:
        offset_ns: our time minus its time; added to stamps.
        latency_ns: latency of its fastest sender; None: that of the cameras in our clock is assumed.
    """

    __slots__ = ('latency_ns', 'offset_ns', 'senders')

    def __init__(self, offset_ns: int = 0, latency_ns: int | None = None) -> None:
        self.offset_ns = offset_ns
        self.latency_ns = latency_ns
        self.senders: list[SenderClock] = []


class SenderClock:
    """Maps the stamps of one sender to our clock. Used by one thread; the attributes can be read by any.

    Attributes:
        kind: the relation of its latest stamps to our clock.
        revision: changes whenever a description of the clock may change, at most once per message.
        restarts: the number of times that its stamps went back because its clock was set.
        stamp_ns, received_ns: of its last message.
    """

    def __init__(self, clocks: SenderClocks, is_transform: bool) -> None:
        self.kind = ClockKind.OURS
        self.revision = 0
        self.restarts = 0
        self.stamp_ns = -_NEVER_NS
        self.received_ns = 0
        self.is_transform = is_transform
        self._clocks = clocks
        self._clock = clocks.ours
        self._early_ns = self._most_early_ns()
        self._time_ns = -_NEVER_NS
        self._step_ns = 0
        self._repeats = 0
        self._changes = 0
        self._odd_delay_ns: int | None = None  # of the last message, if it did not fit
        self._calm = True  # nothing was odd about the last message
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._least_ns = _NEVER_NS
        self._trend = DelayTrend()
        self._review_ns = -_NEVER_NS
        self._known = False

    @property
    def offset_ns(self) -> int:
        """Our time minus the time of its stamps; 0 if the stamps are in our clock."""
        return self._clock.offset_ns

    @property
    def least_delay_ns(self) -> int | None:
        """The least time from stamp to arrival in the last seconds; None before the first message."""
        least_ns = min([self._least_ns, *self._trend.newest(2)])
        return None if least_ns == _NEVER_NS else least_ns

    def time_ns(self, stamp_ns: int, received_ns: int) -> int:
        """Return the time of a stamp in our clock; times increase with the stamps."""
        delay_ns = received_ns - stamp_ns
        if (
            self.stamp_ns < stamp_ns
            and received_ns < self._review_ns
            and self._early_ns <= delay_ns - self._clock.offset_ns <= BEHIND_NS
            and self._calm
            and received_ns >= self.received_ns
        ):
            if delay_ns < self._least_ns:  # noqa: PLR1730 (a call of min would double the cost)
                self._least_ns = delay_ns
            self._step_ns = stamp_ns - self.stamp_ns
            self.stamp_ns, self.received_ns = stamp_ns, received_ns
            time_ns = stamp_ns + self._clock.offset_ns
            self._time_ns = time_ns = time_ns if time_ns > self._time_ns else self._time_ns + 1
            self._repeats = 0
            return time_ns
        return self._look(stamp_ns, received_ns)

    def _look(self, stamp_ns: int, received_ns: int) -> int:
        """Return the time of a stamp that needs a closer look."""
        self._calm = False
        repeats = self.is_transform and stamp_ns == self.stamp_ns  # its delay tells nothing
        if received_ns <= 0 or repeats:  # 0: no time has come on /clock yet
            return stamp_ns + self._clock.offset_ns
        if received_ns < self.received_ns - JUMP_NS:  # our clock went back
            self._begin_anew()
            self.stamp_ns = self._time_ns = -_NEVER_NS
        if not stamp_ns:
            self._set_kind(ClockKind.UNSET)
            return self._by_arrival(received_ns)
        if self._stands_still(stamp_ns):
            if self._repeats == 1 and not self._changes:
                return self._time_ns  # an image that came twice
            self._set_kind(ClockKind.FROZEN)
            self._note(stamp_ns, received_ns)
            return self._by_arrival(received_ns)
        self._set_kind(ClockKind.OURS if self._clock is self._clocks.ours else ClockKind.OFFSET)
        delay_ns = received_ns - stamp_ns
        if not self._known:
            self._known = True
            self._least_ns = delay_ns
            self._clocks.place(self, delay_ns)
        elif self._is_odd(stamp_ns, received_ns):
            odd_ns, self._odd_delay_ns = self._odd_delay_ns, delay_ns
            confirmed = odd_ns is not None and abs(delay_ns - odd_ns) <= SPLIT_NS
            if not confirmed and not 0 <= delay_ns <= SHARED_NS:
                self.received_ns = received_ns
                return self._by_arrival(received_ns)
            back = stamp_ns < self.stamp_ns
            self.restarts += back
            self.stamp_ns = -_NEVER_NS
            self._begin_anew()
            self._known = True
            self._least_ns = delay_ns
            self._clocks.place(self, delay_ns, SHARED_NS if back else BEHIND_NS)
        elif delay_ns - self._clock.offset_ns < self._early_ns:
            self._clocks.follow(self, delay_ns)
        self._odd_delay_ns, self._calm = None, True
        self._least_ns = min(self._least_ns, delay_ns)
        if received_ns >= self._review_ns:
            self._review(received_ns)
        time_ns = stamp_ns + self._clock.offset_ns
        if stamp_ns > self.stamp_ns:
            time_ns = max(time_ns, self._time_ns + 1)
            self._time_ns = time_ns
            self._note(stamp_ns, received_ns)
        return time_ns

    def _note(self, stamp_ns: int, received_ns: int) -> None:
        self._step_ns = stamp_ns - self.stamp_ns if self.stamp_ns > 0 else 0
        self.stamp_ns, self.received_ns = stamp_ns, received_ns

    def _stands_still(self, stamp_ns: int) -> bool:
        """True if the stamp is that of the message before, or was for most messages of late."""
        if self.is_transform:
            return False
        if stamp_ns == self.stamp_ns:
            self._repeats += 1
            if self._repeats >= _REPEATS or self._changes:
                self._changes = 1
            return True
        self._repeats = 0
        if self._changes:
            self._changes = (self._changes + 1) % _TRUSTED_AGAIN
        return bool(self._changes)

    def _is_odd(self, stamp_ns: int, received_ns: int) -> bool:
        """True if this stamp does not continue those before: it is wrong, or a clock was set."""
        step_ns, waited_ns = stamp_ns - self.stamp_ns, received_ns - self.received_ns
        lag_ns = received_ns - stamp_ns - self._clock.offset_ns
        if step_ns < -JUMP_NS or lag_ns > BEHIND_NS:
            return True
        # In a recording that was written faster than it happened, the steps are long, but even.
        even_ns = JUMP_NS + max(0, self._step_ns) * 3 // 2
        return lag_ns < self._early_ns and step_ns - waited_ns > even_ns

    def _by_arrival(self, received_ns: int) -> int:
        """Return the time of a message whose stamp is useless, from its arrival."""
        least_ns = self.least_delay_ns
        if self.is_transform:
            latency_ns = 0
        elif least_ns is None or self.kind is ClockKind.FROZEN:
            latency_ns = self._clocks.latency_ns()
        else:
            latency_ns = least_ns - self._clock.offset_ns
        self._time_ns = max(received_ns - max(0, latency_ns), self._time_ns + 1)
        return self._time_ns

    def _review(self, received_ns: int) -> None:
        """Close a period: see if the offset still fits, and if the clock drifts."""
        if self._review_ns > 0:
            self._trend.add(received_ns, self._least_ns)
            self._least_ns = _NEVER_NS
            self._clocks.review(self)
        self._review_ns = received_ns + PERIOD_NS
        self.revision += 1

    def join(self, clock: _Clock) -> None:
        """Belong to this clock from now on."""
        if self in self._clock.senders:
            self._clock.senders.remove(self)
        self._clock = clock
        clock.senders.append(self)
        self._early_ns = self._most_early_ns()
        self._set_kind(ClockKind.OURS if clock is self._clocks.ours else ClockKind.OFFSET)
        self.revision += 1

    @property
    def is_ours(self) -> bool:
        """True if its stamps are in our clock."""
        return self.kind is ClockKind.OURS

    @property
    def clock(self) -> _Clock:
        return self._clock

    @property
    def drift(self) -> float:
        """How much its clock runs too slow, as a fraction; 0.0 if that is unknown or small."""
        return self._trend.slope

    @property
    def baseline_ns(self) -> int:
        """The least delay before the clock drifted away."""
        return max(0, self._trend.begin_ns)

    def _most_early_ns(self) -> int:
        if self.is_transform:
            return -POST_DATED_NS
        return -SPLIT_NS if self._clock is self._clocks.ours else -SLACK_NS

    def _set_kind(self, kind: ClockKind) -> None:
        if kind is not self.kind:
            self.kind = kind
            self.revision += 1


class SenderClocks:
    """The clocks of all senders, and the offsets that they share. Used by one thread.

    A camera is in our clock if its messages arrive up to BEHIND_NS after their stamps. A camera that is
    ahead, or farther behind, is in another clock. Its offset is chosen such that its messages are as old as
    those of the cameras in our clock. The offset follows the clock if that drifts.

    If the clock of a sender is set while it runs, the second message after that confirms it. Single messages
    with odd stamps count from their arrival.
    """

    def __init__(self, cameras: Sequence[str]) -> None:
        self.ours = _Clock()
        self._others: list[_Clock] = []
        self.cameras = {camera: SenderClock(self, is_transform=False) for camera in cameras}
        self.transforms: dict[str, SenderClock] = {}  # by child frame

    @property
    def all_ours(self) -> bool:
        """True if no sender has another clock."""
        return not self._others

    def transform_offset_ns(self, child: str) -> int:
        """Return our time minus the time of the transforms of this child frame."""
        transform = self.transforms.get(child)
        return 0 if transform is None else transform.offset_ns

    def transform_offsets(self, camera: str, offset_ns: int) -> Callable[[str], int]:
        """Return the function that gives, by child frame, our time minus the time of its transforms.

        If a transform shares the clock of the camera, it is the offset that the frame itself got. The
        transform is then looked up at exactly the header stamp of the frame.

        Args:
            camera: the camera of the frame.
            offset_ns: `Frame.clock_offset_ns`.
        """
        sender = self.cameras[camera]
        by_stamp = sender.clock is not self.ours and abs(sender.offset_ns - offset_ns) <= SHARED_NS

        def offset_of(child: str) -> int:
            transform = self.transforms.get(child)
            shared = transform is not None and transform.clock is sender.clock
            return offset_ns if shared else self.transform_offset_ns(child)

        return offset_of if by_stamp else self.transform_offset_ns

    def transform(self, child: str) -> SenderClock:
        """Return the clock of the transforms of this child frame."""
        found = self.transforms.get(child)
        if found is None:
            found = self.transforms[child] = SenderClock(self, is_transform=True)
        return found

    def odd_transforms(self) -> dict[str, SenderClock]:
        """Return the transforms that are stamped neither by our clock nor by that of a camera."""
        of_cameras = [sender.clock for sender in self.cameras.values()]
        return {
            child: sender
            for child, sender in list(self.transforms.items())
            if not sender.is_ours and (sender.kind is ClockKind.UNSET or sender.clock not in of_cameras)
        }

    def latency_ns(self) -> int:
        """Return the median latency of the cameras in our clock; 0 if there are none."""
        delays_ns = [
            sender.least_delay_ns
            for sender in self.ours.senders
            if not sender.is_transform and sender.kind is ClockKind.OURS
        ]
        known_ns = [max(0, delay_ns) for delay_ns in delays_ns if delay_ns is not None]
        return median_low(known_ns) if known_ns else 0

    def place(self, sender: SenderClock, delay_ns: int, most_ns: int = BEHIND_NS) -> None:
        """Let a sender join the clock that fits best.

        Args:
            delay_ns: its messages arrive that long after their stamps.
            most_ns: the longest delay in our clock.
        """
        clock = self._fitting(sender, delay_ns, most_ns)
        sender.join(clock or self._new(sender, delay_ns))
        if clock is None and not sender.is_transform:
            self._place_transforms()
        self._others = [clock for clock in self._others if clock.senders]
        if clock is self.ours and not sender.is_transform:  # now the latency is known
            for other in self._others:
                self._tune(other)

    def _place_transforms(self) -> None:
        """Let each transform join the clock that fits best, because there is a new one."""
        for transform in self.transforms.values():
            delay_ns = transform.least_delay_ns
            if delay_ns is not None:
                transform.join(self._fitting(transform, delay_ns, BEHIND_NS) or transform.clock)

    def follow(self, sender: SenderClock, delay_ns: int) -> None:
        """Let the clock of a sender follow it, because its messages arrive before their time."""
        clock = sender.clock
        if clock is self.ours or sender.is_transform:
            self.place(sender, delay_ns)
        else:
            clock.offset_ns = delay_ns

    def review(self, sender: SenderClock) -> None:
        """Look at a sender once a period."""
        delay_ns = sender.least_delay_ns
        if delay_ns is None:
            return
        clock = sender.clock
        if sender.is_transform:
            self.place(sender, delay_ns)
        elif clock is self.ours:
            near = self._near(delay_ns)
            if delay_ns < -TOLERANCE_NS and near is not None:
                sender.join(near)
            elif sender.drift:
                baseline_ns = sender.baseline_ns
                sender.join(self._new(sender, delay_ns - baseline_ns, baseline_ns))
                self._place_transforms()
        else:
            self._review_other(sender, clock, delay_ns)

    def _review_other(self, sender: SenderClock, clock: _Clock, delay_ns: int) -> None:
        most_ns = SHARED_NS if clock.latency_ns is None else clock.latency_ns + DRIFTED_NS
        if -TOLERANCE_NS <= delay_ns <= most_ns and not sender.drift:
            sender.join(self.ours)
            self._others = [clock for clock in self._others if clock.senders]
        elif delay_ns - self._least_delay_ns(clock) > SHARED_NS:
            self.place(sender, delay_ns)
        else:
            self._tune(clock, 0 if sender.drift else SLACK_NS)

    def _tune(self, clock: _Clock, slack_ns: int = SLACK_NS) -> None:
        """Correct the offset if it is wrong by more than the slack."""
        if not all(one.is_transform for one in clock.senders):
            latency_ns = self.latency_ns() if clock.latency_ns is None else clock.latency_ns
            wanted_ns = self._least_delay_ns(clock) - latency_ns
            if abs(wanted_ns - clock.offset_ns) > slack_ns:
                clock.offset_ns = wanted_ns

    def _least_delay_ns(self, clock: _Clock) -> int:
        """Return the delay of the fastest camera in this clock."""
        delays_ns = (one.least_delay_ns for one in clock.senders if not one.is_transform)
        return min((known for known in delays_ns if known is not None), default=clock.offset_ns)

    def _fitting(self, sender: SenderClock, delay_ns: int, most_ns: int) -> _Clock | None:
        if sender.is_transform:
            fits = [
                clock
                for clock in (self.ours, *self._others)
                if -POST_DATED_NS <= delay_ns - clock.offset_ns <= BEHIND_NS
            ]
            return min(fits, key=lambda clock: abs(delay_ns - clock.offset_ns), default=None)
        if -TOLERANCE_NS <= delay_ns <= most_ns:
            return self.ours
        return self._near(delay_ns) or (self.ours if -SPLIT_NS <= delay_ns < 0 else None)

    def _near(self, delay_ns: int) -> _Clock | None:
        """Return the other clock with the nearest offset, if it is near enough to be shared."""
        near = min(self._others, key=lambda clock: abs(delay_ns - clock.offset_ns), default=None)
        return near if near is not None and abs(delay_ns - near.offset_ns) <= SHARED_NS else None

    def _new(self, sender: SenderClock, offset_ns: int, latency_ns: int | None = None) -> _Clock:
        if not sender.is_transform and latency_ns is None:
            offset_ns -= self.latency_ns()
        clock = _Clock(offset_ns, latency_ns)
        self._others.append(clock)
        return clock
