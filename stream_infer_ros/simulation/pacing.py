"""Publishing frames on time: they are rendered before their stamps and published when they are due."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from stream_infer_ros.pipeline.health.durations import Durations, Percentiles
from stream_infer_ros.simulation.frames_ahead import FramesAhead
from stream_infer_ros.simulation.publisher import PreparedFrame
from stream_infer_ros.simulation.schedule import Exposure

# Interval at which a stop is noticed while no frame is ready, seconds.
_IDLE_S = 0.1


class FrameSource(Protocol):
    """Prepares and publishes frames: `WorldPublisher`."""

    def prepare(self, exposure: Exposure) -> PreparedFrame: ...

    def hand_out(self, frame: PreparedFrame) -> None: ...


@dataclass(frozen=True, slots=True)
class PaceReport:
    """The punctuality of the world.

    Attributes:
        published: images published.
        missed: exposures that were skipped, because they were overdue by more than the patience before they
            could be rendered. The machine is too slow for this world.
        lateness: publication minus stamp, over the last images; None before the first. It is part of the
            latency of a result, like the delay of a real camera driver.
        rendering: time to render and encode one image.
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
    """Publish until the exposures end or `should_stop()`, called before each image, returns True.

    Rendering an image takes about 10 ms. It is therefore rendered on another thread before its stamp, which
    is the time that the image shows.

    Args:
        source: prepares frames on other threads, and publishes them on this one.
        now_ns: the clock of the stamps.
        wait_until: returns when this clock shows at least the given time.
        ahead: largest number of frames that are kept ready.
        patience_ns: an exposure that is overdue by more than this is skipped.
        workers: threads that prepare frames.
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
