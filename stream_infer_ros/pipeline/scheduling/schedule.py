"""The contract of what decides which frames are run next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.sync.frame_set import FrameSet

# Of the bound: what is kept free for slow runs, and slow stages after them, beyond what they usually take. A
# longer tail is not planned for: all results would be given up for the sake of a few.
TAIL = 0.2


@dataclass(frozen=True, slots=True)
class Choice:
    """What was decided.

    Attributes:
        run: the frames to run now, as one set; None where there is nothing to run.
        put_ns: when the one of them that waited longest was put in.
        lost: cause -> frames that are given up.
    """

    run: FrameSet | None = None
    put_ns: int = 0
    lost: Mapping[str, Sequence[Frame]] = field(default_factory=dict)


class Schedule(Protocol):
    """Holds what waits for the engine. No threads, and no clock of its own."""

    def put(self, frame_set: FrameSet, now_ns: int) -> Choice:
        """Take a set that is ready; `lost` is what has to leave for it, and nothing is run."""
        ...

    def take(self, now_ns: int) -> Choice:
        """What to run at `now_ns`, and what is given up as too late."""
        ...

    def took(self, n: int, duration_ns: int) -> None:
        """A run of `n` frames took so long."""
        ...

    def follows(self, after_ns: int) -> None:
        """How long what comes after a run takes, up to the published result."""
        ...

    def retune(self, bound_ns: int) -> None:
        """Another bound for what comes from now on; from any thread."""
        ...

    def waiting(self) -> int:
        """Frames inside."""
        ...

    def overload(self) -> str:
        """What is given up by plan, and why, in words; empty while all is run."""
        ...
