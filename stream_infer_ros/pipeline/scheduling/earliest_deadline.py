"""Independent streams: earliest deadline first, in batches that no frame of theirs is late for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.pipeline.scheduling.cost_model import CostModel
from stream_infer_ros.pipeline.scheduling.newest_set import frames_of
from stream_infer_ros.pipeline.scheduling.schedule import Choice
from stream_infer_ros.pipeline.scheduling.thinning import Thinning
from stream_infer_ros.sync.frame_set import FrameSet, SetReason

# A batch is planned for what this share of runs does not exceed: what waits long ends near its deadline.
PLANNED_FOR = 0.95
# The smallest batch whose images a second come as near as this to the best possible.
GOOD_ENOUGH = 0.9
# A stream from which nothing was run for so long comes first, however late it is.
STARVED_NS = 1_000_000_000
# Frames of one stream that may wait: of 30 Hz, what fits into 130 ms.
MOST_OF_A_STREAM = 4


class _Waiting(NamedTuple):
    deadline_ns: int
    put_ns: int
    frame: Frame


def _deadline(waiting: _Waiting) -> tuple[int, int]:
    return waiting.deadline_ns, waiting.put_ns


class EarliestDeadline:
    """A queue for each stream, and one engine for all.

    Lost: `superseded` (more than MOST_OF_A_STREAM of one stream waited), `late` (it could not be done in time
    any more), `thinned` (see Thinning).

    Args:
        cameras: names of the streams; their order is the order of the slots.
        bound_ns: header stamp to published result.
        most: images in one run.
        priorities: see Thinning.
    """

    def __init__(
        self, cameras: Sequence[str], bound_ns: int, most: int, priorities: Mapping[str, int] | None = None
    ) -> None:
        self._slots = {camera: slot for slot, camera in enumerate(cameras)}
        self._bound_ns = bound_ns
        self._costs = CostModel(most)
        self._after_ns = 0
        self._queues: dict[str, list[_Waiting]] = {camera: [] for camera in cameras}
        self._served_ns: dict[str, int] = {}
        self.thinning = Thinning(cameras, priorities or {})

    def put(self, frame_set: FrameSet, now_ns: int) -> Choice:
        """See Schedule."""
        lost: dict[str, list[Frame]] = {}
        for frame in frames_of(frame_set):
            if not self.thinning.admits(frame.camera, now_ns):
                lost.setdefault('thinned', []).append(frame)
                continue
            self._served_ns.setdefault(frame.camera, now_ns)
            queue = self._queues[frame.camera]
            if len(queue) == MOST_OF_A_STREAM:
                lost.setdefault('superseded', []).append(queue.pop(0).frame)
                self.thinning.lost(1)
            queue.append(_Waiting(frame.stamp_ns + self._bound_ns, now_ns, frame))
        return Choice(lost=lost)

    def take(self, now_ns: int) -> Choice:
        """See Schedule. At most one frame of a stream is in a batch."""
        late = self._give_up(now_ns)
        lost = {'late': late} if late else {}
        first = sorted((queue[0] for queue in self._queues.values() if queue), key=_deadline)
        starved = [one for one in first if self._is_starved(one.frame.camera, now_ns)]
        if starved:
            batch = starved[: self._size(now_ns, [], len(starved))]
        else:
            batch = first[: self._size(now_ns, first, len(first))]
        if not batch:
            return Choice(lost=lost)
        for one in batch:
            self._queues[one.frame.camera].pop(0)
            self._served_ns[one.frame.camera] = now_ns
        return Choice(self._as_set([one.frame for one in batch]), min(one.put_ns for one in batch), lost)

    def took(self, n: int, duration_ns: int) -> None:
        """See Schedule."""
        self._costs.took(n, duration_ns)

    def follows(self, after_ns: int) -> None:
        """See Schedule."""
        self._after_ns = after_ns

    def retune(self, bound_ns: int) -> None:
        """Another bound for what comes from now on."""
        self._bound_ns = bound_ns

    def waiting(self) -> int:
        """See Schedule."""
        return sum(map(len, self._queues.values()))

    def overload(self) -> str:
        """See Schedule."""
        return str(self.thinning)

    def _give_up(self, now_ns: int) -> list[Frame]:
        """What not even a run of its own would bring out in time, but for the newest of the starved."""
        soonest_ns = now_ns + self._costs.cost_ns(1, PLANNED_FOR) + self._after_ns
        late = []
        for camera, queue in self._queues.items():
            spared = 1 if self._is_starved(camera, now_ns) else 0
            while len(queue) > spared and queue[0].deadline_ns < soonest_ns:
                late.append(queue.pop(0).frame)
        self.thinning.lost(len(late))
        return late

    def _is_starved(self, camera: str, now_ns: int) -> bool:
        served_ns = self._served_ns.get(camera)
        return served_ns is not None and not -STARVED_NS < now_ns - served_ns < STARVED_NS

    def _size(self, now_ns: int, in_order: Sequence[_Waiting], there: int) -> int:
        """The smallest batch that is good enough among those in which all of `in_order` are in time."""
        possible = range(1, min(there, self._costs.most) + 1)
        if in_order:
            # The first has the earliest deadline of any batch; alone it is in time, or it were not here.
            left_ns = in_order[0].deadline_ns - now_ns - self._after_ns
            in_time = [n for n in possible if self._costs.cost_ns(n, PLANNED_FOR) <= left_ns]
            possible = range(1, max(in_time, default=1) + 1)
        pace = {n: n / max(1.0, self._costs.cost_ns(n)) for n in possible}
        return next((n for n in possible if pace[n] >= GOOD_ENOUGH * max(pace.values())), 0)

    def _as_set(self, frames: Sequence[Frame]) -> FrameSet:
        slots: list[Frame | None] = [None] * len(self._slots)
        for frame in frames:
            slots[self._slots[frame.camera]] = frame
        stamps = [frame.stamp_ns for frame in frames]
        return FrameSet(
            sum(stamps) // len(stamps), tuple(slots), max(stamps) - min(stamps), SetReason.ARRIVED
        )
