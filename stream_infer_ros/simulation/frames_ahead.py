"""Frames made ahead of their stamps, on threads of their own."""

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
    """None for `frame`: given up."""

    frame: PreparedFrame | None
    took_ns: int


class FramesAhead:
    """A bounded queue of frames, in the order of their stamps, and the threads that make them.

    Used by one thread.

    Args:
        prepare: makes a frame; on those threads.
        now_ns: the clock the stamps are of.
        exposures: in the order of their stamps.
        ahead: most frames kept ready or in work.
        patience_ns: an exposure this much overdue is given up, not rendered.
        workers: threads, each with one frame in work.
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
        """Exposures given up so far."""
        return self._missed

    def rendering(self) -> Percentiles | None:
        """What one frame took, over the last ones; None before the first."""
        return self._rendering.percentiles()

    def take(self, timeout_s: float) -> PreparedFrame | None:
        """The next frame; None where none came in time, or none will. Raises what rendering failed with."""
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
        """Whether all exposures were made and taken, or given up."""
        return not self._in_order

    def close(self) -> None:
        """Make no more."""
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
