"""A free-space boundary as a laser scan would tell it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.mapping.ground_view import GroundView

# Within the band of heights that Nav2's obstacle layer takes by default (0 to 2 m), and clear of its edge.
SCAN_HEIGHT_M = 0.1

_RANGE_MIN_M = 0.05
_LEAST_CONFIDENCE = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class PolarScan:
    """Ranges at evenly spaced bearings, as in sensor_msgs/LaserScan.

    Its frame is '<camera>_scan': x along the camera's horizontal viewing direction, y left, z up, right under
    (or above) the camera and 0.1 m over the ground; see `base_from_scan`. It is not the base's frame, because
    Nav2 clears and slam_toolbox traces along rays from the frame's origin, and only rays from the camera ran
    over ground that was looked at; nor the optical frame, whose z points forward where a LaserScan needs it
    up. All angles depend on the camera alone, so that they stay the same from scan to scan.

    Attributes:
        stamp_ns: stamp of the image.
        frame_id: '<camera>_scan'.
        angle_min_rad, angle_max_rad, angle_increment_rad: bearings, counter-clockwise from x.
        range_min_m, range_max_m: ranges outside are no obstacles.
        ranges: (n,) float32 metres; inf: free up to range_max_m (REP-117); NaN: nothing known.
    """

    stamp_ns: int
    frame_id: str
    angle_min_rad: float
    angle_max_rad: float
    angle_increment_rad: float
    range_min_m: float
    range_max_m: float
    ranges: NDArray[np.float32]


def scan_frame(camera: str) -> str:
    """Name of the frame of a camera's scans."""
    return f'{camera}_scan'


def base_from_scan(base_from_camera: RigidTransform) -> RigidTransform:
    """Where the frame of a camera's scans lies: to be published as a static transform."""
    x_m, y_m, _ = base_from_camera.translation
    return RigidTransform.from_xyz_rpy((x_m, y_m, SCAN_HEIGHT_M), (0.0, 0.0, _heading(base_from_camera)))


def scan_of(seen: GroundView) -> PolarScan | None:
    """The boundary of a view at as many evenly spaced bearings as it has columns; None without one.

    A bearing takes the range of the nearest column, and the shortest of the columns that fall to it.
    """
    free_space = seen.view.perception.free_space
    if seen.columns is None or seen.boundary is None or free_space is None:
        return None
    heading = _heading(seen.geometry.base_from_camera)
    at_far = _bearings(seen.columns.far_direction, heading)
    low, high = float(at_far.min()), float(at_far.max())
    count = len(seen.columns)
    step = (high - low) / max(1, count - 1) or 1e-3
    ranges = np.where(seen.boundary.range_m < seen.geometry.range_m, seen.boundary.range_m, np.inf)
    ranges[seen.boundary.confidence < _LEAST_CONFIDENCE] = np.nan
    order = np.argsort(at_far)
    between = (at_far[order][1:] + at_far[order][:-1]) / 2
    scan = ranges[order][np.searchsorted(between, low + step * np.arange(count))]
    at_hit = _bearings(seen.columns.direction(free_space.boundary_v.astype(np.float64)), heading)
    known = np.flatnonzero(np.isfinite(ranges) & np.isfinite(at_hit))
    bins = np.rint((at_hit[known] - low) / step).astype(np.intp)
    inside = (bins >= 0) & (bins < count)
    np.fmin.at(scan, bins[inside], ranges[known[inside]])
    return PolarScan(
        seen.view.stamp_ns,
        scan_frame(seen.view.camera),
        low,
        low + step * (count - 1),
        step,
        _RANGE_MIN_M,
        seen.geometry.range_m,
        scan.astype(np.float32),
    )


def _heading(base_from_camera: RigidTransform) -> float:
    """Bearing of the viewing direction in the base frame; straight down: of the image's upper edge."""
    forward = base_from_camera.rotation[:, 2]
    if math.hypot(forward[0], forward[1]) < 1e-3:
        forward = -base_from_camera.rotation[:, 1]
    return math.atan2(forward[1], forward[0])


def _bearings(direction: NDArray[np.float64], heading: float) -> NDArray[np.float64]:
    """Bearings (C,) of vectors (C, 2) in the base frame against a heading, -pi to pi."""
    angle = np.arctan2(direction[:, 1], direction[:, 0]) - heading
    wrapped: NDArray[np.float64] = np.mod(angle + np.pi, 2 * np.pi) - np.pi
    return wrapped
