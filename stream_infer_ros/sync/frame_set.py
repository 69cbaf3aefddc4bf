"""The output of a synchronizer: frames of several cameras that show the same moment."""

from dataclasses import dataclass
from enum import Enum

from stream_infer_ros.cameras.frame import Frame


class SetReason(Enum):
    """The reason why a set left the synchronizer."""

    COMPLETE = 'complete'  # all live cameras that take an image at its moment are in it
    DEADLINE = 'deadline'  # its deadline passed; some cameras are missing
    OVERTAKEN = 'overtaken'  # a newer set left, and this one with it; some cameras are missing
    MATCHED = 'matched'  # a rule of the policy approximate_time, exact, latest or message_filters closed it
    ARRIVED = 'arrived'  # it is one frame of an independent stream; no camera is missing


@dataclass(frozen=True, slots=True, eq=False)
class FrameSet:
    """Frames that belong together.

    After the set has left the synchronizer, the schedule may remove frames that would be too late. Their
    slots are then None. Stamp, spread and reason remain those of the whole set, even if the reason is
    COMPLETE.

    Attributes:
        stamp_ns: mean of the stamps of the frames, in nanoseconds.
        frames: one slot per configured camera, in configured order; None if the camera is missing.
        spread_ns: newest minus oldest stamp in the set.
        reason: the reason why it left.
        not_due: slots of the cameras that take no image at its moment, because their rate is lower.
    """

    stamp_ns: int
    frames: tuple[Frame | None, ...]
    spread_ns: int
    reason: SetReason
    not_due: frozenset[int] = frozenset()

    @property
    def missing(self) -> list[int]:
        """The slots of the cameras that belong to the set, but are missing."""
        if self.reason is SetReason.ARRIVED or None not in self.frames:
            return []
        return [slot for slot, frame in enumerate(self.frames) if frame is None and slot not in self.not_due]

    @property
    def partial(self) -> bool:
        """True if a camera that belongs to the set is missing."""
        return bool(self.missing)

    @property
    def there(self) -> list[Frame]:
        """The frames in the set."""
        return [frame for frame in self.frames if frame is not None]

    @property
    def exposed_ns(self) -> int:
        """The time from which its age counts: the earliest of its frames, see Frame."""
        return min((frame.exposed_ns for frame in self.there), default=self.stamp_ns)
