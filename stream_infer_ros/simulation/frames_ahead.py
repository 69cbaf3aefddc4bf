"""Frames made ahead of their stamps, on a thread of their own."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator

from stream_infer_ros.pipeline.statistics import Durations, Percentiles
from stream_infer_ros.simulation.publisher import PreparedFrame
from stream_infer_ros.simulation.schedule import Exposure


class FramesAhead:
    """A bounded queue of frames and the thread that fills it.

    Args:
        prepare: makes a frame; on the thread.
        now_ns: the clock the stamps are of.
        exposures: in the order of their stamps.
        ahead: most frames kept ready.
        patience_ns: an exposure this much overdue is given up, not rendered.
    """

    def __init__(
        self,
        prepare: Callable[[Exposure], PreparedFrame],
        now_ns: Callable[[], int],
        exposures: Iterator[Exposure],
        ahead: int,
        patience_ns: int,
    ) -> None:
        self._prepare, self._now_ns, self._exposures = prepare, now_ns, exposures
        self._ahead, self._patience_ns = ahead, patience_ns
        self._ready: deque[PreparedFrame] = deque()
        self._rendering = Durations()
        self._missed = 0
        self._changed = threading.Condition()
        self._ended = self._closed = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._fill, name='frames ahead', daemon=True)

    @property
    def missed(self) -> int:
        """Exposures given up so far."""
        return self._missed

    def rendering(self) -> Percentiles | None:
        """What one frame took, over the last ones; None before the first."""
        return self._rendering.percentiles()

    def start(self) -> None:
        self._thread.start()

    def take(self, timeout_s: float) -> PreparedFrame | None:
        """The next frame; None where none came in time, or none will. Raises what rendering failed with."""
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._ended, timeout_s)
            if self._ready:
                self._changed.notify_all()
                return self._ready.popleft()
        if self._failure is not None:
            raise self._failure
        return None

    def exhausted(self) -> bool:
        """Whether all exposures were made and taken, or given up; a failure has still to be taken."""
        with self._changed:
            return self._ended and not self._ready and self._failure is None

    def close(self) -> None:
        """Render no more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    def render_next(self) -> bool:
        """Make one frame, or give one exposure up; False after the last. The thread does only this."""
        exposure = next(self._exposures, None)
        if exposure is None:
            return False
        started_ns = self._now_ns()
        if started_ns - exposure.stamp_ns > self._patience_ns:
            self._missed += 1
            return True
        frame = self._prepare(exposure)
        self._rendering.add(self._now_ns() - started_ns)
        with self._changed:
            self._ready.append(frame)
            self._changed.notify_all()
        return True

    def _fill(self) -> None:
        try:
            while self._has_room() and self.render_next():
                pass
        except BaseException as failure:  # handed to whoever takes, never lost
            self._failure = failure
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _has_room(self) -> bool:
        """Wait for room; False when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._ready) < self._ahead)
            return not self._closed
