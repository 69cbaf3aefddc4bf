"""The count of one trial: frames offered, results published, and their latency."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from stream_infer_ros.capacity.options import TrialOptions
from stream_infer_ros.pipeline.health.durations import percentiles

# A trial has recovered from a burst when no frame is late for this time.
_CALM_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class TrialResult:
    """The outcome of the counted frames of one trial.

    Attributes:
        streams: number of cameras.
        offered: frames that the cameras were to publish.
        published: frames with a published result.
        in_time: frames with a result inside the bound.
        p50_ms, p99_ms: header stamp to published result, of the published frames; inf if there are none.
        least_of_a_stream: the smallest share of frames in time of any stream.
        loss: share of the offered frames that were lost or late.
        held: True if p99 is inside the bound and the loss is at most `TrialOptions.most_lost`.
        cpu_s: processor seconds of the process of the pipeline.
        camera_cpu_s: processor seconds of the process of the cameras; 0 if it is the process of the pipeline.
        camera_late_ms: p99 of the time from the stamp to the publication of an image.
        drops: cause -> frames lost, including the warm-up.
        unexplained: published images that have neither a result nor a counted loss.
        stages_ms: step of the pipeline -> p50 of its duration; of the slowest camera for steps per camera.
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
    """Collects results. All times are nanoseconds after the beginning of the trial."""

    def __init__(self, options: TrialOptions) -> None:
        self._options = options
        from_ns, until_ns = options.counted_ns
        self._offered = {
            (e.camera, e.stamp_ns) for e in options.exposures() if from_ns <= e.stamp_ns < until_ns
        }
        self._out_ns: dict[tuple[int, int], int] = {}

    def published(self, camera: int, stamp_ns: int, out_ns: int) -> None:
        """Note that the result of a frame was published at `out_ns`; ignored if the frame is not counted."""
        if (camera, stamp_ns) in self._offered:
            self._out_ns.setdefault((camera, stamp_ns), out_ns)

    @property
    def offered(self) -> int:
        """The number of counted frames that the cameras were to publish."""
        return len(self._offered)

    def latencies(self) -> list[tuple[int, int]]:
        """Return (stamp, latency) of every counted result, nanoseconds, in the order of the stamps."""
        return sorted((stamp_ns, out_ns - stamp_ns) for (_, stamp_ns), out_ns in self._out_ns.items())

    def lost_stamps(self) -> list[int]:
        """Return the stamps of the counted frames without a result inside the bound, nanoseconds."""
        bound_ns = self._options.bound_ms * 1e6
        never = bound_ns + 1
        return sorted(
            stamp_ns
            for camera, stamp_ns in self._offered
            if self._out_ns.get((camera, stamp_ns), stamp_ns + never) - stamp_ns > bound_ns
        )

    def result(self, between_s: tuple[float, float] | None = None) -> TrialResult:
        """Return the result without CPU times, of the trial or of a part (seconds after the warm-up)."""
        options = self._options
        offered = self._offered if between_s is None else self._within(between_s)
        out_ns = {frame: out for frame, out in self._out_ns.items() if frame in offered}
        latency = percentiles(np.array([out - stamp for (_, stamp), out in out_ns.items()], np.int64))
        p50, p99 = (latency.p50, latency.p99) if latency else (float('inf'), float('inf'))
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
    """Return the smallest share of frames in time of any stream."""
    of = Counter(camera for camera, _ in offered)
    good = Counter(camera for camera, _ in in_time)
    return min((good[camera] / n for camera, n in of.items()), default=0.0)


def recovery_s(tally: Tally, options: TrialOptions) -> float | None:
    """Return the seconds from the end of the burst until frames are in time again, for at least a second.

    0 if no frame was lost or late after the burst; None if the trial ended before.
    """
    if options.burst is None:
        return 0.0
    end_ns = round((options.warm_up_s + options.burst[1]) * 1e9)
    until_ns = options.counted_ns[1]
    affected_ns = end_ns
    for stamp_ns in tally.lost_stamps():
        if stamp_ns < end_ns:
            continue
        if stamp_ns - affected_ns >= _CALM_NS:
            break  # a loss after a second without losses has another cause
        affected_ns = stamp_ns
    return None if until_ns - affected_ns < _CALM_NS else (affected_ns - end_ns) / 1e9
