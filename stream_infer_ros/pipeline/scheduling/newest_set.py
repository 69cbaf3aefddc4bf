"""Synchronised sets: the newest wins, and what of it would come too late is not begun."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.pipeline.scheduling.cost_model import FEW, CostModel
from stream_infer_ros.pipeline.scheduling.schedule import Choice
from stream_infer_ros.sync.frame_set import FrameSet

# However late: so often a set is run, or nothing would be seen, nor learnt of a machine that recovers. And so
# often each camera has its turn, whatever its priority.
AT_LEAST_EVERY_NS = 1_000_000_000
# Of so many sets, this share too late is worth a word.
JUDGED, MANY = 50, 0.1


class NewestSet:
    """A slot of one set.

    A set is given up as `superseded` when a newer one comes before it was begun. Of a set that would end
    beyond the bound in a usual run (the median, once a few were measured) as many frames are run as can be in
    time; the others are given up as `late`. The most important cameras are run first, those of one priority
    by turns.

    Args:
        bound_ns: header stamp of its oldest frame to published result (see Frame.exposed_ns).
        most: largest number of frames in a set.
        priorities: of some cameras; others have 0. Higher is more important.
    """

    def __init__(self, bound_ns: int, most: int, priorities: Mapping[str, int] | None = None) -> None:
        self._bound_ns = bound_ns
        self._costs = CostModel(most)
        self._after_ns = 0
        self._held: tuple[FrameSet, int] | None = None
        self._priorities = dict(priorities or {})
        self._ran_ns: int | None = None
        # When each camera had its turn last, and its place in it.
        self._turns: dict[str, tuple[int, int]] = {}
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
        in_time = self._in_time(frame_set, len(frames), now_ns)
        self._causes.append('late' if in_time < len(frames) else '')
        if not in_time:
            if not _overdue(self._ran_ns, now_ns):
                return Choice(lost={'late': frames})
            in_time = len(frames)
        self._ran_ns = now_ns
        begun = self._first(frames, in_time, now_ns)
        if in_time == len(frames):
            return Choice(frame_set, put_ns)
        slots = [frame if frame and frame.camera in begun else None for frame in frame_set.frames]
        late = [frame for frame in frames if frame.camera not in begun]
        return Choice(replace(frame_set, frames=tuple(slots)), put_ns, {'late': late})

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

    def _in_time(self, frame_set: FrameSet, n: int, now_ns: int) -> int:
        """How many of its `n` frames can be out within the bound."""
        costs_ns = self._costs.hoped_ns(n)
        self._cost_ns = costs_ns[-1]
        if self._costs.runs() < FEW:
            return n
        left_ns = frame_set.exposed_ns + self._bound_ns - now_ns - self._after_ns
        return bisect_right(costs_ns, left_ns)

    def _first(self, frames: Sequence[Frame], n: int, now_ns: int) -> set[str]:
        """Cameras of the `n` frames that are run first: it is their turn."""

        def turn(camera: str) -> tuple[bool, int, int, int]:
            ran_ns, place = self._turns.get(camera, (None, 0))
            return not _overdue(ran_ns, now_ns), -self._priorities.get(camera, 0), ran_ns or 0, place

        begun = sorted((frame.camera for frame in frames), key=turn)[:n]
        self._turns.update({camera: (now_ns, place) for place, camera in enumerate(begun)})
        return set(begun)

    def overload(self) -> str:
        """See Schedule."""
        late, superseded = self._causes.count('late'), self._causes.count('superseded')
        if late + superseded < MANY * JUDGED:
            return ''
        return (
            f'overloaded: of the last {len(self._causes)} sets {late} could not be in time as a whole and '
            f'{superseded} gave way to newer ones (inference takes {self._cost_ns / 1e6:.0f} ms and what '
            f'follows {self._after_ns / 1e6:.0f} ms of a bound of {self._bound_ns / 1e6:.0f} ms); fewer or '
            f'smaller images, a faster engine, or a larger bound_ms'
        )


def _overdue(ran_ns: int | None, now_ns: int) -> bool:
    """Whether what ran last at `ran_ns` has waited for too long; the clock may go back, too."""
    return ran_ns is None or not 0 <= now_ns - ran_ns < AT_LEAST_EVERY_NS
