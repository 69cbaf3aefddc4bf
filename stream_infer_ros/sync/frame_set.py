"""What a synchronizer hands on: frames of several cameras that show one moment."""

from dataclasses import dataclass
from enum import Enum

from stream_infer_ros.cameras.frame import Frame


class SetReason(Enum):
    """Why a set left the synchronizer."""

    COMPLETE = 'complete'  # every live camera is in it
    DEADLINE = 'deadline'  # its deadline passed; some cameras are missing
    OVERTAKEN = 'overtaken'  # a newer set left first; some cameras are missing
    MATCHED = 'matched'  # the approximate_time, exact or latest rule closed it
    ARRIVED = 'arrived'  # its streams are independent: nobody is missing


@dataclass(frozen=True, slots=True, eq=False)
class FrameSet:
    """Frames that belong together.

    The schedule may take frames out after a set left the synchronizer, for which it is too late: their slots
    are None then, and stamp, spread and reason still those of the whole set, even COMPLETE.

    Attributes:
        stamp_ns: the moment of the set: mean of its frames' stamps, nanoseconds.
        frames: one slot per configured camera, in configured order; None where the camera is missing.
        spread_ns: newest minus oldest stamp in the set.
        reason: why it left.
    """

    stamp_ns: int
    frames: tuple[Frame | None, ...]
    spread_ns: int
    reason: SetReason

    @property
    def partial(self) -> bool:
        """Whether a camera that belongs to it is missing."""
        return self.reason is not SetReason.ARRIVED and None in self.frames

    @property
    def there(self) -> list[Frame]:
        """The frames that are in it."""
        return [frame for frame in self.frames if frame is not None]

    @property
    def exposed_ns(self) -> int:
        """From when its age counts: that of the frame that has waited longest, see Frame."""
        return min((frame.exposed_ns for frame in self.there), default=self.stamp_ns)

    @property
    def present(self) -> tuple[bool, ...]:
        """For each configured camera whether its frame is in the set."""
        return tuple(frame is not None for frame in self.frames)
