"""The interface of all matching policies."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.config.tree import SyncConfig
from stream_infer_ros.drop_causes import DropCause
from stream_infer_ros.sync.frame_set import FrameSet
from stream_infer_ros.sync.stream_clock import StreamClock

# Returns the settings in use at present: the same object as long as nothing has changed. A synchronizer
# calls it in each `add` and `poll`.
Settings = Callable[[], SyncConfig]


class Synchronizer(Protocol):
    """Joins frames of several cameras in time. It has no threads, and the time is passed in.

    Live settings (times, penalties) take effect with the next `add` or `poll` after they changed. An open set
    keeps its deadline until the next frame joins it.

    Attributes:
        clocks: the clock of each camera, if `add` keeps them; they may be read from any thread. None if the
            policy needs no clocks.
    """

    @property
    def clocks(self) -> Mapping[str, StreamClock] | None: ...

    def add(self, frame: Frame, now_ns: int) -> Sequence[FrameSet]:
        """Take one frame that arrived at `now_ns`; return the sets that it closed, oldest first."""
        ...

    def poll(self, now_ns: int) -> Sequence[FrameSet]:
        """Return the sets that are due at `now_ns`, oldest first."""
        ...

    def next_deadline_ns(self) -> int | None:
        """Return the time at which `poll` must be called next; None if only a frame can change anything."""
        ...

    @property
    def slop_ns(self) -> int | None:
        """The largest distance of a frame from its set at present; None if the policy has no such limit."""
        ...

    @property
    def deadline_ns(self) -> int | None:
        """The time after its stamp at which a set leaves; None if the policy has no deadline."""
        ...

    def drops(self) -> Mapping[str, Mapping[DropCause, int]]:
        """Return the number of frames lost so far, by camera and cause."""
        ...
