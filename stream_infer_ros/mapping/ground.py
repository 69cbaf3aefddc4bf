"""Rays of a camera to the ground, the plane z = 0 of the base frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stream_infer_ros.cameras.camera_model import CameraModel
from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.errors import CalibrationError

FloatArray = NDArray[np.float64]


def check_above_ground(camera: str, base_from_camera: RigidTransform) -> None:
    """Refuse a camera that does not look down on the ground plane.

    Raises:
        CalibrationError: its optical centre lies on or below z = 0 of the base frame.
    """
    height_m = float(base_from_camera.translation[2])
    if not height_m > 0.01:
        raise CalibrationError(
            f'camera {camera}: its optical centre was expected above the ground (z = 0 of map.base_frame), '
            f'its height is {height_m:.3f} m; name the frame that lies on the ground '
            '(often base_footprint), or correct the transform'
        )


def rays_in_base(model: CameraModel, base_from_camera: RigidTransform, uv: ArrayLike) -> FloatArray:
    """Directions (N, 3) float64 in the base frame of pixels (N, 2); NaN rows where the lens has none."""
    rays: FloatArray = model.pixels_to_rays(uv) @ base_from_camera.rotation.T
    return rays


def pixels_to_ground(model: CameraModel, base_from_camera: RigidTransform, uv: ArrayLike) -> FloatArray:
    """Pixels (N, 2) to ground points (N, 2) float64: x, y in the base frame, metres.

    The point is `t - t_z / d_z * d` for the camera's position t and the ray d, both in the base frame.
    Rows are NaN for rays that never meet the ground: at or above the horizon, or without a ray at all.
    """
    rays = rays_in_base(model, base_from_camera, uv)
    position = base_from_camera.translation
    downwards = np.where(rays[:, 2] < -1e-9, -rays[:, 2], np.nan)
    points: FloatArray = position[:2] + rays[:, :2] * (position[2] / downwards)[:, None]
    return points


def inverse_ground_range(rays: FloatArray, height_m: float) -> FloatArray:
    """1 / (horizontal distance from the camera to the ground point) of rays (N, 3) in the base frame, in 1/m.

    It runs almost straight in the image row, passes through 0 at the horizon and is negative above, so that
    it interpolates well where the range itself does not. NaN where the lens model has no ray.
    """
    horizontal = np.maximum(np.hypot(rays[:, 0], rays[:, 1]), 1e-9)
    inverse: FloatArray = -rays[:, 2] / (horizontal * height_m)
    return inverse


def inverse_2x2(matrix: FloatArray) -> FloatArray:
    """Inverse of (2, 2); ten times as fast as the general way, for one."""
    (a, b), (c, d) = matrix.tolist()
    inverse: FloatArray = np.array([[d, -b], [-c, a]]) / (a * d - b * c)
    return inverse


def metres_per_row(range_m: ArrayLike, focal_px: float, height_m: float) -> FloatArray:
    """Ground that one image row spans at a range: r^2 / (f h), for a camera at height h, in metres.

    From r = f h / (v - v_horizon), differentiated in v.
    """
    spans: FloatArray = np.square(np.asarray(range_m, np.float64)) / (focal_px * height_m)
    return spans
