"""A free-space boundary as a laser scan would tell it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.mapping.ground import check_above_ground, pixels_to_ground, rays_in_base
from stream_infer_ros.mapping.polar_scan import PolarScan
from stream_infer_ros.mapping.view import View

FloatArray = NDArray[np.float64]

_RANGE_MIN_M = 0.05
_LEAST_CONFIDENCE = 0.2
_EDGE_ROWS = 33


def polar_scan(view: View, base_frame: str, range_m: float = 8.0) -> PolarScan | None:
    """The boundary of a view at as many evenly spaced bearings as it has columns; None if it has no boundary.

    The scan is in the base frame, about the base's origin: x forward, y left, z up, on the ground. So Nav2
    and slam_toolbox can take it as it is: the frame is in /tf already, and its z points up, which that of an
    optical frame does not. The price is that they trace rays from the base's origin and not from the camera,
    which matters only where something stands between the two. All angles follow from the camera's geometry
    alone and stay the same from scan to scan, as slam_toolbox wants.

    A bearing takes the range of the nearest column, or the shortest of the columns that fall to it. inf: free
    as far as `range_m` from the camera; NaN: the column says nothing, or hardly believes itself (REP-117).

    Args:
        base_frame: name for the header.
        range_m: boundaries farther from the camera than this count as none.

    Raises:
        CalibrationError: the camera does not look down on the ground plane of the base frame.
    """
    free_space = view.perception.free_space
    if free_space is None or not len(free_space.column_u):
        return None
    check_above_ground(view.camera, view.base_from_camera)
    heading = _heading(view)
    low, high = _edges(view, free_space.column_u.astype(np.float64), heading, range_m)
    count = len(free_space.column_u)
    step = (high - low) / (count - 1) if count > 1 and high > low else 1e-3
    uv = np.stack([free_space.column_u, free_space.boundary_v], axis=-1).astype(np.float64)
    points, met = _ground_or_limit(view, uv, range_m)
    bearing, distance = _polar(points, heading)
    known = np.isfinite(bearing) & (free_space.confidence >= _LEAST_CONFIDENCE)
    distance[~met] = np.inf
    distance[~known] = np.nan
    told = np.flatnonzero(np.isfinite(bearing))
    ranges = np.full(count, np.nan)
    if len(told):
        order = told[np.argsort(bearing[told])]
        halfway = (bearing[order][1:] + bearing[order][:-1]) / 2
        at = low + step * np.arange(count)
        ranges = distance[order][np.searchsorted(halfway, at)]
        bins = np.rint((bearing[told] - low) / step).astype(np.intp)
        inside = (bins >= 0) & (bins < count)
        np.fmin.at(ranges, bins[inside], distance[told[inside]])
    farthest = range_m + float(np.hypot(*view.base_from_camera.translation[:2]))
    return PolarScan(
        view.stamp_ns, base_frame, heading + low, step, _RANGE_MIN_M, farthest, ranges.astype(np.float32)
    )


def _ground_or_limit(view: View, uv: FloatArray, range_m: float) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Ground points (N, 2) of pixels, base frame, no farther than the range; and which lie within it."""
    position = view.base_from_camera.translation[:2]
    points = pixels_to_ground(view.model, view.base_from_camera, uv)
    met: NDArray[np.bool_] = np.hypot(*(points - position).T) < range_m
    rays = rays_in_base(view.model, view.base_from_camera, uv)[:, :2]
    away = rays / np.maximum(np.linalg.norm(rays, axis=1, keepdims=True), 1e-9)
    return np.where(met[:, None], points, position + range_m * away), met


def _edges(view: View, column_u: FloatArray, heading: float, range_m: float) -> tuple[float, float]:
    """Smallest and largest bearing of ground that the outermost columns show."""
    rows = np.linspace(-0.5, view.model.image_height - 0.5, _EDGE_ROWS)
    uv = np.stack(np.meshgrid(column_u[[0, -1]], rows), axis=-1).reshape(-1, 2)
    bearing, _ = _polar(_ground_or_limit(view, uv, range_m)[0], heading)
    return float(np.nanmin(bearing)), float(np.nanmax(bearing))


def _heading(view: View) -> float:
    """Bearing of the viewing direction in the base frame; straight down: of the image's upper edge."""
    forward = view.base_from_camera.rotation[:, 2]
    if math.hypot(forward[0], forward[1]) < 1e-3:
        forward = -view.base_from_camera.rotation[:, 1]
    return math.atan2(forward[1], forward[0])


def _polar(points: FloatArray, heading: float) -> tuple[FloatArray, FloatArray]:
    """Points (N, 2) to bearings against a heading, -pi to pi, and distances from the origin."""
    angle = np.arctan2(points[:, 1], points[:, 0]) - heading
    return np.mod(angle + np.pi, 2 * np.pi) - np.pi, np.hypot(points[:, 0], points[:, 1])
