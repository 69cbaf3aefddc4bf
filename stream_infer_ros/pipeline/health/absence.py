"""Why a camera was not in a set of frames."""

from __future__ import annotations

from stream_infer_ros.config.tree import SyncConfig
from stream_infer_ros.pipeline.health.sync_watch import Arrival, PartialRecord, SetRecord, StreamRecord

# Of a period: the nearest frame being farther than this, one was left out in between.
MOSTLY = 0.75


def why_absent(
    camera: str, partial: PartialRecord, stream: StreamRecord, config: SyncConfig, slop_ns: int | None
) -> str:
    """In words, judged by its frame nearest in time to the set, whenever that came.

    Args:
        camera: one that the set lacked.
        partial: the set, and what was heard of the camera.
        stream: the camera's stream.
        config: the settings in use.
        slop_ns: farthest a frame may lie from its set; None where the policy has no such bound.
    """
    record, nearest = partial.record, partial.nearest[camera]
    if nearest is None:
        return 'no image of it ever came; check that it runs, its topic name and QoS'
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
        return f'its nearest image, {place}, was here, but in another set, or lost before it reached one'
    if stream.period_ns and abs(nearest.stamp_ns - record.stamp_ns) > MOSTLY * stream.period_ns:
        return (
            f'its image of that moment never came (the nearest is {_where(nearest, record)}): '
            'lost in the driver or on the way'
        )
    return f'its nearest image is {_where(nearest, record)}, farther than the slop of {in_ms(slop_ns)}'


def _late(nearest: Arrival, record: SetRecord) -> str:
    after_ns, old_ns = nearest.received_ns - record.left_ns, nearest.received_ns - nearest.stamp_ns
    return (
        f'its image, {_where(nearest, record)}, came {in_ms(after_ns)} after the set had left '
        f'and {in_ms(old_ns)} after its stamp; make sync.deadline_ms longer than that, or the way shorter'
    )


def _silent(heard: Arrival | None, record: SetRecord, patience_ns: float) -> str:
    """Empty if it was heard of lately."""
    if heard is None:
        return 'none of its images had come yet'
    silence_ns = record.left_ns - heard.received_ns
    if silence_ns <= patience_ns:
        return ''
    return f'silent: its last image had come {in_ms(silence_ns)} before; not waited for until it returns'


def _where(nearest: Arrival, record: SetRecord) -> str:
    offset_ns = nearest.stamp_ns - record.stamp_ns
    return f'stamped {in_ms(abs(offset_ns))} {"after" if offset_ns > 0 else "before"} the set'


def in_ms(duration_ns: float) -> str:
    """Nanoseconds in words."""
    return f'{duration_ns / 1e6:.1f} ms'
