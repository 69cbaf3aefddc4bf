"""The time that each stage spends on one set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import perf_counter_ns
from typing import TypeVar

from stream_infer_ros.pipeline.health.statistics import Stage

T = TypeVar('T')


class StageTimes:
    """A stopwatch for stages that are nested: while an inner stage runs, the outer one is paused.

    The stages are iterators that pull their values from each other. The inference, for example, asks for the
    next picture, which is letterboxed meanwhile. Used by one thread at a time.
    """

    __slots__ = ('_since_ns', '_spent_ns', '_stage')

    def __init__(self) -> None:
        self._spent_ns: dict[Stage | None, int] = {None: 0}
        self._stage: Stage | None = None
        self._since_ns = 0

    def spent_ns(self, *stages: Stage) -> int:
        """Return the time of these stages together, nanoseconds."""
        return sum(self._spent_ns.get(stage, 0) for stage in stages)

    def of(self, stage: Stage, values: Iterable[T]) -> Iterator[T]:
        """Yield the values, and count the time until each is there as that of `stage`."""
        spent_ns, iterator = self._spent_ns, iter(values)
        spent_ns.setdefault(stage, 0)
        while True:
            # As in `during`, without its calls: this runs several times for each image.
            outer, now_ns = self._stage, perf_counter_ns()
            spent_ns[outer] += now_ns - self._since_ns
            self._stage, self._since_ns = stage, now_ns
            try:
                value = next(iterator)
            except StopIteration:
                return
            finally:
                now_ns = perf_counter_ns()
                spent_ns[stage] += now_ns - self._since_ns
                self._stage, self._since_ns = outer, now_ns
            yield value

    @contextmanager
    def during(self, stage: Stage) -> Iterator[None]:
        """Count the time of the block as that of `stage`."""
        self._spent_ns.setdefault(stage, 0)
        outer = self._switch(stage)
        try:
            yield
        finally:
            self._switch(outer)

    def _switch(self, stage: Stage | None) -> Stage | None:
        before, now_ns = self._stage, perf_counter_ns()
        self._spent_ns[before] += now_ns - self._since_ns
        self._stage, self._since_ns = stage, now_ns
        return before
