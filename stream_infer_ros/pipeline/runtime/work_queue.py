"""Between the thread that matches and those that run the engine: a schedule, safe to use from all of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple

from stream_infer_ros.cameras.frame import Frame
from stream_infer_ros.pipeline.scheduling import Choice, Schedule
from stream_infer_ros.sync.frame_set import FrameSet


class Work(NamedTuple):
    """One set to run.

    Attributes:
        number: counts from 0; results are published in this order.
        frame_set: what to run.
        put_ns: since when its frames wait.
        whole: whether nothing was given up, of it or for its sake, when it was taken.
    """

    number: int
    frame_set: FrameSet
    put_ns: int
    whole: bool = True


class WorkQueue:
    """What is bounded, and what is dropped, is the schedule's affair.

    Args:
        schedule: decides.
        now_ns: clock of the frames' stamps.
        on_lost: told each frame that is given up, and why.
    """

    def __init__(
        self, schedule: Schedule, now_ns: Callable[[], int], on_lost: Callable[[str, Frame], None]
    ) -> None:
        self._schedule = schedule
        self._now_ns = now_ns
        self._on_lost = on_lost
        self._changed = threading.Condition()
        self._number = 0
        self._closed = False

    def put(self, frame_set: FrameSet) -> None:
        """Hand over a set that is ready."""
        with self._changed:
            choice = self._schedule.put(frame_set, self._now_ns())
            self._changed.notify()
        self._tell(choice)

    def take(self, timeout_s: float) -> Work | None:
        """The next to run, waiting up to `timeout_s`; None on timeout or when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._schedule.waiting() or self._closed, timeout_s)
            choice = Choice() if self._closed else self._schedule.take(self._now_ns())
            number = self._number
            self._number += choice.run is not None
        self._tell(choice)
        if choice.run is None:
            return None
        return Work(number, choice.run, choice.put_ns, whole=not choice.lost)

    def took(self, n: int, duration_ns: int) -> None:
        """A run of `n` frames took so long."""
        with self._changed:
            self._schedule.took(n, duration_ns)

    def follows(self, after_ns: int) -> None:
        """How long what comes after a run takes."""
        with self._changed:
            self._schedule.follows(after_ns)

    def close(self) -> None:
        """Nothing more is run; wakes whoever waits."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _tell(self, choice: Choice) -> None:
        # Not under the lock: nobody is called while it is held.
        for cause, frames in choice.lost.items():
            for frame in frames:
                self._on_lost(cause, frame)
