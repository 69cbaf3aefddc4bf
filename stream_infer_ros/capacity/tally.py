"""Counting one trial: what was offered, what came out, and when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from stream_infer_ros.capacity.options import TrialOptions
from stream_infer_ros.pipeline.health.durations import percentiles


@dataclass(frozen=True, slots=True)
class TrialResult:
    """What became of the counted frames of one trial.

    Attributes:
        streams: cameras.
        offered: frames the cameras were to publish.
        published: frames with a published result.
        in_time: of these, inside the bound.
        p50_ms, p99_ms: header stamp to published result, of those published; inf where there are none.
        least_of_a_stream: share of its frames that came in time, of the stream that fared worst.
        loss: share of the offered that was lost or late.
        held: p99 inside the bound, and no more lost or late than allowed.
        cpu_s: processor seconds of the pipeline's process.
        camera_cpu_s: of the cameras' process; 0 where they share the pipeline's.
        camera_late_ms: p99 of publication after stamp: what the cameras added.
        drops: cause -> frames lost, from the first of the warm-up on.
        unexplained: frames the cameras published that neither came out nor were counted as lost.
        stages_ms: step of the pipeline -> how long it took, p50; of steps per camera the slowest camera's.
    """

    streams: int
    offered: int
    published: int
    in_time: int
    p50_ms: float
    p99_ms: float
    least_of_a_stream: float
    loss: float
    held: bool
    cpu_s: float = 0.0
    camera_cpu_s: float = 0.0
    camera_late_ms: float = 0.0
    drops: Mapping[str, int] = field(default_factory=dict)
    unexplained: int = 0
    stages_ms: Mapping[str, float] = field(default_factory=dict)


class Tally:
    """Results as they come, in the time of the trial: nanoseconds after its beginning."""

    def __init__(self, options: TrialOptions) -> None:
        self._options = options
        from_ns, until_ns = options.counted_ns
        self._offered = {
            (e.camera, e.stamp_ns) for e in options.exposures() if from_ns <= e.stamp_ns < until_ns
        }
        self._out_ns: dict[tuple[int, int], int] = {}

    def published(self, camera: int, stamp_ns: int, out_ns: int) -> None:
        """A frame's result was out at `out_ns`. One that was not offered is not counted."""
        if (camera, stamp_ns) in self._offered:
            self._out_ns.setdefault((camera, stamp_ns), out_ns)

    @property
    def offered(self) -> int:
        """The number of counted frames that the cameras were to publish."""
        return len(self._offered)

    def latencies(self) -> list[tuple[int, int]]:
        """(stamp, latency) of every counted result, nanoseconds, in the order of the stamps."""
        return sorted((stamp_ns, out_ns - stamp_ns) for (_, stamp_ns), out_ns in self._out_ns.items())

    def lost_stamps(self) -> list[int]:
        """Stamps of the counted frames without a result inside the bound, nanoseconds."""
        bound_ns = self._options.bound_ms * 1e6
        never = bound_ns + 1
        return sorted(
            stamp_ns
            for camera, stamp_ns in self._offered
            if self._out_ns.get((camera, stamp_ns), stamp_ns + never) - stamp_ns > bound_ns
        )

    def result(self, between_s: tuple[float, float] | None = None) -> TrialResult:
        """The trial as a whole, or the frames with stamps in a part of it (seconds after the warm-up).

        What it cost is not known here.
        """
        options = self._options
        offered = self._offered if between_s is None else self._within(between_s)
        out_ns = {frame: out for frame, out in self._out_ns.items() if frame in offered}
        told = percentiles(np.array([out - stamp for (_, stamp), out in out_ns.items()], np.int64))
        p50, p99 = (told.p50, told.p99) if told else (float('inf'), float('inf'))
        in_time = {frame for frame, out in out_ns.items() if out - frame[1] <= options.bound_ms * 1e6}
        loss = 1.0 - len(in_time) / len(offered) if offered else 1.0
        return TrialResult(
            len({camera for camera, _ in offered}),
            len(offered),
            len(out_ns),
            len(in_time),
            p50,
            p99,
            _least(offered, in_time),
            loss,
            p99 <= options.bound_ms and loss <= options.most_lost,
        )

    def _within(self, between_s: tuple[float, float]) -> set[tuple[int, int]]:
        from_ns, until_ns = ((self._options.warm_up_s + seconds) * 1e9 for seconds in between_s)
        return {frame for frame in self._offered if from_ns <= frame[1] < until_ns}


def _least(offered: set[tuple[int, int]], in_time: set[tuple[int, int]]) -> float:
    """Share of its frames that came in time, of the stream that fared worst."""
    of = Counter(camera for camera, _ in offered)
    good = Counter(camera for camera, _ in in_time)
    return min((good[camera] / n for camera, n in of.items()), default=0.0)
