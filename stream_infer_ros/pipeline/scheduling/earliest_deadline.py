"""A schedule of independent streams: earliest deadline first, in batches in which no frame is late."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.drop_causes import DropCause
from stream_infer_ros.pipeline.scheduling.cost_model import FEW, CostModel
from stream_infer_ros.pipeline.scheduling.schedule import TAIL, Budget, Choice
from stream_infer_ros.pipeline.scheduling.thinning import Thinning
from stream_infer_ros.sync.frame_set import FrameSet, SetReason

# The smallest batch that reaches this share of the best rate in images per second is large enough.
GOOD_ENOUGH = 0.9
# A stream without any result for this long is served first, even if it is late.
STARVED_NS = 1_000_000_000
# The number of frames of one stream that may wait: 130 ms of a 30 Hz stream.
MOST_OF_A_STREAM = 4


class _Waiting(NamedTuple):
    deadline_ns: int
    put_ns: int
    frame: Frame


def _deadline(waiting: _Waiting) -> tuple[int, int]:
    return waiting.deadline_ns, waiting.put_ns


class EarliestDeadline:
    """Keeps a queue for each stream, and serves the frame with the earliest deadline first.

    A frame is dropped as `superseded` if more than MOST_OF_A_STREAM frames of its stream wait, as `late` if
    it can no longer be finished in time, and as `thinned` under lasting overload (see Thinning).

    Args:
        cameras: the names of the streams, in the order of the slots of a set.
        most: the largest number of images in a run.
        priorities: stream -> priority, see Thinning.
    """

    def __init__(
        self, cameras: Sequence[str], budget: Budget, most: int, priorities: Mapping[str, int] | None = None
    ) -> None:
        self._slots = {camera: slot for slot, camera in enumerate(cameras)}
        self._budget = budget
        self._costs = CostModel(most)
        self._queues: dict[str, list[_Waiting]] = {camera: [] for camera in cameras}
        # The time since which a stream has frames, but none of them was run.
        self._unserved_since_ns: dict[str, int] = {}
        self.thinning = Thinning(cameras, priorities or {})

    def put(self, frame_set: FrameSet, now_ns: int) -> Choice:
        lost: dict[DropCause, list[Frame]] = {}
        for frame in frame_set.there:
            if not self.thinning.admits(frame.camera, now_ns):
                lost.setdefault(DropCause.THINNED, []).append(frame)
                continue
            self._unserved_since_ns.setdefault(frame.camera, now_ns)
            queue = self._queues[frame.camera]
            if len(queue) == MOST_OF_A_STREAM:
                lost.setdefault(DropCause.SUPERSEDED, []).append(queue.pop(0).frame)
                self.thinning.lost(1)
            queue.append(_Waiting(frame.exposed_ns + self._budget.bound_ns, now_ns, frame))
        return Choice(lost=lost)

    def take(self, now_ns: int) -> Choice:
        """Return the next batch, with at most one frame of each stream."""
        late = self._give_up(now_ns)
        lost = {DropCause.LATE: late} if late else {}
        first = sorted((queue[0] for queue in self._queues.values() if queue), key=_deadline)
        if not first:
            return Choice(lost=lost)
        starved = [one for one in first if self._is_starved(one.frame.camera, now_ns)]
        forced = False
        if starved:
            starved.sort(key=lambda one: self._unserved_since_ns[one.frame.camera])
            most = self._most_in_time(now_ns, starved)
            forced = most == 0
            # If all of them are late anyway, take as many as the engine runs most efficiently.
            batch = starved[: self._size(most or min(len(starved), self._costs.most))]
        else:
            worthwhile = first[self._hopeless(now_ns, first) :]
            batch = worthwhile[: self._size(self._most_in_time(now_ns, worthwhile) or 1)]
        for one in batch:
            self._serve(one.frame.camera, now_ns)
        frame_set = self._as_set([one.frame for one in batch])
        return Choice(frame_set, min(one.put_ns for one in batch), lost, forced)

    def took(self, n: int, duration_ns: int) -> None:
        self._costs.took(n, duration_ns)

    def waiting(self) -> int:
        return sum(map(len, self._queues.values()))

    def overload(self) -> str:
        return str(self.thinning)

    def _give_up(self, now_ns: int) -> list[Frame]:
        """Remove and return the frames that would be late even if each ran alone.

        The newest frame of a starved stream is kept.
        """
        known = self._costs.runs() >= FEW  # the first runs are slow, and no reason to drop frames
        soonest_ns = now_ns + (self._planned_ns(1)[0] if known else 0) + self._budget.after_run_ns
        late = []
        for camera, queue in self._queues.items():
            spared = 1 if self._is_starved(camera, now_ns) else 0
            while len(queue) > spared and queue[0].deadline_ns < soonest_ns:
                late.append(queue.pop(0).frame)
        self.thinning.lost(len(late))
        return late

    def _is_starved(self, camera: str, now_ns: int) -> bool:
        since_ns = self._unserved_since_ns.get(camera)
        return since_ns is not None and not -STARVED_NS < now_ns - since_ns < STARVED_NS

    def _serve(self, camera: str, now_ns: int) -> None:
        """Remove the first frame of the stream from its queue, because it is run now."""
        queue = self._queues[camera]
        del queue[0]
        if queue:
            self._unserved_since_ns[camera] = now_ns
        else:
            del self._unserved_since_ns[camera]

    def _hopeless(self, now_ns: int, first: Sequence[_Waiting]) -> int:
        """Return how many frames at the head of `first` to skip, so that more of the others are in time.

        It is 0 if all can be in time. Otherwise, frames close to their deadline would force one small batch
        after the other. They are skipped if the engine then processes more images per second.
        """
        most = min(len(first), self._costs.most)
        planned_ns, usual_ns = self._planned_ns(most), self._costs.costs_ns(most)
        left_ns = [one.deadline_ns - now_ns - self._budget.after_run_ns for one in first]
        sizes = [min(bisect_right(planned_ns, left), len(first) - at) for at, left in enumerate(left_ns)]
        now = max(1, sizes[0])
        if all((at // now + 1) * planned_ns[now - 1] <= left for at, left in enumerate(left_ns)):
            return 0
        paces = [n / max(1.0, usual_ns[n - 1]) if n else 0.0 for n in sizes]
        best = max(paces)
        return paces.index(best) if GOOD_ENOUGH * best > paces[0] else 0

    def _most_in_time(self, now_ns: int, waiting: Sequence[_Waiting]) -> int:
        """Return the size of the largest batch of these frames in which all are in time."""
        left_ns = min(one.deadline_ns for one in waiting) - now_ns - self._budget.after_run_ns
        return bisect_right(self._planned_ns(min(len(waiting), self._costs.most)), left_ns)

    def _planned_ns(self, most: int) -> list[float]:
        """Return the durations to plan for, for runs of 1 to `most` images.

        Planning for slow runs costs no throughput: a frame that is dropped makes room for a newer one.
        """
        return self._costs.planned_ns(self._costs.costs_ns(most), TAIL * self._budget.bound_ns)

    def _size(self, most: int) -> int:
        """Return the size of the smallest batch of up to `most` images that is large enough, see GOOD_ENOUGH.

        If that many images were never run together, it is at most twice the largest batch so far, to measure
        larger batches step by step.
        """
        largest = self._costs.largest()
        if 0 < largest < most:
            return min(2 * largest, most)
        paces = [n / max(1.0, cost) for n, cost in enumerate(self._costs.costs_ns(most), 1)]
        enough = GOOD_ENOUGH * max(paces)
        return next(n for n, pace in enumerate(paces, 1) if pace >= enough)

    def _as_set(self, frames: Sequence[Frame]) -> FrameSet:
        slots: list[Frame | None] = [None] * len(self._slots)
        for frame in frames:
            slots[self._slots[frame.camera]] = frame
        stamps = [frame.stamp_ns for frame in frames]
        return FrameSet(
            sum(stamps) // len(stamps), tuple(slots), max(stamps) - min(stamps), SetReason.ARRIVED
        )
