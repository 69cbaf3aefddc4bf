"""Suggestions of settings that help matching in time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import mean

from stream_infer_ros.config.tree import SyncConfig
from stream_infer_ros.pipeline.health.slop_suggestion import (
    SAME_RATE,
    STEP_NS,
    SlopSuggestion,
    phases_ns,
    positions_ns,
)
from stream_infer_ros.pipeline.health.sync_watch import SetRecord, StreamRecord
from stream_infer_ros.sync.frame_set import SetReason

# A suggested deadline is this much longer than what the last frames needed.
_MARGIN = 1.15
_MARGIN_NS = 5_000_000
# Fewer partial sets than this fraction are single losses, which no setting avoids.
_FEW = 0.05


def sync_advice(
    config: SyncConfig,
    slop_ns: int | None,
    deadline_ns: int | None,
    streams: Mapping[str, StreamRecord],
    sets: Sequence[SetRecord],
    slop: SlopSuggestion,
) -> list[str]:
    """Return lines that name the settings that help, with their values, or say that none does.

    Args:
        config: the settings in use.
        slop_ns, deadline_ns: the slop and the deadline in use; None if the policy has none.
        streams: the streams of all cameras.
        sets: the last sets.
        slop: the slop that the phases need.
    """
    if slop.slop_ns is None:
        return [f'no slop to suggest: {slop.because}']
    partial = [record for record in sets if record.missing]
    lines = []
    if deadline_ns is not None and len(partial) > _FEW * len(sets):
        lines += _deadline(deadline_ns, streams, partial)
        lines += _offsets(config, streams, slop)
    if config.policy != 'deadline':
        lines.append(
            f'suggested: {_SETTING[config.policy].format(ms=f"{slop.slop_ns / 1e6:.1f}")} ({slop.because})'
        )
    elif slop_ns is not None and _slop_helps(config, slop_ns, slop.slop_ns, bool(partial)):
        lines.append(f'suggested: sync.slop_ms: {slop.slop_ns / 1e6:.1f} ({slop.because})')
    if lines:
        return lines
    if partial:
        return ['no setting to suggest: slop and deadline fit the cameras; see above why cameras are missing']
    return ['nothing to change: slop and deadline fit the cameras']


def _slop_helps(config: SyncConfig, slop_ns: int, suggested_ns: int, is_partial: bool) -> bool:
    """True if another slop makes sets complete, or complete sets narrower.

    The automatic slop is always large enough.
    """
    if is_partial:
        return config.slop_ms > 0 and suggested_ns > slop_ns + STEP_NS
    return suggested_ns < slop_ns - STEP_NS


def needed_deadline_ns(streams: Mapping[str, StreamRecord]) -> int:
    """Return the deadline with which the last frames would have come in time; 0 if unknown."""
    positions = positions_ns(streams)
    if len(positions) < 2:
        return 0
    needed_ns = 0.0
    for camera, position_ns in positions.items():
        latency_ns = max(arrival.received_ns - arrival.stamp_ns for arrival in streams[camera].recent)
        others_ns = mean(other_ns for other, other_ns in positions.items() if other != camera)
        needed_ns = max(needed_ns, position_ns + latency_ns - others_ns)
    return int(needed_ns * _MARGIN) + _MARGIN_NS


def _deadline(
    deadline_ns: int, streams: Mapping[str, StreamRecord], partial: Sequence[SetRecord]
) -> list[str]:
    needed_ns = needed_deadline_ns(streams)
    is_late = any(record.reason is not SetReason.COMPLETE for record in partial)
    if not is_late or needed_ns <= deadline_ns:
        return []
    positions = positions_ns(streams)
    latency_ns = max(
        arrival.received_ns - arrival.stamp_ns for camera in positions for arrival in streams[camera].recent
    )
    return [
        f'suggested: sync.deadline_ms: {math.ceil(needed_ns / 1e6)} (it is {deadline_ns / 1e6:.0f}; the '
        f'cameras take the images of a set within {max(positions.values()) / 1e6:.0f} ms, which arrive up to '
        f'{latency_ns / 1e6:.0f} ms after their stamps; if results then exceed bound_ms, increase that too)'
    ]


def _offsets(config: SyncConfig, streams: Mapping[str, StreamRecord], slop: SlopSuggestion) -> list[str]:
    """Suggest offsets if the slop that the user wants is smaller than the stagger of the cameras."""
    if not config.slop_ms or slop.slop_ns is None or slop.slop_ns <= config.slop_ns:
        return []
    phases = phases_ns(streams)
    periods_ns = [streams[camera].period_ns for camera in phases]
    if max(periods_ns) > min(periods_ns) * (1 + SAME_RATE):
        return []
    offsets = ', '.join(
        f'camera.{camera}.time_offset_ms: {-phase_ns / 1e6:.1f}'
        for camera, phase_ns in phases.items()
        if abs(phase_ns) > config.slop_ns // 2
    )
    if not offsets:
        return []
    return [f'or, if the cameras are triggered one after the other on purpose: {offsets}']


# The setting that a better slop leads to, by policy.
_SETTING = {
    'message_filters': 'sync.slop_ms: {ms}',
    'approximate_time': 'sync.max_interval_ms: {ms}',
    'exact': 'sync.policy: deadline with sync.slop_ms: {ms}, unless all cameras share one trigger',
    'latest': 'sync.policy: deadline with sync.slop_ms: {ms}; the policy latest ignores stamps',
    'none': 'sync.policy: deadline with sync.slop_ms: {ms}, if these cameras see the same place',
}
