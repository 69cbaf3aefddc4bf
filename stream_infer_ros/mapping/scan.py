"""A free-space boundary as a laser scan would tell it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.mapping.ground_view import GroundView
from stream_infer_ros.mapping.polar_scan import PolarScan
from stream_infer_ros.mapping.scan_bearings import polar

_RANGE_MIN_M = 0.05
_LEAST_CONFIDENCE = 0.2


def polar_scan(seen: GroundView, base_frame: str) -> PolarScan | None:
    """The boundary of a view at as many evenly spaced bearings as it has columns; None if it has no boundary.

    The scan is in the base frame, about the base's origin: x forward, y left, z up, on the ground. So Nav2
    and slam_toolbox can take it as it is: the frame is in /tf already, and its z points up, which that of an
    optical frame does not. The price is that they trace rays from the base's origin and not from the camera,
    which matters only where something stands between the two. All angles follow from the camera's geometry
    alone and stay the same from scan to scan, as slam_toolbox wants.

    A bearing takes the range of the nearest column, or the shortest of the columns that fall to it. inf: free
    as far as the map reaches from the camera; NaN: no column near, or it says nothing or is unsure.

    Args:
        base_frame: name for the header.
    """
    if seen.boundary is None or seen.columns is None:
        return None
    geometry = seen.geometry
    bearings = geometry.scan_bearings(seen.columns)
    bearing, distance = polar(seen.boundary_in_base()[0], bearings.heading_rad)
    distance[seen.boundary.range_m >= geometry.range_m] = np.inf
    distance[seen.boundary.confidence < _LEAST_CONFIDENCE] = np.nan
    told = np.flatnonzero(np.isfinite(bearing))
    ranges: NDArray[np.float64] = np.full(bearings.count, np.nan)
    if len(told):
        order = told[np.argsort(bearing[told])]
        halfway = (bearing[order][1:] + bearing[order][:-1]) / 2
        nearest = order[np.searchsorted(halfway, bearings.all())]
        shown = np.abs(bearing[nearest] - bearings.all()) <= bearings.step_rad
        ranges = np.where(shown, distance[nearest], np.nan)
        bins = bearings.nearest(bearing[told])
        inside = (bins >= 0) & (bins < bearings.count)
        np.fmin.at(ranges, bins[inside], distance[told[inside]])
    return PolarScan(
        stamp_ns=seen.view.stamp_ns,
        frame_id=base_frame,
        angle_min_rad=bearings.heading_rad + bearings.first_rad,
        angle_increment_rad=bearings.step_rad,
        range_min_m=_RANGE_MIN_M,
        range_max_m=geometry.range_m + float(np.hypot(*geometry.base_from_camera.translation[:2])),
        ranges_m=ranges.astype(np.float32),
    )
