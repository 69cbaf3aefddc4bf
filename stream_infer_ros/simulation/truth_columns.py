"""Ground truth for free space: the lowest row of each image column that shows a footprint."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.simulation.pinhole import Pinhole
from stream_infer_ros.simulation.rig import SimCamera
from stream_infer_ros.simulation.world import WorldState

_PARALLEL = 1e-12
_REACH_M = 3.0
"""Largest distance of a footprint from its centre: half of the diagonal of a car is 2.6 m."""


def truth_columns(
    state: WorldState,
    camera: SimCamera,
    odom_from_base: RigidTransform,
    n_columns: int = 80,
    range_m: float = 15.0,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the free-space boundary of each image column.

    Column i is the line u = (i + 0.5) * width / n_columns - 0.5. Its rays meet the ground in a straight line,
    which is cut with every footprint: geometry, not looks (under a car one sees ground, but the car's
    footprint begins at its near edge).

    Args:
        range_m: over the ground, from the camera; nothing is looked for beyond.

    Returns:
        (n,) float32 row in source pixels: where the nearest footprint begins; height - 0.5 where the
        bottom of the image already shows one; where the ground is `range_m` away if there is none.
        (n,) bool: a footprint was met within range.

    Raises:
        WorldError: the camera is no plain pinhole.
    """
    lens = Pinhole.of(camera.model)
    odom_from_camera = odom_from_base @ camera.base_from_camera
    eye, axes = odom_from_camera.translation, odom_from_camera.rotation
    bottom = lens.height - 0.5
    u = (np.arange(n_columns) + 0.5) * lens.width / n_columns - 0.5
    # A column's rays are first + v * step, v the row.
    first = np.stack([(u - lens.cx) / lens.fx, np.full(n_columns, -lens.cy / lens.fy), np.ones(n_columns)], 1)
    first = first @ axes.T
    step = axes[:, 1] / lens.fy
    low_ray = first + bottom * step
    sees_ground = (low_ray[:, 2] < -1e-3) & (step[2] < 0)
    down = np.where(sees_ground, low_ray[:, 2], -1.0)
    start = eye[:2] - low_ray[:, :2] * (eye[2] / down)[:, None]
    horizon = -first[:, 2] / step[2] if step[2] < 0 else np.zeros(n_columns)
    heading = first[:, :2] + horizon[:, None] * step[:2]
    heading /= np.linalg.norm(heading, axis=1, keepdims=True)
    limit = _length_to_range(start - eye[:2], heading, range_m)
    outlines = _within_reach(state, odom_from_camera, range_m)
    met = np.where(sees_ground, _first_hit(start, heading, outlines), np.inf)
    is_obstacle: NDArray[np.bool_] = met <= limit
    point = start + heading * np.minimum(met, limit)[:, None]
    seen = (np.column_stack([point, np.zeros(n_columns)]) - eye) @ axes
    row = np.where(sees_ground, seen[:, 1] / np.where(sees_ground, seen[:, 2], 1) * lens.fy + lens.cy, bottom)
    return np.minimum(row, bottom).astype(np.float32), is_obstacle


def _within_reach(state: WorldState, odom_from_camera: RigidTransform, range_m: float) -> NDArray[np.float64]:
    """Return the footprints that rays may meet: not too far, and not completely behind the camera."""
    away = state.poses[:, :2] - odom_from_camera.translation[:2]
    ahead_x, ahead_y, ahead_z = odom_from_camera.rotation[:, 2]
    depth = away[:, 0] * ahead_x + away[:, 1] * ahead_y - odom_from_camera.translation[2] * ahead_z
    near = np.hypot(away[:, 0], away[:, 1]) < range_m + _REACH_M
    outlines: NDArray[np.float64] = state.outlines[near & (depth > -_REACH_M)]
    return outlines


def _length_to_range(
    offset: NDArray[np.float64], heading: NDArray[np.float64], range_m: float
) -> NDArray[np.float64]:
    """Return the distance from `offset` (n, 2) along `heading` (n, 2) to the circle; 0 if outside it."""
    along = (offset * heading).sum(1)
    rest = along**2 - (offset**2).sum(1) + range_m**2
    length: NDArray[np.float64] = -along + np.sqrt(np.maximum(rest, 0))
    return np.where(rest > 0, np.maximum(length, 0), 0)


def _first_hit(
    start: NDArray[np.float64], heading: NDArray[np.float64], outlines: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the distance (n,) along rays to the first convex polygon (m, k, 2): 0 inside one, inf if none.

    Each edge's line cuts the half-line into a part inside and a part outside the polygon (Cyrus and Beck).
    """
    edge = np.roll(outlines, -1, 1) - outlines
    inward = np.stack([-edge[..., 1], edge[..., 0]], -1)
    at_start = np.einsum('mki,nmki->nmk', inward, start[:, None, None] - outlines)
    along = np.einsum('mki,ni->nmk', inward, heading)
    # Repeated corners make edges of no length, which bound nothing.
    is_edge = (edge**2).sum(-1) > _PARALLEL
    crossing = -at_start / np.where(np.abs(along) < _PARALLEL, _PARALLEL, along)
    enter = np.where((along > _PARALLEL) & is_edge, crossing, 0.0).max(-1)
    leave = np.where((along < -_PARALLEL) & is_edge, crossing, np.inf).min(-1)
    outside = ((np.abs(along) <= _PARALLEL) & is_edge & (at_start < 0)).any(-1)
    enter = np.maximum(enter, 0.0)
    hits: NDArray[np.float64] = np.where((enter < leave) & ~outside, enter, np.inf).min(1)
    return hits
