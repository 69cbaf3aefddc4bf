"""Handing frames out on time: rendered ahead of their stamps, published when they are due."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from stream_infer_ros.pipeline.health.durations import Durations, Percentiles
from stream_infer_ros.simulation.frames_ahead import FramesAhead
from stream_infer_ros.simulation.publisher import PreparedFrame
from stream_infer_ros.simulation.schedule import Exposure

# Longest a stop is not looked for while nothing is ready.
_IDLE_S = 0.1


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


def publish_on_time(
    source: FrameSource,
    now_ns: Callable[[], int],
    wait_until: Callable[[int], None],
    exposures: Iterator[Exposure],
    should_stop: Callable[[], bool],
    *,
    ahead: int,
    patience_ns: int,
    workers: int = 1,
) -> PaceReport:
    """Publish until `should_stop()`, asked before each image, or until the exposures end.

    An image takes some 10 ms to render, so it is rendered before its stamp, on another thread, and kept until
    then: the stamp is the time its content shows.

    Args:
        source: makes frames, on those threads, and sends them, on this one.
        now_ns: the clock the stamps are of.
        wait_until: returns when that clock shows at least so much.
        ahead: most frames kept ready.
        patience_ns: an exposure this much overdue is given up, not rendered.
        workers: threads that make frames.
    """
    lateness, published = Durations(), 0
    frames = FramesAhead(source.prepare, now_ns, exposures, ahead, patience_ns, workers)
    try:
        while not should_stop() and not frames.exhausted():
            frame = frames.take(_IDLE_S)
            if frame is not None:
                wait_until(frame.exposure.stamp_ns)
                lateness.add(now_ns() - frame.exposure.stamp_ns)
                source.hand_out(frame)
                published += 1
    finally:
        frames.close()
    return PaceReport(published, frames.missed, lateness.percentiles(), frames.rendering())
