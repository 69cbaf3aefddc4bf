"""Conversion of a free-space boundary to a laser scan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.mapping.ground_view import GroundView
from stream_infer_ros.mapping.scan_bearings import polar

_RANGE_MIN_M = 0.05
_LEAST_CONFIDENCE = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class PolarScan:
    """Ranges from the origin of a frame in its x-y plane, at evenly spaced bearings (sensor_msgs/LaserScan).

    Attributes:
        stamp_ns: header stamp of the image, in nanoseconds.
        frame_id: frame at whose origin the ranges begin.
        angle_min_rad: bearing of the first range in radians: 0 along x, positive counter-clockwise about z.
        angle_increment_rad: difference between the bearings of neighbouring ranges, in radians.
        range_min_m, range_max_m: limits outside of which readers must ignore a range, in metres.
        ranges_m: (N,) float32 in metres; inf means free up to `range_max_m`, NaN means unknown (REP-117).
    """

    stamp_ns: int
    frame_id: str
    angle_min_rad: float
    angle_increment_rad: float
    range_min_m: float
    range_max_m: float
    ranges_m: NDArray[np.float32]


def polar_scan(seen: GroundView, base_frame: str) -> PolarScan | None:
    """Return the boundary of a view as a scan with one bearing per column, or None if it has no boundary.

    The scan is in the base frame (x forward, y left, z up) with its origin on the ground. Nav2 and
    slam_toolbox can therefore use it directly: the frame is part of TF, and its z axis points up, unlike that
    of an optical frame. They trace rays from the origin of the base instead of the camera, which makes a
    difference only if an obstacle stands between the two. The bearings depend only on the geometry of the
    camera and are the same in all scans, as slam_toolbox requires.

    A bearing gets the range of the nearest column, or the shortest range if several columns belong to it. The
    range is inf if the ground is free up to the range limit. It is NaN if no column is near, if its
    confidence is low, or if its boundary lies in an ignored part of the image.

    Args:
        seen: the view.
        base_frame: name of the base frame, for the header.
    """
    if seen.boundary is None or seen.columns is None:
        return None
    geometry = seen.geometry
    bearings = geometry.scan_bearings(seen.columns)
    bearing, distance = polar(seen.boundary_in_base()[0], bearings.heading_rad)
    distance[seen.boundary.range_m >= geometry.range_m] = np.inf
    distance[(seen.boundary.confidence < _LEAST_CONFIDENCE) | ~seen.boundary.is_obstacle] = np.nan
    valid = np.flatnonzero(np.isfinite(bearing))
    ranges: NDArray[np.float64] = np.full(bearings.count, np.nan)
    if len(valid):
        order = valid[np.argsort(bearing[valid])]
        halfway = (bearing[order][1:] + bearing[order][:-1]) / 2
        nearest = order[np.searchsorted(halfway, bearings.all())]
        shown = np.abs(bearing[nearest] - bearings.all()) <= bearings.step_rad
        ranges = np.where(shown, distance[nearest], np.nan)
        bins = bearings.nearest(bearing[valid])
        inside = (bins >= 0) & (bins < bearings.count)
        np.fmin.at(ranges, bins[inside], distance[valid[inside]])
    return PolarScan(
        stamp_ns=seen.view.header_stamp_ns,
        frame_id=base_frame,
        angle_min_rad=bearings.heading_rad + bearings.first_rad,
        angle_increment_rad=bearings.step_rad,
        range_min_m=_RANGE_MIN_M,
        range_max_m=geometry.range_m + float(np.hypot(*geometry.base_from_camera.translation[:2])),
        ranges_m=ranges.astype(np.float32),
    )
