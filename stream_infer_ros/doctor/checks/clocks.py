"""Clocks: the stamps of each camera against the time of their arrival, and against other cameras."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from statistics import median

import numpy as np

from stream_infer_ros.cameras.frame import AHEAD_NS, BEHIND_NS
from stream_infer_ros.doctor.findings import Finding, error, warning
from stream_infer_ros.doctor.observation import CameraFacts, Observation

# TAI and PTP are ahead of UTC by the leap seconds, 37 since 2017; GPS time by 18.
TAI_AHEAD_S, GPS_AHEAD_S = 37, 18
# Stamps before this are not times of day: they count from the start of a machine or of a simulation.
LEAST_EPOCH_NS = 1_000_000_000 * 10**9
# A camera stamps ahead of its arrival if most of its images do so by this much.
AHEAD_OF_ARRIVAL_NS = 20_000_000
# An offset from the other cameras that no exposure or transport explains.
APART_NS = 300_000_000
# A drift is reported if it is faster than this and the change is visible.
DRIFT_PPM, DRIFT_NS, FEWEST_FOR_DRIFT = 1000.0, 10_000_000, 12


def check_clocks(seen: Observation) -> Iterator[Finding]:
    """Check that all cameras are stamped by the clock of the graph."""
    offsets_ns = {c.name: int(np.median(c.latencies_ns())) for c in seen.heard if c.arrivals}
    for camera in seen.heard:
        if camera.name not in offsets_ns:
            continue
        others = [offset for name, offset in offsets_ns.items() if name != camera.name]
        finding = _of_stamps(camera, seen) or _of_offset(camera, offsets_ns[camera.name], others)
        if finding is not None:
            yield finding
        elif (drift := _drift(camera)) is not None:
            yield drift
    if any(topic.name == '/clock' for topic in seen.topics) and not offsets_ns:
        return
    yield from _simulated(seen)


def _of_stamps(camera: CameraFacts, seen: Observation) -> Finding | None:
    stamps = [arrival.stamp_ns for arrival in camera.arrivals]
    if not any(stamps):
        return error(
            'clock_zero',
            camera.subject,
            'all stamps are 0: the driver does not set header.stamp',
            'set header.stamp in the driver, to the time of exposure',
        )
    repeated = len(stamps) - len(set(stamps))
    if len(stamps) > 3 and repeated > len(stamps) // 10:
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
    received_ns = camera.arrivals[-1].received_ns
    if max(stamps) < LEAST_EPOCH_NS < received_ns:
        clock = any(topic.name == '/clock' for topic in seen.topics)
        return error(
            'clock_epoch',
            camera.subject,
            f'its stamps begin at {min(stamps) / 1e9:.1f} s: they count from the start of a simulation '
            'or of a '
            'machine, and are no times of day',
            'run the node with use_sim_time:=true, because /clock is published'
            if clock
            else 'let the driver use the system clock (ROS time) for header.stamp',
        )
    return None


def _of_offset(camera: CameraFacts, offset_ns: int, others: list[int]) -> Finding | None:
    """Return what is wrong with stamps that lie `offset_ns` before their arrival."""
    alone = [other for other in others if abs(other - offset_ns) < APART_NS]
    which = '' if alone or not others else ', and those of all other cameras do not'
    if offset_ns < -AHEAD_OF_ARRIVAL_NS:
        ahead_s = -offset_ns / 1e9
        report = error if offset_ns < -AHEAD_NS else warning
        what = f'its stamps lie {ahead_s:.3f} s ahead of their arrival{which}'
        for leap_s, name in ((TAI_AHEAD_S, 'TAI, as from PTP'), (GPS_AHEAD_S, 'GPS time')):
            if abs(ahead_s - leap_s) < 0.5:
                return report(
                    'clock_ahead',
                    camera.subject,
                    f'{what}: its clock keeps {name}, which is {leap_s} s ahead of UTC',
                    'let the driver or phc2sys subtract the leap seconds (phc2sys -O, or utc_offset in '
                    'ptp4l)',
                )
        return report(
            'clock_ahead',
            camera.subject,
            f'{what}: its clock is fast',
            'synchronise the clock of the camera or of its computer with this one (chrony, ptp4l)',
        )
    if offset_ns > BEHIND_NS:
        return error(
            'clock_behind',
            camera.subject,
            f'its stamps lie {offset_ns / 1e9:.1f} s behind their arrival{which}: its clock is slow, or the '
            'images are old',
            'synchronise the clock of the camera or of its computer with this one (chrony, ptp4l); if a '
            'recording is played, play it with --clock and run the node with use_sim_time:=true',
        )
    if others and abs(offset_ns - median(others)) > APART_NS and not alone:
        late_s = (offset_ns - median(others)) / 1e9
        return warning(
            'clock_apart',
            camera.subject,
            f'its images arrive {abs(late_s):.3f} s {"later" if late_s > 0 else "earlier"} after their '
            'stamps '
            'than those of the other cameras: its clock differs, or it delays images',
            'synchronise its clock with that of the other cameras (chrony, ptp4l), or find the delay in its '
            f'driver; camera.{camera.name} may otherwise be missing in sets',
        )
    return None


def _drift(camera: CameraFacts) -> Finding | None:
    latencies_ns = camera.latencies_ns()
    if len(latencies_ns) < FEWEST_FOR_DRIFT:
        return None
    received_s = np.array([arrival.received_ns for arrival in camera.arrivals], np.int64)
    third = len(latencies_ns) // 3
    # Transport only adds time, so that the least latency of a part shows the offset of the clocks best.
    parts = np.array([np.sort(part)[: max(1, third // 2)].mean() for part in np.array_split(latencies_ns, 3)])
    span_s = (received_s[-1] - received_s[0]) / 1e9 * 2 / 3
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
        f'its clock drifts by {abs(ppm) / 1e3:.1f} ms per second: it is {"slow" if ppm > 0 else "fast"}',
        'synchronise its clock all the time (chrony, ptp4l), or let the driver stamp with the system clock',
    )


def _simulated(seen: Observation) -> Iterator[Finding]:
    moving = [pair.newest_ns for pair in seen.transforms.pairs.values() if pair.dynamic]
    stamps = [camera.arrivals[-1].stamp_ns for camera in seen.heard if camera.arrivals]
    if not moving or not stamps:
        return
    newest_ns, image_ns = max(moving), int(median(stamps))
    if (newest_ns < LEAST_EPOCH_NS) != (image_ns < LEAST_EPOCH_NS):
        yield error(
            'clock_transforms',
            'transforms',
            f'transforms are stamped {newest_ns / 1e9:.1f} s and images {image_ns / 1e9:.1f} s: one of '
            'the two '
            'uses simulation time, the other the system clock',
            'set use_sim_time to the same value for all nodes',
        )
