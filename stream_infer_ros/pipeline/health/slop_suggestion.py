"""Phases of the streams relative to each other, and the slop that they require."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from statistics import median_low

from stream_infer_ros.pipeline.health.sync_watch import Arrival, StreamRecord

# Jitter is a median deviation. Four standard deviations of a normal distribution are 5.9 of those. Three were
# too few in one of 800 simulated rigs, in which the jitter was estimated from twenty frames.
JITTER_MARGIN = 5.9
SAME_RATE = 0.05  # rates are equal if the periods differ by no more than this fraction
STEP_NS = 1_000_000  # a suggestion is rounded up to a multiple of this
PERIODS_APART = 5  # a stream whose newest frame is farther from the others is silent or has another clock


@dataclass(frozen=True, slots=True)
class SlopSuggestion:
    """A better value of sync.slop_ms.

    Attributes:
        slop_ns: the value; None while the rates of fewer than two cameras are known.
        because: the reason, as text.
    """

    slop_ns: int | None
    because: str


def phases_ns(streams: Mapping[str, StreamRecord]) -> dict[str, int]:
    """Return by how much the frames of each camera come after those of the first, within half a period.

    The phase is the median distance of the last frames from the nearest frame of the first camera. The
    estimated period is not used, because its error would add up. Cameras that are silent, have an unknown
    rate or another clock are left out.
    """
    known = _comparable(streams)
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


def positions_ns(streams: Mapping[str, StreamRecord]) -> dict[str, int]:
    """Return by how much the frames of each camera come after the first ones of their moment.

    The moments begin after the widest gap between two phases. Cameras without a known phase are left out.
    """
    phases = phases_ns(streams)
    if not phases:
        return {}
    period_ns = min(streams[camera].period_ns for camera in phases)
    on_circle = {camera: phase_ns % period_ns for camera, phase_ns in phases.items()}
    ascending = sorted(on_circle.values())
    gaps_ns = [
        (begin - end) % period_ns for end, begin in zip([ascending[-1], *ascending], ascending, strict=False)
    ]
    first_ns = ascending[gaps_ns.index(max(gaps_ns))]
    return {camera: (phase_ns - first_ns) % period_ns for camera, phase_ns in on_circle.items()}


def suggest_slop(streams: Mapping[str, StreamRecord]) -> SlopSuggestion:
    """Return the smallest slop with which frames of one moment are matched, in any order of arrival.

    It is the length of the shortest part of a period that contains all phases, plus the jitter of the worst
    two cameras, because the first frame alone is the mean of its set. The suggestion is at most half of the
    shortest period. With more slop, frames of the next moment would match as well.
    """
    phases = phases_ns(streams)
    if len(phases) < 2:
        return SlopSuggestion(None, 'the rates of fewer than two cameras are known')
    periods_ns = [streams[camera].period_ns for camera in phases]
    shortest_ns, longest_ns = min(periods_ns), max(periods_ns)
    half_ns = shortest_ns // 2
    if longest_ns > shortest_ns * (1 + SAME_RATE):
        return SlopSuggestion(
            half_ns,
            f'the rates differ ({1e9 / longest_ns:.1f} to {1e9 / shortest_ns:.1f} Hz), so the phases change: '
            'half of the shortest period',
        )
    stretch_ns = _shortest_stretch_ns(sorted(phase % shortest_ns for phase in phases.values()), shortest_ns)
    jitters_ns = sorted(streams[camera].jitter_ns for camera in phases)
    needed_ns = stretch_ns + int(JITTER_MARGIN * sum(jitters_ns[-2:]) / 2)
    found = (
        f'the phases are up to {stretch_ns / 1e6:.1f} ms apart, '
        f'the jitter is up to {jitters_ns[-1] / 1e6:.1f} ms'
    )
    if needed_ns > half_ns:
        return SlopSuggestion(
            half_ns,
            f'{found}: more than half a period, so frames of one moment cannot be told from those '
            'of the next; trigger the cameras together',
        )
    return SlopSuggestion(min((needed_ns // STEP_NS + 1) * STEP_NS, half_ns), found)


def _comparable(streams: Mapping[str, StreamRecord]) -> dict[str, StreamRecord]:
    """Return the streams whose newest frames are within a few periods of the median of all streams."""
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
    """Return the signed distance from the nearest frame of the reference."""
    offsets_ns = (arrival.stamp_ns - other.stamp_ns for other in reference.recent)
    return min(offsets_ns, key=abs)


def _shortest_stretch_ns(phases: list[int], period_ns: int) -> int:
    """Return the length of the shortest arc on a circle of one period with all these ascending phases."""
    gaps_ns = [later - earlier for earlier, later in pairwise(phases)]
    return period_ns - max([*gaps_ns, phases[0] + period_ns - phases[-1]])
