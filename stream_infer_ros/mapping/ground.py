"""Intersection of camera rays with the ground, which is the plane z = 0 of the base frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stream_infer_ros.cameras.camera_model import CameraModel
from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.errors import CalibrationError

FloatArray = NDArray[np.float64]

# A camera that is lower is on or in the ground.
LOWEST_CAMERA_M = 0.01


def check_above_ground(camera: str, base_from_camera: RigidTransform) -> None:
    """Check that a camera is above the ground.

    Raises:
        CalibrationError: the optical centre is on or below z = 0 of the base frame.
    """
    height_m = float(base_from_camera.translation[2])
    if not height_m > LOWEST_CAMERA_M:
        raise CalibrationError(
            f'camera {camera}: expected its optical centre above the ground (z = 0 of map.base_frame), '
            f'got a height of {height_m:.3f} m; set map.base_frame to the frame on the ground '
            '(often base_footprint), or correct the transform'
        )


def rays_in_base(model: CameraModel, base_from_camera: RigidTransform, uv: ArrayLike) -> FloatArray:
    """Return the rays (N, 3) float64 of pixels (N, 2) in the base frame.

    Rows are NaN if the lens has no ray.
    """
    rays: FloatArray = model.pixels_to_rays(uv) @ base_from_camera.rotation.T
    return rays


def pixels_to_ground(model: CameraModel, base_from_camera: RigidTransform, uv: ArrayLike) -> FloatArray:
    """Project pixels (N, 2) to ground points (N, 2) float64: x, y in metres in the base frame.

    With the position t of the camera and the ray d, both in the base frame, the point is::

        p = t - (t_z / d_z) d

    Rows are NaN if the ray does not meet the ground (at or above the horizon), or if the lens has no ray.

    Example:
        >>> camera = CameraModel.pinhole(641, 481, focal_px=320.0)
        >>> down_45_deg = RigidTransform.from_xyz_rpy((0.0, 0.0, 1.0), (-0.75 * np.pi, 0.0, -0.5 * np.pi))
        >>> pixels_to_ground(camera, down_45_deg, [[320.0, 240.0]]).round(6).tolist()
        [[1.0, 0.0]]
    """
    rays = rays_in_base(model, base_from_camera, uv)
    position = base_from_camera.translation
    downwards = np.where(rays[:, 2] < -1e-9, -rays[:, 2], np.nan)
    points: FloatArray = position[:2] + rays[:, :2] * (position[2] / downwards)[:, None]
    return points


def inverse_ground_range(rays: FloatArray, height_m: float) -> FloatArray:
    """Return the inverse of the ground range, (N,) in 1/m, of rays (N, 3) in the base frame.

    The ground range r is the horizontal distance from the camera at height h to the ground point of ray d::

        1 / r = -d_z / (h sqrt(d_x^2 + d_y^2))

    In contrast to r, its inverse is almost linear in the image row, 0 at the horizon and negative above. It
    can therefore be interpolated. It is NaN if the lens has no ray.
    """
    horizontal = np.maximum(np.hypot(rays[:, 0], rays[:, 1]), 1e-9)
    inverse: FloatArray = -rays[:, 2] / (horizontal * height_m)
    return inverse


def inverse_2x2(matrix: FloatArray) -> FloatArray:
    """Return the inverse of a matrix (2, 2). For a single matrix it is ten times as fast as np.linalg.inv."""
    (a, b), (c, d) = matrix.tolist()
    inverse: FloatArray = np.array([[d, -b], [-c, a]]) / (a * d - b * c)
    return inverse


def metres_per_row(range_m: ArrayLike, focal_px: float, height_m: float) -> FloatArray:
    """Return the length of ground that one image row covers at range r, in metres: r^2 / (f h).

    It is the absolute derivative of r = f h / (v - v_horizon) by the row v, for height h and focal length f.

    Example:
        >>> float(metres_per_row(8.0, focal_px=320.0, height_m=1.0))
        0.2
    """
    spans: FloatArray = np.square(np.asarray(range_m, np.float64)) / (focal_px * height_m)
    return spans
