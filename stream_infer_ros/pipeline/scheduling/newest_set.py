"""A schedule of synchronised sets: the newest set is run next, without the frames that would be late."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.drop_causes import DropCause
from stream_infer_ros.pipeline.scheduling.cost_model import FEW, CostModel
from stream_infer_ros.pipeline.scheduling.schedule import TAIL, Budget, Choice
from stream_infer_ros.sync.frame_set import FrameSet

# At least one set is run in this time, even if it is late. Otherwise nothing would be published, and it would
# go unnoticed that the machine has recovered. Each camera has its turn in this time, whatever its priority.
AT_LEAST_EVERY_NS = 1_000_000_000
# After this many sets that were cut short, the measured cost of a whole set is forgotten, so that a whole set
# is tried again. It may have been measured in a slow moment.
STALE = 32
# An overload is reported if this share of the last sets was late or superseded.
JUDGED, MANY = 50, 0.1


class NewestSet:
    """Holds one set.

    A set is dropped as `superseded` when a newer one comes before it was started. If a set would end beyond
    the bound in a usual run (the median, once a few runs were measured), only as many of its frames are run
    as are in time even in a slow run. The others are dropped as `late`: first those that are too old in any
    case, then those of lower priority. Cameras of the same priority take turns.

    Args:
        most: the largest number of frames in a set.
        priorities: camera -> priority; higher is more important. A camera that is not listed has 0.
    """

    def __init__(self, budget: Budget, most: int, priorities: Mapping[str, int] | None = None) -> None:
        self._budget = budget
        self._costs = CostModel(most, STALE)
        self._held: tuple[FrameSet, int] | None = None
        self._priorities = dict(priorities or {})
        self._ran_ns: int | None = None
        # When each camera had its turn last, and its place in that turn.
        self._turns: dict[str, tuple[int, int]] = {}
        self._cost_ns = 0.0
        # For each of the last sets, why it was dropped or cut short; None if it was run whole.
        self._causes: deque[DropCause | None] = deque(maxlen=JUDGED)
        # True for each of them that was cut short because it was too old already when it came.
        self._came_old: deque[bool] = deque(maxlen=JUDGED)
        self._age_ns = 0  # of the last set when it came

    def put(self, frame_set: FrameSet, now_ns: int) -> Choice:
        held, self._held = self._held, (frame_set, now_ns)
        if held is None:
            return Choice()
        self._causes.append(DropCause.SUPERSEDED)
        return Choice(lost={DropCause.SUPERSEDED: held[0].there})

    def take(self, now_ns: int) -> Choice:
        if self._held is None:
            return Choice()
        (frame_set, put_ns), self._held = self._held, None
        frames = frame_set.there
        begun = self._in_time(frames, now_ns)
        self._causes.append(DropCause.LATE if len(begun) < len(frames) else None)
        # A set that was too old when it came is late because of its cameras, and not because of the load.
        old = (
            put_ns - frame_set.exposed_ns + self._cost_ns > self._budget.bound_ns - self._budget.after_run_ns
        )
        self._came_old.append(old and len(begun) < len(frames))
        self._age_ns = put_ns - frame_set.exposed_ns
        forced = not begun
        if forced:
            if not _overdue(self._ran_ns, now_ns):
                return Choice(lost={DropCause.LATE: frames})
            begun = self._by_turns([frame.camera for frame in frames], len(frames), now_ns)
        self._ran_ns = now_ns
        if len(begun) == len(frames):
            return Choice(frame_set, put_ns, forced=forced)
        slots = [frame if frame and frame.camera in begun else None for frame in frame_set.frames]
        late = [frame for frame in frames if frame.camera not in begun]
        return Choice(replace(frame_set, frames=tuple(slots)), put_ns, {DropCause.LATE: late}, forced)

    def took(self, n: int, duration_ns: int) -> None:
        self._costs.took(n, duration_ns)

    def waiting(self) -> int:
        return 0 if self._held is None else len(self._held[0].there)

    def _in_time(self, frames: Sequence[Frame], now_ns: int) -> set[str]:
        """Return the cameras whose frames are run, so that all of these are published within the bound."""
        usual_ns = self._costs.hoped_ns(len(frames))
        self._cost_ns = usual_ns[-1]
        run_until_ns = self._budget.bound_ns - self._budget.after_run_ns
        left_ns = {frame.camera: frame.exposed_ns + run_until_ns - now_ns for frame in frames}
        if self._costs.runs() < FEW or usual_ns[-1] <= min(left_ns.values()):
            return self._by_turns(left_ns, len(frames), now_ns)
        alive = {camera: left for camera, left in left_ns.items() if left >= usual_ns[0]}
        if not alive:
            return set()
        planned_ns = self._costs.planned_ns(usual_ns, TAIL * self._budget.bound_ns)
        return self._by_turns(alive, max(1, bisect_right(planned_ns, min(alive.values()))), now_ns)

    def _by_turns(self, cameras: Iterable[str], n: int, now_ns: int) -> set[str]:
        """Return the `n` cameras whose turn it is: overdue ones first, then by priority and waiting time."""

        def turn(camera: str) -> tuple[bool, int, int, int]:
            ran_ns, place = self._turns.get(camera, (None, 0))
            overdue = _overdue(ran_ns, now_ns)
            return not overdue, 0 if overdue else -self._priorities.get(camera, 0), ran_ns or 0, place

        chosen = sorted(cameras, key=turn)[:n]
        self._turns.update({camera: (now_ns, place) for place, camera in enumerate(chosen)})
        return set(chosen)

    def overload(self) -> str:
        late, superseded = self._causes.count(DropCause.LATE), self._causes.count(DropCause.SUPERSEDED)
        if late + superseded < MANY * JUDGED:
            return ''
        bound_ms, after_run_ms = self._budget.bound_ns / 1e6, self._budget.after_run_ns / 1e6
        if 2 * sum(self._came_old) > late + superseded and self._cost_ns * 2 < self._budget.bound_ns:
            return (
                f'sets come too late: of the last {len(self._causes)} sets, {late} could not be in time as a '
                f'whole, although inference takes {self._cost_ns / 1e6:.0f} ms only. The last one was '
                f'{self._age_ns / 1e6:.0f} ms old when it left matching, of a bound of {bound_ms:.0f} ms; '
                'make transport faster, reduce sync.deadline_ms, or increase bound_ms (explain_sync gives '
                'the latency and the stagger of the cameras)'
            )
        return (
            f'overloaded: of the last {len(self._causes)} sets, {late} could not be in time as a whole and '
            f'{superseded} were replaced by newer ones (inference takes {self._cost_ns / 1e6:.0f} ms, and '
            f'what follows it {after_run_ms:.0f} ms, of a bound of {bound_ms:.0f} ms); use fewer or smaller '
            f'images, a faster engine, or a larger bound_ms'
        )


def _overdue(ran_ns: int | None, now_ns: int) -> bool:
    """True if something that ran last at `ran_ns` has waited for too long. The clock may also go back."""
    return ran_ns is None or not 0 <= now_ns - ran_ns < AT_LEAST_EVERY_NS
