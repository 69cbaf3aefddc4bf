"""The ApproximateTime policy of message_filters: sets with the least spread."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.config.tree import SyncConfig
from stream_infer_ros.drop_causes import DropCause
from stream_infer_ros.sync.frame_driven import FrameDriven
from stream_infer_ros.sync.frame_set import FrameSet
from stream_infer_ros.sync.matched import matched_set
from stream_infer_ros.sync.synchronizer import Settings

# Python 3.10 and 3.11 need 0.3 us to look up a member of an enum, a tenth of the time of a whole frame.
_OVERFLOW, _UNMATCHED = DropCause.OVERFLOW, DropCause.UNMATCHED


class ApproximateTimeSynchronizer(FrameDriven):
    """Makes the same sets as the C++ policy of that name in message_filters.

    A set holds a frame of every camera, so one silent camera stops all sets. Of the sets that contain a given
    frame (the pivot), the policy picks the one with the least spread. It returns the set as soon as no later
    frame can be part of a better one, which often takes until the next frame, a period later. The algorithm
    is described at https://wiki.ros.org/message_filters/ApproximateTime; the names here are those used there.

    Drops: `overflow` (the queue was full), `unmatched` (a better set was made without the frame).

    Args:
        cameras: their names, in the order of the slots of a set.
        settings: returns the settings in use at present: `queue_size` (read once), `age_penalty` (how much
            less spread, as a fraction, a later set must have to be preferred) and `max_interval_ms`.
        lower_bounds_ns: by camera, the least time between two of its frames, if it is known. Sets can then be
            returned earlier.

    Raises:
        ConfigError: no camera, or one that is named twice; in `add`: a frame of an unknown camera.
    """

    def __init__(
        self,
        cameras: Sequence[str],
        settings: Settings,
        lower_bounds_ns: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(cameras, settings)
        self._apply(settings())
        self._queue_size = self._config.queue_size
        self._lower_bounds_ns = [(lower_bounds_ns or {}).get(camera, 0) for camera in cameras]
        self._queues: list[deque[Frame]] = [deque() for _ in cameras]
        self._past: list[list[Frame]] = [[] for _ in cameras]  # tried with the pivot; put back afterwards
        self._heads_ns = [0] * len(cameras)  # stamps of the first frames of the queues that are not empty
        self._empty = len(cameras)  # number of empty queues
        self._has_dropped: set[int] = set()  # slots
        self._candidate: tuple[Frame, ...] | None = None
        self._start_ns = self._end_ns = 0  # of the candidate
        self._pivot, self._pivot_ns = 0, 0

    def _apply(self, config: SyncConfig) -> None:
        self._config = config
        # An exact fraction: the C++ policy multiplies in extended precision, where float64 would round.
        self._penalty = (1.0 + config.age_penalty).as_integer_ratio()
        self._max_interval_ns = config.max_interval_ns

    def add(self, frame: Frame, now_ns: int) -> Sequence[FrameSet]:
        slot = self._slots[frame.camera]
        closed: list[FrameSet] = []
        queue, past = self._queues[slot], self._past[slot]
        queue.append(frame)
        if len(queue) == 1:
            self._heads_ns[slot] = frame.stamp_ns
            self._empty -= 1
            self._search(closed)
        if len(queue) + len(past) > self._queue_size:
            self._put_back()
            self._take(slot)
            self._drops.count(frame.camera, _OVERFLOW)
            self._has_dropped.add(slot)
            if self._candidate is not None:
                self._candidate = None
                self._search(closed)
        return closed

    def _search(self, closed: list[FrameSet]) -> None:
        """Search through the intervals between the queue heads while every camera has one."""
        if self._empty:
            return
        config = self._settings()
        if config is not self._config:
            self._apply(config)
        heads_ns = self._heads_ns
        while not self._empty:
            start_ns, end_ns = min(heads_ns), max(heads_ns)
            start_slot = heads_ns.index(start_ns)
            if self._has_dropped or self._candidate is None:
                end_slot = len(heads_ns) - 1 - heads_ns[::-1].index(end_ns)
                # Frames that other cameras dropped could not have been better than these heads. Those
                # cameras may provide the pivot again.
                self._has_dropped &= {end_slot}
            if self._candidate is None:
                too_wide = 0 < self._max_interval_ns < end_ns - start_ns
                if too_wide or self._has_dropped:
                    self._drops.count(self._take(start_slot).camera, _UNMATCHED)
                    continue
                self._pivot, self._pivot_ns = end_slot, end_ns
                self._take_candidate(start_ns, end_ns)
            elif self._penalised(end_ns - self._end_ns) < start_ns - self._start_ns:
                self._take_candidate(start_ns, end_ns)
            self._set_aside(start_slot)
            if start_slot == self._pivot or self._is_best(end_ns) or self._is_best_of_all_to_come():
                self._give_out(closed)

    def _penalised(self, duration_ns: int) -> int:
        numerator, denominator = self._penalty
        product = duration_ns * numerator
        return product // denominator if product >= 0 else -(-product // denominator)

    def _take_candidate(self, start_ns: int, end_ns: int) -> None:
        self._candidate = tuple(queue[0] for queue in self._queues)
        self._start_ns, self._end_ns = start_ns, end_ns
        for past in self._past:
            for frame in past:
                self._drops.count(frame.camera, _UNMATCHED)
            past.clear()

    def _is_best(self, end_ns: int) -> bool:
        """True if no later set can be better: each of them spans at least pivot_ns to end_ns."""
        return self._penalised(end_ns - self._end_ns) >= self._pivot_ns - self._start_ns

    def _is_best_of_all_to_come(self) -> bool:
        """True if no later frame, at the earliest time possible for it, can make a better set.

        In that case frames stay set aside. Returning the candidate puts them back.
        """
        if not self._empty:
            return False
        earliest_ns = [self._earliest_ns(slot) for slot in range(len(self._queues))]
        moves: list[int] = []
        while True:
            start_ns, end_ns = min(earliest_ns), max(earliest_ns)
            if self._is_best(end_ns):
                return True
            if self._penalised(end_ns - self._end_ns) < start_ns - self._start_ns:
                for slot in reversed(moves):
                    self._return(slot)
                return False
            slot = earliest_ns.index(start_ns)
            self._set_aside(slot)
            moves.append(slot)
            earliest_ns[slot] = self._earliest_ns(slot)

    def _earliest_ns(self, slot: int) -> int:
        """Return the stamp of the next frame of a camera, or a lower bound if it has not arrived yet."""
        if self._queues[slot]:
            return self._heads_ns[slot]
        return max(self._past[slot][-1].stamp_ns + self._lower_bounds_ns[slot], self._pivot_ns)

    def _take(self, slot: int) -> Frame:
        """Remove and return the oldest frame of a queue that is not empty."""
        queue = self._queues[slot]
        frame = queue.popleft()
        if queue:
            self._heads_ns[slot] = queue[0].stamp_ns
        else:
            self._empty += 1
        return frame

    def _set_aside(self, slot: int) -> None:
        self._past[slot].append(self._take(slot))

    def _return(self, slot: int) -> None:
        """Undo one `_set_aside`."""
        queue, frame = self._queues[slot], self._past[slot].pop()
        self._empty -= not queue
        queue.appendleft(frame)
        self._heads_ns[slot] = frame.stamp_ns

    def _put_back(self) -> None:
        for slot, past in enumerate(self._past):
            while past:
                self._return(slot)

    def _give_out(self, closed: list[FrameSet]) -> None:
        assert self._candidate is not None
        closed.append(matched_set(self._candidate))
        self._candidate = None
        self._put_back()
        for slot in range(len(self._queues)):
            self._take(slot)
