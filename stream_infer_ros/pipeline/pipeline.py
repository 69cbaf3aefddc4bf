"""The data path, step by step. No threads, no clock: `live` and `replay` drive it."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence, Set
from time import perf_counter_ns
from typing import Protocol

from stream_infer_ros.config import Config, ModelConfig
from stream_infer_ros.graph.graph import Cdr
from stream_infer_ros.mapping import GridSnapshot, GroundObject
from stream_infer_ros.pipeline.health.statistics import Statistics
from stream_infer_ros.pipeline.processed_set import FusedSet, PerceivedSet
from stream_infer_ros.pipeline.scheduling import TAIL, Schedule
from stream_infer_ros.pipeline.scheduling.derived_deadline import DerivedDeadline
from stream_infer_ros.pipeline.scheduling.time_left import TimeLeft
from stream_infer_ros.pipeline.steps.fuser import Fuser
from stream_infer_ros.pipeline.steps.intake import Intake
from stream_infer_ros.pipeline.steps.locator import Locator
from stream_infer_ros.sync.frame_set import FrameSet


class Sight(Protocol):
    """Tells what the frames of a set show: a network (`Perceiver`), or what came with them (`Detected`)."""

    @property
    def is_down(self) -> bool: ...

    def perceive(self, frame_set: FrameSet, within_s: float) -> PerceivedSet: ...

    def retune(self, config: ModelConfig) -> None: ...


class Publishes(Protocol):
    """Publishes what a set gave: all of it (`Outputs`), or what it made of the map (`MapOutputs`)."""

    def publish(self, fused: FusedSet) -> None: ...

    def scanned(self) -> Set[str]:
        """Cameras whose scan somebody listens to."""
        ...

    def publish_map(self, grid: GridSnapshot, objects: Sequence[GroundObject]) -> None: ...

    def retune(self, config: Config) -> None: ...


class Pipeline:
    """Bytes in, bytes out: receive, match, letterbox, infer, decode, locate, fuse, publish.

    `receive`, `perceive` and `deliver` may each run on a thread of their own: they share no state but the
    transform buffer and the camera states, which only grow or are replaced whole, and the outputs, of which
    detections are published by `perceive` or by `deliver`, and all else by `deliver`.
    """

    def __init__(
        self,
        intake: Intake,
        sights: Sequence[Sight],
        locator: Locator,
        fuser: Fuser | None,
        outputs: Publishes,
        statistics: Statistics,
        schedule: Schedule,
        config: Config,
    ) -> None:
        """`sights`: one for each thread that perceives."""
        self.intake = intake
        self.statistics = statistics
        self._bound_ms = config.bound_ms
        self._time_left = TimeLeft(config.bound_ms, statistics)
        self._deadline = DerivedDeadline(config, statistics)
        self._retuning = threading.Lock()  # what is told last is what was set last
        self.schedule = schedule
        self._sights = tuple(sights)
        self._locator = locator
        self._fuser = fuser
        self.outputs = outputs

    def receive(self, topic: str, cdr: Cdr, received_ns: int) -> Sequence[FrameSet]:
        """Parse one message and match it in time; returns the sets that are ready."""
        return self.intake.accept(topic, cdr, received_ns)

    @property
    def instances(self) -> int:
        """How many threads may call `perceive`, each with its own `instance`."""
        return len(self._sights)

    @property
    def with_map(self) -> bool:
        """Whether what is perceived goes into a map."""
        return self._fuser is not None

    def stands_aside(self, instance: int) -> bool:
        """Whether it is down while another works: always free, it would take most sets, and lose them."""
        return self._sights[instance].is_down and not all(sight.is_down for sight in self._sights)

    def perceive(self, frame_set: FrameSet, now_ns: int | None = None, instance: int = 0) -> PerceivedSet:
        """What the frames of one set show; `now_ns` is None where nobody waits for it (a replay)."""
        within_s = math.inf if now_ns is None else self._time_left.seconds(frame_set.exposed_ns, now_ns)
        return self._sights[instance].perceive(frame_set, within_s)

    def deliver(self, perceived: PerceivedSet, now_ns: int) -> FusedSet:
        """Fuse one set into the map and publish what is not out yet; one without frames does not count."""
        with self.statistics.timed('fuse'):
            fused = self._fuse(perceived, now_ns)
        start_ns = perf_counter_ns()
        self.outputs.publish(fused)
        self.statistics.took('publish', perf_counter_ns() - start_ns + perceived.publishing_ns)
        if perceived.frames:
            self.statistics.published(perceived.partial)
        return fused

    def look_at_times(self) -> int:
        """Adapt the sets' deadline to what was measured; how long what follows a run takes, nanoseconds.

        That is its p99, but no more than TAIL beyond its median. Worth doing now and then: it sorts thousands
        of values.
        """
        with self._retuning:
            sync = self._deadline.look()
            if sync is not None:
                self.intake.retune(sync)
        usual_ms = self.statistics.median_ms('fuse', 'publish')
        slow_ms = self.statistics.p99_ms('fuse', 'publish')
        return round(min(slow_ms, usual_ms + TAIL * self._bound_ms) * 1e6)

    def refresh(self, now_ns: int) -> None:
        """No set came for a while: publish the map as the clock alone makes it (blind cells unknown)."""
        if self._fuser is not None:
            self.outputs.publish_map(*self._fuser.snapshot(now_ns, self._locator.newest_map_from_base()))

    def reset_map(self) -> bool:
        """Begin a new map with the next set or refresh; whether there is a map. From any thread."""
        if self._fuser is None:
            return False
        self._fuser.reset()
        return True

    def retune(self, config: Config) -> None:
        """Take on the live settings, each step with the next thing it does; from any thread."""
        self._bound_ms = config.bound_ms
        self._time_left.retune(config.bound_ms)
        with self._retuning:
            self.intake.retune(self._deadline.retune(config))
        self.schedule.retune(round(config.bound_ms * 1e6))
        for sight in self._sights:
            sight.retune(config.model)
        self.outputs.retune(config)

    def _fuse(self, perceived: PerceivedSet, now_ns: int) -> FusedSet:
        if self._fuser is None:
            return FusedSet(perceived)
        located = self._locator.locate(perceived, now_ns)
        views, scans = self._fuser.fuse(located, now_ns, self.outputs.scanned())
        return FusedSet(perceived, views, scans, *self._fuser.snapshot(now_ns))
