"""Explanation of why a camera is missing in a set of frames."""

from __future__ import annotations

from stream_infer_ros.config.tree import SyncConfig
from stream_infer_ros.pipeline.health.sync_watch import Arrival, PartialRecord, SetRecord, StreamRecord

# If the nearest frame is farther away than this fraction of a period, a frame is missing in between.
MOST_OF_A_PERIOD = 0.75


def why_missing(
    camera: str, partial: PartialRecord, stream: StreamRecord, config: SyncConfig, slop_ns: int | None
) -> str:
    """Explain it by the frame of the camera that is nearest in time to the set, even if it came later.

    Args:
        camera: one that is missing in the set.
        partial: the set, and the frames of the camera around it.
        stream: the stream of the camera.
        config: the settings in use.
        slop_ns: the largest distance of a frame from its set; None if the policy has no such limit.
    """
    record, nearest = partial.record, partial.nearest[camera]
    if nearest is None or stream.refusing:
        absent = 'no image of it has arrived; check that the camera runs, the name of its topic and the QoS'
        return f'its images are refused: {stream.refusing}' if stream.refusing else absent
    is_near = slop_ns is None or abs(nearest.stamp_ns - record.stamp_ns) <= slop_ns
    if is_near and nearest.received_ns > record.left_ns:
        return _late(nearest, record)
    silent = _silent(
        partial.heard[camera], record, max(config.camera_timeout_ms * 1e6, 2.5 * stream.period_ns)
    )
    if silent:
        return silent
    if slop_ns is None or is_near:
        place = _where(nearest, record)
        return f'its nearest image, {place}, had arrived, but is in another set or was dropped before'
    if stream.period_ns and abs(nearest.stamp_ns - record.stamp_ns) > MOST_OF_A_PERIOD * stream.period_ns:
        return (
            f'its image of that moment never arrived (the nearest is {_where(nearest, record)}): '
            'it was lost in the driver or on the way'
        )
    return f'its nearest image is {_where(nearest, record)}, farther than the slop of {in_ms(slop_ns)}'


def _late(nearest: Arrival, record: SetRecord) -> str:
    after_ns, old_ns = nearest.received_ns - record.left_ns, nearest.received_ns - nearest.stamp_ns
    return (
        f'its image, {_where(nearest, record)}, arrived {in_ms(after_ns)} after the set had left and '
        f'{in_ms(old_ns)} after its stamp; set sync.deadline_ms to more than that, or reduce the latency'
    )


def _silent(heard: Arrival | None, record: SetRecord, patience_ns: float) -> str:
    """Describe the silence; empty if a frame arrived recently."""
    if heard is None:
        return 'none of its images had arrived yet'
    silence_ns = record.left_ns - heard.received_ns
    if silence_ns <= patience_ns:
        return ''
    return (
        f'silent: its last image arrived {in_ms(silence_ns)} before; sets do not wait for it until it returns'
    )


def _where(nearest: Arrival, record: SetRecord) -> str:
    offset_ns = nearest.stamp_ns - record.stamp_ns
    return f'stamped {in_ms(abs(offset_ns))} {"after" if offset_ns > 0 else "before"} the set'


def in_ms(duration_ns: float) -> str:
    """Return a duration as text, in milliseconds."""
    return f'{duration_ns / 1e6:.1f} ms'
