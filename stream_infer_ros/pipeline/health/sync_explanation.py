"""Explanation of how frames are matched in time, by camera and for the last sets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stream_infer_ros.config.tree import SyncConfig
from stream_infer_ros.drop_causes import DropCause
from stream_infer_ros.pipeline.health.missing_camera import in_ms, why_missing
from stream_infer_ros.pipeline.health.slop_suggestion import SlopSuggestion, phases_ns, suggest_slop
from stream_infer_ros.pipeline.health.sync_advice import sync_advice
from stream_infer_ros.pipeline.health.sync_watch import SetRecord, StreamRecord, SyncWatch
from stream_infer_ros.sync.frame_set import SetReason

# cause -> camera -> count
Drops = Mapping[DropCause, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class CameraTiming:
    """The stream of one camera.

    Attributes:
        camera: its name.
        images: number of frames so far.
        rate_hz: from the stamps; 0 while unknown.
        phase_ns: distance of its frames behind those of the first camera; None while unknown.
        jitter_ns: median deviation of the intervals from the period.
        silent_ns: time since its last frame arrived; None if no frame has arrived.
        missed: number of missing frames, estimated from gaps between the stamps.
        drops: number of lost frames, by cause.
        refusing: the number of images that were refused and the reason, if the newest was; else empty.
    """

    camera: str
    images: int
    rate_hz: float
    phase_ns: int | None
    jitter_ns: int
    silent_ns: int | None
    missed: int
    drops: Mapping[DropCause, int]
    refusing: str = ''


@dataclass(frozen=True, slots=True)
class PartialExplanation:
    """The last set without some camera: its age, the reason why it left, and why each camera was missing."""

    age_ns: int
    reason: SetReason
    missing: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SyncExplanation:
    """The result of the service `~/explain_sync`; its `str()` is the text of the answer.

    Attributes:
        policy: sync.policy.
        slop_ns: the largest distance of a frame from its set; None if the policy has no such limit.
        cameras: in configured order.
        sets: the last sets, oldest first.
        partial: None if all sets had all cameras.
        suggestion: the slop that the phases need.
        suggestions: lines that name the settings that help, with their values, or say that none does.
        losses: losses in the middleware, their reason and the remedy; empty if there are none.
        clocks: camera -> the problem with its clock.
        deadline_ns: sets leave this long after their stamps; None if the policy has no deadline.
    """

    policy: str
    slop_ns: int | None
    cameras: tuple[CameraTiming, ...]
    sets: tuple[SetRecord, ...]
    partial: PartialExplanation | None
    suggestion: SlopSuggestion
    suggestions: tuple[str, ...]
    losses: str = ''
    clocks: Mapping[str, str] = field(default_factory=dict)
    deadline_ns: int | None = None

    def __str__(self) -> str:
        return '\n'.join(
            [
                *(
                    self._headline(),
                    *_table(self.cameras),
                    *self._sets(),
                    *self._partial(),
                    *self.suggestions,
                ),
                *([self.losses] if self.losses else []),
                *(f'{camera}: {problem}' for camera, problem in self.clocks.items()),
            ]
        )

    def _headline(self) -> str:
        slop = '' if self.slop_ns is None else f', slop {in_ms(self.slop_ns)}'
        deadline = '' if self.deadline_ns is None else f', deadline {in_ms(self.deadline_ns)}'
        return f'policy {self.policy}, {len(self.cameras)} cameras{slop}{deadline}'

    def _sets(self) -> list[str]:
        if not self.sets:
            return ['no set has left the synchronizer yet']
        spreads_ns = sorted(record.spread_ns for record in self.sets)
        reasons = Counter(record.reason.value for record in self.sets)
        partial = sum(bool(record.missing) for record in self.sets)
        counts = ', '.join(f'{n} {reason}' for reason, n in reasons.most_common())
        return [
            f'last {len(self.sets)} sets: {counts}; {partial} partial; '
            f'spread median {in_ms(spreads_ns[len(spreads_ns) // 2])}, widest {in_ms(spreads_ns[-1])}'
        ]

    def _partial(self) -> list[str]:
        if self.partial is None:
            return ['every set had all cameras'] if self.sets else []
        lines = [f'last partial set: {self.partial.age_ns / 1e9:.1f} s ago, {_LEFT[self.partial.reason]}']
        return [*lines, *(f'  without {camera}: {why}' for camera, why in self.partial.missing.items())]

    def advice(self) -> str:
        """Return the settings that are suggested and the reasons, as one line."""
        return '; '.join(self.suggestions)


def explain_sync(
    watch: SyncWatch,
    config: SyncConfig,
    slop_ns: int | None,
    drops: Drops,
    now_ns: int,
    losses: str = '',
    deadline_ns: int | None = None,
) -> SyncExplanation:
    """Explain matching in time as of `now_ns`.

    Args:
        watch: the recorded frames and sets.
        config: the settings in use.
        slop_ns: the largest distance of a frame from its set; None if the policy has no such limit.
        drops: losses so far.
        now_ns: time of the clock that stamps arrivals.
        losses: a description of losses in the middleware.
        deadline_ns: sets leave this long after their stamps; None if the policy has no deadline.
    """
    streams = watch.streams()
    phases = phases_ns(streams)
    cameras = tuple(
        _timing(camera, stream, phases.get(camera), drops, now_ns) for camera, stream in streams.items()
    )
    partial = watch.last_partial()
    explained = None
    if partial is not None:
        why = {
            camera: why_missing(camera, partial, streams[camera], config, slop_ns)
            for camera in partial.nearest
        }
        explained = PartialExplanation(now_ns - partial.record.left_ns, partial.record.reason, why)
    sets, slop = watch.sets(), suggest_slop(streams)
    suggestions = tuple(sync_advice(config, slop_ns, deadline_ns, streams, sets, slop))
    return SyncExplanation(
        config.policy,
        slop_ns,
        cameras,
        sets,
        explained,
        slop,
        suggestions,
        losses,
        deadline_ns=deadline_ns,
    )


def _timing(
    camera: str, stream: StreamRecord, phase_ns: int | None, drops: Drops, now_ns: int
) -> CameraTiming:
    rate_hz = 1e9 / stream.period_ns if stream.period_ns else 0.0
    silent_ns = now_ns - stream.recent[-1].received_ns if stream.recent else None
    lost = {cause: by_camera[camera] for cause, by_camera in drops.items() if camera in by_camera}
    return CameraTiming(
        camera,
        stream.received,
        rate_hz,
        phase_ns,
        stream.jitter_ns,
        silent_ns,
        stream.missed,
        lost,
        stream.refusing,
    )


def _table(cameras: Sequence[CameraTiming]) -> list[str]:
    width = max([len('camera'), *(len(camera.camera) for camera in cameras)])
    lines = [f'{"camera":{width}}  images  rate Hz  phase ms  jitter ms  missed  dropped']
    for timing in cameras:
        phase = '-' if timing.phase_ns is None else f'{timing.phase_ns / 1e6:+.1f}'
        rate = f'{timing.rate_hz:.1f}' if timing.rate_hz else '-'
        jitter = f'{timing.jitter_ns / 1e6:.1f}'
        drops = ', '.join(f'{cause} {n}' for cause, n in timing.drops.items()) or '-'
        counts = f'{timing.camera:{width}}  {timing.images:6}'
        line = f'{counts}  {rate:>7}  {phase:>8}  {jitter:>9}  {timing.missed:6}  {drops}'
        lines.append(line + _silence(timing))
    return lines


def _silence(timing: CameraTiming) -> str:
    if timing.refusing:
        return f'  ({timing.refusing})'
    if timing.silent_ns is None:
        return '  (no image yet)'
    patience_ns = max(1e9, 2.5e9 / timing.rate_hz if timing.rate_hz else 0.0)
    return f'  (silent for {timing.silent_ns / 1e9:.1f} s)' if timing.silent_ns > patience_ns else ''


_LEFT = {
    SetReason.COMPLETE: 'with every live camera in it',
    SetReason.DEADLINE: 'at its deadline',
    SetReason.OVERTAKEN: 'because a newer set left',
    SetReason.MATCHED: 'by the rule of its policy',
    SetReason.ARRIVED: 'on arrival',
}
