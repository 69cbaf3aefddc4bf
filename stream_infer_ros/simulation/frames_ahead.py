"""A queue of frames that are prepared before their stamps, on other threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from typing import NamedTuple

from stream_infer_ros.pipeline.health.durations import Durations, Percentiles
from stream_infer_ros.simulation.publisher import PreparedFrame
from stream_infer_ros.simulation.schedule import Exposure


class _Made(NamedTuple):
    """A prepared frame, or None if its exposure was skipped."""

    frame: PreparedFrame | None
    took_ns: int


class FramesAhead:
    """A bounded queue of frames in the order of their stamps, and the threads that prepare them.

    It is used by one thread.

    Args:
        prepare: makes a frame, on the other threads.
        now_ns: the clock of the stamps.
        exposures: in the order of their stamps.
        ahead: largest number of frames that are ready or in preparation.
        patience_ns: an exposure that is overdue by more than this is skipped.
        workers: number of threads, each with one frame in preparation.
    """

    def __init__(
        self,
        prepare: Callable[[Exposure], PreparedFrame],
        now_ns: Callable[[], int],
        exposures: Iterator[Exposure],
        ahead: int,
        patience_ns: int,
        workers: int = 1,
    ) -> None:
        self._prepare, self._now_ns, self._exposures = prepare, now_ns, exposures
        self._ahead, self._patience_ns = ahead, patience_ns
        self._workers = ThreadPoolExecutor(workers, 'frames ahead')
        self._in_order: deque[Future[_Made]] = deque()
        self._rendering = Durations()
        self._missed = 0
        self._top_up()

    @property
    def missed(self) -> int:
        """Number of skipped exposures so far."""
        return self._missed

    def rendering(self) -> Percentiles | None:
        """Return the time to prepare one frame, over the last ones; None before the first."""
        return self._rendering.percentiles()

    def take(self, timeout_s: float) -> PreparedFrame | None:
        """Return the next frame; None if none is ready in time or left. Raises an error of `prepare`."""
        while self._in_order:
            try:
                made = self._in_order[0].result(timeout_s)
            except NotYet:
                return None
            self._in_order.popleft()
            self._top_up()
            if made.frame is not None:
                self._rendering.add(made.took_ns)
                return made.frame
            self._missed += 1
        return None

    def exhausted(self) -> bool:
        """Return True if all exposures were taken or skipped."""
        return not self._in_order

    def close(self) -> None:
        """Stop preparing frames."""
        self._workers.shutdown(cancel_futures=True)

    def _top_up(self) -> None:
        while len(self._in_order) < self._ahead:
            exposure = next(self._exposures, None)
            if exposure is None:
                return
            self._in_order.append(self._workers.submit(self._make, exposure))

    def _make(self, exposure: Exposure) -> _Made:
        started_ns = self._now_ns()
        if started_ns - exposure.stamp_ns > self._patience_ns:
            return _Made(None, 0)
        frame = self._prepare(exposure)
        return _Made(frame, self._now_ns() - started_ns)
