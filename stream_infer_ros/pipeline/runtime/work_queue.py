"""The queue between the thread that matches and the threads of the engines: a thread-safe schedule."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from stream_infer_ros.pipeline.health.statistics import Stage, Statistics
from stream_infer_ros.pipeline.scheduling import Choice, Job, LatencyBudget, Schedule
from stream_infer_ros.sync.frame_set import FrameSet


class WorkQueue(Iterator[Job]):
    """An iterator of jobs, for several threads. The schedule decides what is run, and what is dropped.

    Args:
        now_ns: the clock of the frames' stamps.
    """

    def __init__(
        self, schedule: Schedule, budget: LatencyBudget, now_ns: Callable[[], int], statistics: Statistics
    ) -> None:
        self._schedule = schedule
        self._budget = budget
        self._now_ns = now_ns
        self._statistics = statistics
        self._changed = threading.Condition()
        self._number = 0
        self._closed = False

    def put(self, frame_set: FrameSet) -> None:
        """Add a set that is ready."""
        with self._changed:
            choice = self._schedule.put(frame_set, self._now_ns())
            self._changed.notify()
        self._count_lost(choice)

    def __next__(self) -> Job:
        """Wait for the next job. Raises StopIteration once the queue is closed."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._schedule.waiting() or self._closed)
                if self._closed:
                    raise StopIteration
                now_ns = self._now_ns()
                choice = self._schedule.take(now_ns)
                number = self._number
                self._number += choice.run is not None
            self._count_lost(choice)
            if choice.run is not None:
                self._statistics.took(Stage.QUEUE, now_ns - choice.put_ns)
                # A forced run is late by its age, but a server must still be given time to answer.
                exposed_ns = now_ns if choice.forced else choice.run.exposed_ns
                within_s = self._budget.within_s(exposed_ns, now_ns)
                return Job(number, choice.run, choice.put_ns, within_s, whole=not choice.lost)

    def took(self, n: int, duration_ns: int) -> None:
        """Tell the schedule that a run of `n` frames took `duration_ns`."""
        with self._changed:
            self._schedule.took(n, duration_ns)

    def close(self) -> None:
        """End the iteration in all threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _count_lost(self, choice: Choice) -> None:
        for cause, frames in choice.lost.items():
            for frame in frames:
                self._statistics.lost(cause, frame.camera)
