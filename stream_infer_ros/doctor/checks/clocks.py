"""Clocks: the stamps of each camera against the time of their arrival, and against other cameras."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from statistics import median

import numpy as np

from stream_infer_ros.doctor.findings import Finding, error, split_remedy, warning
from stream_infer_ros.doctor.observation import CameraFacts, Observation
from stream_infer_ros.pipeline.health.clock_words import clock_cause, clock_problem, duration
from stream_infer_ros.sync.sender_clocks import ClockKind, SenderClock

# Stamps before this are not times of day: they count from the start of a machine or of a simulation.
LEAST_EPOCH_NS = 10**18
# An offset from the other cameras that no exposure or transport explains.
APART_NS = 300_000_000
# A drift is reported if it is faster than this and the change is visible.
DRIFT_PPM, DRIFT_NS, FEWEST_FOR_DRIFT = 1000.0, 10_000_000, 12
SYNCHRONISE = 'synchronise the clocks of the computers (chrony, or PTP)'


def check_clocks(seen: Observation) -> Iterator[Finding]:
    """Check that all cameras are stamped by the clock of the graph."""
    offsets_ns = {c.name: int(np.median(c.latencies_ns())) for c in seen.heard if len(c.latencies_ns())}
    for camera in seen.heard:
        others = [offset for name, offset in offsets_ns.items() if name != camera.name]
        # A second publisher explains stamps that look like another clock.
        finding = _of_stamps(camera) or _of_clock(camera) or _drift(camera)
        if finding is None and camera.name in offsets_ns:
            finding = _apart(camera, offsets_ns[camera.name], others)
        if finding is not None:
            yield finding
    yield from _of_transforms(seen)


def _of_stamps(camera: CameraFacts) -> Finding | None:
    stamps = [arrival.stamp_ns for arrival in camera.arrivals]
    repeated = len(stamps) - len(set(stamps))
    if len(stamps) > 3 and len(stamps) // 10 < repeated < len(stamps) * 2 // 3:
        return error(
            'stamps_repeat',
            camera.subject,
            f'{repeated} of {len(stamps)} images have the stamp of an image before',
            'look for a second publisher on the image topic (`ros2 topic info -v`), or for a driver that '
            'repeats images or stamps',
        )
    back = sum(later < earlier for earlier, later in pairwise(stamps))
    if back > max(2, len(stamps) // 10):
        return error(
            'stamps_go_back',
            camera.subject,
            f'{back} of {len(stamps)} stamps are before the stamp of the image before',
            'look for a second publisher on the image topic (`ros2 topic info -v`)',
        )
    return None


def _of_clock(camera: CameraFacts) -> Finding | None:
    """Return what the pipeline itself says about the clock of a camera."""
    clock = camera.clock
    words = '' if clock is None else clock_problem(clock)
    if clock is None or not words:
        return None
    what, remedy = split_remedy(words, SYNCHRONISE)
    return warning(_name(clock), camera.subject, what, remedy)


def _name(clock: SenderClock) -> str:
    if clock.kind is ClockKind.UNSET:
        return 'clock_zero'
    if clock.kind is ClockKind.FROZEN:
        return 'clock_frozen'
    if clock.stamp_ns < LEAST_EPOCH_NS <= clock.received_ns:
        return 'clock_epoch'
    if clock.drift:
        return 'clock_drift'
    ahead = clock.offset_ns < 0 or (clock.least_delay_ns or 0) < 0
    return 'clock_ahead' if ahead else 'clock_behind'


def _apart(camera: CameraFacts, offset_ns: int, others: list[int]) -> Finding | None:
    if not others or any(abs(other - offset_ns) < APART_NS for other in others):
        return None
    late_ns = offset_ns - round(median(others))
    if late_ns < 0 and len(others) == 1:
        return None  # of two cameras, the late one is reported
    return warning(
        'clock_apart',
        camera.subject,
        f'its images arrive {duration(abs(late_ns))} {"later" if late_ns > 0 else "earlier"} after their '
        'stamps than those of the other cameras: its clock differs, or it delays images',
        'synchronise its clock with that of the others (chrony, or PTP), or find the delay in its driver',
    )


def _drift(camera: CameraFacts) -> Finding | None:
    latencies_ns = camera.latencies_ns()
    if len(latencies_ns) < FEWEST_FOR_DRIFT:
        return None
    third = len(latencies_ns) // 3
    # Transport only adds time, so that the least latency of a part shows the offset of the clocks best.
    parts = np.array([np.sort(part)[: max(1, third // 2)].mean() for part in np.array_split(latencies_ns, 3)])
    span_s = (camera.arrivals[-1].received_ns - camera.arrivals[0].received_ns) / 1e9 * 2 / 3
    steps = np.diff(parts)
    change_ns = float(parts[2] - parts[0])
    steady = bool((steps > 0).all() or (steps < 0).all()) and abs(steps).min() > 0.5 * abs(steps).max()
    if not steady or abs(change_ns) < DRIFT_NS or span_s <= 0:
        return None
    ppm = change_ns / span_s / 1e3
    if abs(ppm) < DRIFT_PPM:
        return None
    return warning(
        'clock_drift',
        camera.subject,
        f'its clock drifts by {abs(ppm) / 1e3:.1f} ms per second, too {"slow" if ppm > 0 else "fast"}',
        'synchronise its clock all the time (chrony, or PTP), or let the driver stamp with the system clock',
    )


def _of_transforms(seen: Observation) -> Iterator[Finding]:
    """Report transforms in a clock that no camera has."""
    clocks = seen.clocks
    if not seen.heard:
        return
    of_cameras = [sender.clock for sender in clocks.cameras.values()]
    odd = {
        child: sender
        for child, sender in clocks.transforms.items()
        if sender.kind is ClockKind.OFFSET and sender.clock not in of_cameras
    }
    for child, sender in odd.items():
        cause, remedy = clock_cause(-sender.offset_ns, sender.stamp_ns, sender.received_ns)
        side = 'behind' if sender.offset_ns > 0 else 'ahead of'
        yield warning(
            'clock_transforms',
            f'frame {child}',
            f'its transforms are stamped {duration(abs(sender.offset_ns))} {side} their arrival, and '
            f'images are not: {cause}',
            f'let all nodes use one clock; {remedy}',
        )
