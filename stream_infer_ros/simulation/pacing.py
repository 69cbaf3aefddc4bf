"""Handing frames out on time: rendered ahead of their stamps, published when they are due."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from stream_infer_ros.pipeline.statistics import Durations, Percentiles
from stream_infer_ros.simulation.publisher import PreparedFrame
from stream_infer_ros.simulation.schedule import Exposure


class FrameSource(Protocol):
    """What makes frames and sends them: `WorldPublisher`."""

    def prepare(self, exposure: Exposure) -> PreparedFrame: ...

    def hand_out(self, frame: PreparedFrame) -> None: ...


@dataclass(frozen=True, slots=True)
class PaceReport:
    """How well the world kept time.

    Attributes:
        published: images handed out.
        missed: exposures given up because their time had passed by more than the patience before they could
            be rendered: the machine is too slow for the world.
        lateness: publication minus stamp, over the last images; None before the first. A real camera's driver
            has such a delay too, but a result's latency counted from its stamp includes this one.
        rendering: what rendering and encoding one image took.
    """

    published: int
    missed: int
    lateness: Percentiles | None
    rendering: Percentiles | None


@dataclass(slots=True)
class Pacer:
    """A loop that renders while there is time and publishes when it is due; one thread, no clock of its own.

    A real camera costs its computer nothing to expose. Here an image takes some 10 ms to render, so it is
    rendered before its stamp and kept until then: the stamp is the time its content shows.

    Attributes:
        source: makes and sends frames.
        now_ns: the clock the stamps are of.
        wait_until: returns when that clock shows at least so much.
        ahead: most frames kept ready.
        patience_ns: an exposure this much overdue is given up, not rendered.
    """

    source: FrameSource
    now_ns: Callable[[], int]
    wait_until: Callable[[int], None]
    ahead: int
    patience_ns: int
    _ready: deque[PreparedFrame] = field(default_factory=deque)
    _lateness: Durations = field(default_factory=Durations)
    _rendering: Durations = field(default_factory=Durations)
    _reserve_ns: int = 0
    _published: int = 0
    _missed: int = 0

    def run(self, exposures: Iterator[Exposure], should_stop: Callable[[], bool]) -> PaceReport:
        """Publish until `should_stop()`, asked before each step, or until the exposures end."""
        upcoming = next(exposures, None)
        while not should_stop() and (upcoming is not None or self._ready):
            if self._must_publish() or upcoming is None:
                self._publish_next()
            else:
                self._prepare(upcoming)
                upcoming = next(exposures, None)
        return self.report()

    def report(self) -> PaceReport:
        """As of now; may be asked from another thread."""
        return PaceReport(
            self._published, self._missed, self._lateness.percentiles(), self._rendering.percentiles()
        )

    def _must_publish(self) -> bool:
        """The next frame is due before another could be rendered, or there is no room for another."""
        if not self._ready:
            return False
        slack_ns = self._ready[0].exposure.stamp_ns - self.now_ns()
        return len(self._ready) >= self.ahead or slack_ns < self._reserve_ns

    def _prepare(self, exposure: Exposure) -> None:
        started_ns = self.now_ns()
        if started_ns - exposure.stamp_ns > self.patience_ns:
            self._missed += 1
            return
        self._ready.append(self.source.prepare(exposure))
        took_ns = self.now_ns() - started_ns
        self._rendering.add(took_ns)
        # The slowest of late: a burst of frames is not delayed by one that took its time.
        self._reserve_ns = max(took_ns, self._reserve_ns - self._reserve_ns // 16)

    def _publish_next(self) -> None:
        frame = self._ready.popleft()
        self.wait_until(frame.exposure.stamp_ns)
        self._lateness.add(self.now_ns() - frame.exposure.stamp_ns)
        self.source.hand_out(frame)
        self._published += 1
