"""How the streams lie to each other in time, and the slop that follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from statistics import median_low

from stream_infer_ros.pipeline.health.sync_watch import Arrival, StreamRecord

# Of a normal distribution four standard deviations are 5.9 median deviations; jitter is one of those. (With
# three, what twenty frames say of the jitter was too little once in 800 simulated rigs: 36 sets of 40.)
JITTER_MARGIN = 5.9
SAME_RATE = 0.05  # periods this close, as a fraction, are one rate
STEP_NS = 1_000_000  # suggestions are rounded up to whole milliseconds
PERIODS_APART = 5  # newest frames farther from the others' than this: silent, or another clock


@dataclass(frozen=True, slots=True)
class SlopSuggestion:
    """What sync.slop_ms had better be.

    Attributes:
        slop_ns: the value; None while fewer than two cameras tell a rate.
        because: the reason, in words.
    """

    slop_ns: int | None
    because: str


def phases_ns(streams: Mapping[str, StreamRecord]) -> dict[str, int]:
    """How far each camera's frames lie behind those of the first, within half a period.

    The median over its last frames of the distance to the reference's nearest: no error of a period adds up.
    Cameras whose rate is unknown, that are silent, or whose clock is another one, are left out.
    """
    known = _in_step(streams)
    if not known:
        return {}
    reference = next(iter(known.values()))
    phases = {}
    for camera, stream in known.items():
        half_ns = min(stream.period_ns, reference.period_ns) // 2
        offsets_ns = [_offset_ns(arrival, reference) for arrival in stream.recent]
        near_ns = [offset_ns for offset_ns in offsets_ns if abs(offset_ns) <= half_ns]
        if near_ns:
            phases[camera] = median_low(near_ns)
    return phases


def suggest_slop(streams: Mapping[str, StreamRecord]) -> SlopSuggestion:
    """The least slop that holds frames of one moment together, whatever order they arrive in.

    That is the shortest stretch of a period that all phases lie in, plus the jitter of the worst two: the
    first frame alone is the mean of its set. More than half the shortest period is never suggested: frames
    of the next moment would be as near.
    """
    phases = phases_ns(streams)
    if len(phases) < 2:
        return SlopSuggestion(None, 'fewer than two cameras have told their rate yet')
    periods_ns = [streams[camera].period_ns for camera in phases]
    shortest_ns, longest_ns = min(periods_ns), max(periods_ns)
    half_ns = shortest_ns // 2
    if longest_ns > shortest_ns * (1 + SAME_RATE):
        return SlopSuggestion(
            half_ns,
            f'rates differ ({1e9 / longest_ns:.1f} to {1e9 / shortest_ns:.1f} Hz), so phases wander: '
            'half the shortest period',
        )
    stretch_ns = _shortest_stretch_ns(sorted(phase % shortest_ns for phase in phases.values()), shortest_ns)
    jitters_ns = sorted(streams[camera].health.jitter_ns for camera in phases)
    needed_ns = stretch_ns + int(JITTER_MARGIN * sum(jitters_ns[-2:]) / 2)
    found = f'phases lie {stretch_ns / 1e6:.1f} ms apart, jitter is up to {jitters_ns[-1] / 1e6:.1f} ms'
    if needed_ns > half_ns:
        return SlopSuggestion(
            half_ns,
            f'{found}: more than half a period, so that frames of one moment and of the next look alike; '
            'trigger the cameras together',
        )
    return SlopSuggestion(min((needed_ns // STEP_NS + 1) * STEP_NS, half_ns), found)


def _in_step(streams: Mapping[str, StreamRecord]) -> dict[str, StreamRecord]:
    """Those whose newest frames are of one time: within a few periods of what most show."""
    known = {camera: stream for camera, stream in streams.items() if stream.period_ns and stream.recent}
    if not known:
        return {}
    common_ns = median_low([stream.recent[-1].stamp_ns for stream in known.values()])
    return {
        camera: stream
        for camera, stream in known.items()
        if abs(stream.recent[-1].stamp_ns - common_ns) <= PERIODS_APART * stream.period_ns
    }


def _offset_ns(arrival: Arrival, reference: StreamRecord) -> int:
    """Signed distance from the reference's nearest frame."""
    offsets_ns = (arrival.stamp_ns - other.stamp_ns for other in reference.recent)
    return min(offsets_ns, key=abs)


def _shortest_stretch_ns(phases: list[int], period_ns: int) -> int:
    """The shortest arc of a circle of one period that holds all of these rising phases."""
    gaps_ns = [later - earlier for earlier, later in pairwise(phases)]
    return period_ns - max([*gaps_ns, phases[0] + period_ns - phases[-1]])
