"""The data path, step by step. No threads, no clock: `live` and `replay` drive it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter_ns

from stream_infer_ros.config import Config
from stream_infer_ros.graph.graph import Cdr
from stream_infer_ros.pipeline.fuser import Fuser
from stream_infer_ros.pipeline.intake import Intake
from stream_infer_ros.pipeline.locator import Locator
from stream_infer_ros.pipeline.outputs import Outputs
from stream_infer_ros.pipeline.perceiver import Perceiver
from stream_infer_ros.pipeline.processed_set import FusedSet, PerceivedSet
from stream_infer_ros.pipeline.statistics import Statistics
from stream_infer_ros.sync.frame_set import FrameSet


class Pipeline:
    """Bytes in, bytes out: receive, match, letterbox, infer, decode, locate, fuse, publish.

    `receive`, `perceive` and `deliver` may each run on a thread of their own: they share no state but the
    transform buffer and the camera states, which only grow or are replaced whole.
    """

    def __init__(
        self,
        intake: Intake,
        perceiver: Perceiver,
        locator: Locator,
        fuser: Fuser | None,
        outputs: Outputs,
        statistics: Statistics,
    ) -> None:
        self.intake = intake
        self.statistics = statistics
        self._perceiver = perceiver
        self._locator = locator
        self._fuser = fuser
        self.outputs = outputs

    def receive(self, topic: str, cdr: Cdr, received_ns: int) -> Sequence[FrameSet]:
        """Parse one message and match it in time; returns the sets that are ready."""
        return self.intake.accept(topic, cdr, received_ns)

    def perceive(self, frame_set: FrameSet) -> PerceivedSet:
        """Run the network on the frames of one set."""
        with self._timed('letterbox'):
            frames, batch = self._perceiver.letterbox(frame_set)
        with self._timed('inference'):
            outputs = self._perceiver.infer(batch) if frames else {}
        with self._timed('decode'):
            perceptions = self._perceiver.decode(outputs, batch) if frames else ()
        sizes = [(box.source_width, box.source_height) for box in batch.letterboxes]
        return PerceivedSet(frame_set, frames, sizes, perceptions)

    def deliver(self, perceived: PerceivedSet, now_ns: int) -> FusedSet:
        """Fuse one set into the map and publish all it gave; one without frames does not count."""
        with self._timed('fuse'):
            fused = self._fuse(perceived, now_ns)
        with self._timed('publish'):
            self.outputs.publish(fused)
        if perceived.frames:
            self.statistics.published(perceived.partial)
        return fused

    def refresh(self, now_ns: int) -> None:
        """No set came for a while: publish the map as the clock alone makes it (blind cells unknown)."""
        if self._fuser is not None:
            self.outputs.publish_map(*self._fuser.snapshot(now_ns, self._locator.newest_map_from_base()))

    def reset_map(self) -> None:
        """Begin a new map with the next set or refresh; from any thread."""
        if self._fuser is not None:
            self._fuser.reset()

    def retune(self, config: Config) -> None:
        """Take on the live settings, each step with the next thing it does; from any thread."""
        self.intake.retune(config.sync)
        self._perceiver.retune(config.model)
        self.outputs.retune(config)

    def _fuse(self, perceived: PerceivedSet, now_ns: int) -> FusedSet:
        if self._fuser is None:
            return FusedSet(perceived)
        located = self._locator.locate(perceived, now_ns)
        views, scans = self._fuser.fuse(located, now_ns)
        return FusedSet(perceived, views, scans, *self._fuser.snapshot(now_ns))

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        start_ns = perf_counter_ns()
        yield
        self.statistics.took(stage, perf_counter_ns() - start_ns)
