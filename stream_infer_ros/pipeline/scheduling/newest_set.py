"""Synchronised sets: the newest wins, and one that would come too late is not begun."""

from __future__ import annotations

from collections import deque

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.pipeline.scheduling.cost_model import FEW, CostModel
from stream_infer_ros.pipeline.scheduling.schedule import Choice
from stream_infer_ros.sync.frame_set import FrameSet

# However late: so often a set is run, or nothing would be seen, nor learnt of a machine that recovers.
AT_LEAST_EVERY_NS = 1_000_000_000
# Of so many sets, this share too late is worth a word.
JUDGED, MANY = 50, 0.1


class NewestSet:
    """A slot of one set.

    A set is given up as `superseded` when a newer one comes before it was begun, and as `late` when even a
    usual run (the median, once a few were measured) would end beyond the bound.

    Args:
        bound_ns: header stamp of its oldest frame to published result.
        most: largest number of frames in a set.
    """

    def __init__(self, bound_ns: int, most: int) -> None:
        self._bound_ns = bound_ns
        self._costs = CostModel(most)
        self._after_ns = 0
        self._held: tuple[FrameSet, int] | None = None
        self._ran_ns: int | None = None
        self._too_late: deque[bool] = deque(maxlen=JUDGED)

    def put(self, frame_set: FrameSet, now_ns: int) -> Choice:
        """See Schedule."""
        held, self._held = self._held, (frame_set, now_ns)
        return Choice() if held is None else Choice(lost={'superseded': frames_of(held[0])})

    def take(self, now_ns: int) -> Choice:
        """See Schedule."""
        if self._held is None:
            return Choice()
        (frame_set, put_ns), self._held = self._held, None
        frames = frames_of(frame_set)
        ends_ns = now_ns + self._costs.cost_ns(len(frames)) + self._after_ns
        # The clock may go back, too.
        overdue = self._ran_ns is None or not 0 <= now_ns - self._ran_ns < AT_LEAST_EVERY_NS
        too_late = ends_ns > frame_set.oldest_stamp_ns + self._bound_ns and self._costs.runs() >= FEW
        self._too_late.append(too_late)
        if too_late and not overdue:
            return Choice(lost={'late': frames})
        self._ran_ns = now_ns
        return Choice(frame_set, put_ns)

    def took(self, n: int, duration_ns: int) -> None:
        """See Schedule."""
        self._costs.took(n, duration_ns)

    def follows(self, after_ns: int) -> None:
        """See Schedule."""
        self._after_ns = after_ns

    def retune(self, bound_ns: int) -> None:
        """Another bound from now on."""
        self._bound_ns = bound_ns

    def waiting(self) -> int:
        """See Schedule."""
        return 0 if self._held is None else len(frames_of(self._held[0]))

    def overload(self) -> str:
        """See Schedule."""
        late = sum(self._too_late)
        if late < MANY * JUDGED:
            return ''
        cost_ms, after_ms = self._costs.cost_ns(self._costs.most) / 1e6, self._after_ns / 1e6
        return (
            f'overloaded: {late} of the last {len(self._too_late)} sets would have come too late (inference '
            f'takes {cost_ms:.0f} ms and what follows {after_ms:.0f} ms of a bound of '
            f'{self._bound_ns / 1e6:.0f} ms); fewer or smaller images, a faster engine, or a larger bound_ms'
        )


def frames_of(frame_set: FrameSet) -> list[Frame]:
    """Those that are there."""
    return [frame for frame in frame_set.frames if frame is not None]
