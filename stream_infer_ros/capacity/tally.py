"""Counting one trial: what was offered, what came out, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from stream_infer_ros.capacity.options import TrialOptions
from stream_infer_ros.pipeline.statistics import percentiles


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
        drops: cause -> frames lost.
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

    def result(self) -> TrialResult:
        """The trial as a whole, but for what it cost."""
        options = self._options
        latencies_ns = np.array([latency for _, latency in self.latencies()], np.int64)
        told = percentiles(latencies_ns)
        p50, p99 = (told.p50, told.p99) if told else (float('inf'), float('inf'))
        offered, lost = len(self._offered), len(self.lost_stamps())
        loss = lost / offered if offered else 1.0
        return TrialResult(
            options.streams,
            offered,
            len(latencies_ns),
            offered - lost,
            p50,
            p99,
            self._least(),
            loss,
            p99 <= options.bound_ms and loss <= options.most_lost,
        )

    def _least(self) -> float:
        bound_ns = self._options.bound_ms * 1e6
        of = dict.fromkeys(range(self._options.streams), 0)
        good = dict(of)
        for camera, stamp_ns in self._offered:
            of[camera] += 1
            out_ns = self._out_ns.get((camera, stamp_ns))
            good[camera] += out_ns is not None and out_ns - stamp_ns <= bound_ns
        return min(good[camera] / of[camera] for camera in of if of[camera])
