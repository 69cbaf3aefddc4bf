"""The contract of a schedule, which decides which frames are run next."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Protocol

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.drop_causes import DropCause
from stream_infer_ros.sync.frame_set import FrameSet

# Up to this share of the bound is reserved for slow runs, and as much again for slow steps after a run. A
# longer tail is not planned for, because all results would be given up for the sake of a few.
TAIL = 0.2


class Budget(Protocol):
    """The part of the budget that a schedule reads.

    Attributes:
        bound_ns: the latency bound, from the header stamp to the published result, nanoseconds.
        after_run_ns: the time to plan for everything that follows a run, nanoseconds.
    """

    @property
    def bound_ns(self) -> int: ...

    @property
    def after_run_ns(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Job:
    """Frames that are to be run together.

    Attributes:
        number: counts from 0; results are published in this order.
        frame_set: the frames.
        put_ns: when the frame that has waited longest became ready, nanoseconds.
        within_s: how long the result is worth waiting for, seconds.
        whole: True if no frame was dropped when the job was taken.
    """

    number: int
    frame_set: FrameSet
    put_ns: int = 0
    within_s: float = math.inf
    whole: bool = True

    @property
    def frames(self) -> list[Frame]:
        """The frames, the oldest first, because its result is due first."""
        return sorted(self.frame_set.there, key=attrgetter('exposed_ns'))


@dataclass(frozen=True, slots=True)
class Choice:
    """The decision of a schedule.

    Attributes:
        run: the frames to run now, as one set; None if there is nothing to run.
        put_ns: when the frame that has waited longest was put in.
        lost: cause -> frames that are dropped.
        forced: True if the frames are run although they are late, because nothing was run for too long.
    """

    run: FrameSet | None = None
    put_ns: int = 0
    lost: Mapping[DropCause, Sequence[Frame]] = field(default_factory=dict)
    forced: bool = False


class Schedule(Protocol):
    """Holds the frames that wait for an engine. It has no threads and no clock of its own."""

    def put(self, frame_set: FrameSet, now_ns: int) -> Choice:
        """Take a set that is ready; `lost` are the frames dropped for it, and `run` is None."""
        ...

    def take(self, now_ns: int) -> Choice:
        """Return the frames to run at `now_ns`, and those that are dropped because they are too late."""
        ...

    def took(self, n: int, duration_ns: int) -> None:
        """Learn from a run of `n` frames that took `duration_ns`."""
        ...

    def waiting(self) -> int:
        """Return the number of frames that wait."""
        ...

    def overload(self) -> str:
        """Explain which frames are dropped by plan, and why; empty while all are run."""
        ...
