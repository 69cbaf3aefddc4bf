"""Explanations of why frames matched or did not, per camera and for the last sets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stream_infer_ros.config.tree import SyncConfig
from stream_infer_ros.drop_causes import DropCause
from stream_infer_ros.pipeline.health.absence import in_ms, why_absent
from stream_infer_ros.pipeline.health.slop_suggestion import SlopSuggestion, phases_ns, suggest_slop
from stream_infer_ros.pipeline.health.sync_watch import SetRecord, StreamRecord, SyncWatch
from stream_infer_ros.sync.frame_set import SetReason

# cause -> camera -> count, as Diagnostics tells them
Drops = Mapping[DropCause, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class CameraTiming:
    """One camera's stream.

    Attributes:
        camera: its name.
        images: frames so far.
        rate_hz: from its stamps; 0 while unknown.
        phase_ns: how far its frames lie behind the first camera's; None while unknown.
        jitter_ns: median deviation of its period.
        silent_ns: since its last frame arrived; None if none ever did.
        missed: missing frames, estimated from the gaps between its stamps.
        drops: frames lost, by cause.
    """

    camera: str
    images: int
    rate_hz: float
    phase_ns: int | None
    jitter_ns: int
    silent_ns: int | None
    missed: int
    drops: Mapping[DropCause, int]


@dataclass(frozen=True, slots=True)
class PartialExplanation:
    """The last set that lacked a camera: how long ago it left, why then, and why each was missing."""

    age_ns: int
    reason: SetReason
    missing: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SyncExplanation:
    """The result of `~/explain_sync`; `str()` of it is the text.

    Attributes:
        policy: sync.policy.
        slop_ns: farthest a frame may lie from its set; None where the policy has no such bound.
        cameras: in configured order.
        sets: the last ones, oldest first.
        partial: None if every set had all cameras.
        suggestion: a better slop.
        losses: losses in the middleware, their reason and the remedy; empty if there are none.
    """

    policy: str
    slop_ns: int | None
    cameras: tuple[CameraTiming, ...]
    sets: tuple[SetRecord, ...]
    partial: PartialExplanation | None
    suggestion: SlopSuggestion
    losses: str = ''

    def __str__(self) -> str:
        return '\n'.join(
            [
                *(self._headline(), *_table(self.cameras), *self._sets(), *self._partial(), self._advice()),
                *([self.losses] if self.losses else []),
            ]
        )

    def _headline(self) -> str:
        slop = '' if self.slop_ns is None else f', slop {in_ms(self.slop_ns)}'
        return f'policy {self.policy}, {len(self.cameras)} cameras{slop}'

    def _sets(self) -> list[str]:
        if not self.sets:
            return ['no set has left yet']
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

    def _advice(self) -> str:
        slop_ns, because = self.suggestion.slop_ns, self.suggestion.because
        if slop_ns is None:
            return f'no slop to suggest: {because}'
        return f'suggested: {_SETTING[self.policy].format(ms=f"{slop_ns / 1e6:.1f}")} ({because})'


def explain_sync(
    watch: SyncWatch, config: SyncConfig, slop_ns: int | None, drops: Drops, now_ns: int, losses: str = ''
) -> SyncExplanation:
    """Explain matching in time as of `now_ns`.

    Args:
        watch: the recorded frames and sets.
        config: the settings in use.
        slop_ns: farthest a frame may lie from its set at present; None where the policy has no such bound.
        drops: losses so far.
        now_ns: the clock that frames arrive by.
        losses: a description of losses in the middleware.
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
            camera: why_absent(camera, partial, streams[camera], config, slop_ns)
            for camera in partial.nearest
        }
        explained = PartialExplanation(now_ns - partial.record.left_ns, partial.record.reason, why)
    return SyncExplanation(
        config.policy, slop_ns, cameras, watch.sets(), explained, suggest_slop(streams), losses
    )


def _timing(
    camera: str, stream: StreamRecord, phase_ns: int | None, drops: Drops, now_ns: int
) -> CameraTiming:
    health = stream.health
    silent_ns = None if health.last_heard_ns is None else now_ns - health.last_heard_ns
    lost = {cause: by_camera[camera] for cause, by_camera in drops.items() if camera in by_camera}
    return CameraTiming(
        camera, health.received, health.rate_hz, phase_ns, health.jitter_ns, silent_ns, health.missed, lost
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
    if timing.silent_ns is None:
        return '  (never heard)'
    patience_ns = max(1e9, 2.5e9 / timing.rate_hz if timing.rate_hz else 0.0)
    return f'  (silent for {timing.silent_ns / 1e9:.1f} s)' if timing.silent_ns > patience_ns else ''


_LEFT = {
    SetReason.COMPLETE: 'with every live camera in it',
    SetReason.DEADLINE: 'at its deadline',
    SetReason.OVERTAKEN: 'because a newer set left',
    SetReason.MATCHED: 'as its policy matches',
    SetReason.ARRIVED: 'on arrival',
}
# What a better slop means to each policy.
_SETTING = {
    'deadline': 'sync.slop_ms: {ms}',
    'message_filters': 'sync.slop_ms: {ms}',
    'approximate_time': 'sync.max_interval_ms: {ms}',
    'exact': 'sync.policy: deadline with sync.slop_ms: {ms}, unless all cameras share one trigger',
    'latest': 'sync.policy: deadline with sync.slop_ms: {ms}; latest looks at no stamps',
    'none': 'sync.policy: deadline with sync.slop_ms: {ms}, if these cameras see one place',
}
