"""Synchronised sets: the newest wins, and one that would come too late is not begun."""

from __future__ import annotations

from collections import deque

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
        bound_ns: header stamp of its oldest frame to published result (see Frame.exposed_ns).
        most: largest number of frames in a set.
    """

    def __init__(self, bound_ns: int, most: int) -> None:
        self._bound_ns = bound_ns
        self._costs = CostModel(most)
        self._after_ns = 0
        self._held: tuple[FrameSet, int] | None = None
        self._ran_ns: int | None = None
        self._cost_ns = 0.0
        # What became of the last sets: a cause of loss, or '' for one that was run in time.
        self._causes: deque[str] = deque(maxlen=JUDGED)

    def put(self, frame_set: FrameSet, now_ns: int) -> Choice:
        """See Schedule."""
        held, self._held = self._held, (frame_set, now_ns)
        if held is None:
            return Choice()
        self._causes.append('superseded')
        return Choice(lost={'superseded': held[0].there})

    def take(self, now_ns: int) -> Choice:
        """See Schedule."""
        if self._held is None:
            return Choice()
        (frame_set, put_ns), self._held = self._held, None
        frames = frame_set.there
        self._cost_ns = self._costs.cost_ns(len(frames))
        due_ns = frame_set.exposed_ns + self._bound_ns
        # The clock may go back, too.
        overdue = self._ran_ns is None or not 0 <= now_ns - self._ran_ns < AT_LEAST_EVERY_NS
        ends_ns = now_ns + self._cost_ns + self._after_ns
        too_late = ends_ns > due_ns and self._costs.runs() >= FEW
        self._causes.append('late' if too_late else '')
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
        return 0 if self._held is None else len(self._held[0].there)

    def overload(self) -> str:
        """See Schedule."""
        late, superseded = self._causes.count('late'), self._causes.count('superseded')
        if late + superseded < MANY * JUDGED:
            return ''
        return (
            f'overloaded: of the last {len(self._causes)} sets {late} would have come too late and '
            f'{superseded} gave way to newer ones (inference takes {self._cost_ns / 1e6:.0f} ms and what '
            f'follows {self._after_ns / 1e6:.0f} ms of a bound of {self._bound_ns / 1e6:.0f} ms); fewer or '
            f'smaller images, a faster engine, or a larger bound_ms'
        )
