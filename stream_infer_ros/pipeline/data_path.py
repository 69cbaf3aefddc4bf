"""The data path: from the bytes of camera messages to published detections and a published map.

`data_path` is the whole of it, for live runs and for recordings. Threads and queues belong to the runner;
the steps know nothing of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from stream_infer_ros.errors import EngineDown, InferenceMissed
from stream_infer_ros.pipeline.health.stage_times import StageTimes
from stream_infer_ros.pipeline.health.statistics import Stage, Statistics
from stream_infer_ros.pipeline.results import PerceivedSet, Result
from stream_infer_ros.pipeline.scheduling import Job
from stream_infer_ros.pipeline.steps.fuse import Fused, Fuser
from stream_infer_ros.pipeline.steps.locate import Locator
from stream_infer_ros.pipeline.steps.match import Matcher
from stream_infer_ros.pipeline.steps.perceive import Perceiver
from stream_infer_ros.pipeline.steps.publish import Outputs
from stream_infer_ros.pipeline.steps.read import Message, MessageReader, Tick
from stream_infer_ros.sync.frame_set import FrameSet

Perceive = Callable[[Job, int], PerceivedSet]


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of the data path.

    Attributes:
        read: turns messages into frames, and keeps calibrations and transforms.
        match: joins frames of several cameras into sets.
        perceivers: letterbox, run the engine and decode; one for each engine, each for one thread.
        locate: adds calibration and transforms to what the cameras see.
        fuse: updates the map; None if no map is wanted.
        outputs: publishes everything.
        statistics: records the durations of the steps.
    """

    read: MessageReader
    match: Matcher
    perceivers: Sequence[Perceiver]
    locate: Locator
    fuse: Fuser | None
    outputs: Outputs
    statistics: Statistics


class Runner(Protocol):
    """Decides where messages come from, what waits where, and which thread runs what."""

    def messages(self) -> Iterator[Message | Tick]:
        """Yield the messages as they arrive, and a Tick when time has passed."""
        ...

    def schedule(self, sets: Iterable[FrameSet]) -> Iterator[Job]:
        """Yield what is to be run next; drop and count what would be too late."""
        ...

    def perceive(self, jobs: Iterator[Job], perceive: Perceive) -> Iterator[PerceivedSet | None]:
        """Yield `perceive(job, engine)` in the order of the jobs; None if no set came for a while.

        There is one thread for each engine. Engines are counted from 0.
        """
        ...

    def now_ns(self) -> int:
        """Return the time of the graph's clock, nanoseconds."""
        ...


def data_path(steps: Steps, runner: Runner) -> Iterator[Result]:
    """Turn camera messages into published detections and maps; yield the result of each set."""
    publish_at_once = len(steps.perceivers) == 1  # of several engines, a later set may be done first

    def perceive(job: Job, engine: int) -> PerceivedSet:
        perceiver, times = steps.perceivers[engine], StageTimes()
        pictures = perceiver.letterbox(job.frames)
        # The engine pulls the next picture while it works on the one before, and each image is decoded and
        # published while it works on those behind it.
        outputs = times.of(Stage.INFERENCE, perceiver.run(times.of(Stage.LETTERBOX, pictures), job.within_s))
        images = times.of(Stage.DECODE, perceiver.decode(outputs, pictures))
        if publish_at_once:
            images = times.of(Stage.PUBLISH, steps.outputs.publish_each(images))
        seen = PerceivedSet(job, [], times)
        try:
            for image in images:
                seen.images.append(image)
        except (InferenceMissed, EngineDown) as error:
            perceiver.count_lost(pictures, len(seen.images), error)
        return seen

    frames = steps.read(runner.messages())
    sets = steps.match(frames)
    jobs = runner.schedule(sets)
    for seen in runner.perceive(jobs, perceive):
        now_ns, fused = runner.now_ns(), Fused()
        if seen is None:  # the map changes with time, even if no camera sends
            if steps.fuse is not None:
                steps.outputs.publish_map(steps.fuse.aged(now_ns, steps.locate.newest_map_from_base()))
            continue
        if steps.fuse is not None:
            with seen.times.during(Stage.FUSE):
                views = steps.locate(seen, now_ns)
                fused = steps.fuse(views, now_ns, steps.outputs.cameras_with_scan())
        with seen.times.during(Stage.PUBLISH):
            steps.outputs.publish_set(seen, fused)
        record_set(seen, steps.statistics)
        yield Result(seen, runner.now_ns(), refusals=steps.read.refusals(), **fused._asdict())


def record_set(seen: PerceivedSet, statistics: Statistics) -> None:
    """Record a published set, and how long each stage took. A set without any result is not counted."""
    if not seen.images:
        return
    times = seen.times
    for stage in (Stage.LETTERBOX, Stage.INFERENCE, Stage.DECODE, Stage.FUSE, Stage.PUBLISH):
        statistics.took(stage, times.spent_ns(stage))
    statistics.took(Stage.AFTER_RUN, times.spent_ns(Stage.FUSE, Stage.PUBLISH))
    statistics.took(Stage.AFTER_INFERENCE, times.spent_ns(Stage.DECODE, Stage.FUSE, Stage.PUBLISH))
    statistics.published(seen.partial, sum(image.perception.invalid for image in seen.images))
