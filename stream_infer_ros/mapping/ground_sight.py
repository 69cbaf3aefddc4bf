"""The part of an image that shows the ground, according to calibration and pose of its camera."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from stream_infer_ros.cameras.camera_model import CameraModel
from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.mapping.ground import rays_in_base

# Rays are computed for this many columns and rows of pixels. Those at the edges are included.
_COLUMNS, _ROWS = 25, 19
# If the cosine of the elevation of the optical axis is smaller, no side of the image is up.
_LEVEL_ENOUGH = 0.35


@dataclass(frozen=True, slots=True)
class GroundSight:
    """The direction in which a camera looks, and the ground in its view.

    Attributes:
        height_m: height of the optical centre above the ground; 0 or less is on or below it.
        elevation_rad: angle of the optical axis above the horizontal; negative if the camera looks down.
        roll_rad: rotation of the camera about its optical axis, in [-pi, pi]. It is 0 if the upper edge of
            the image is up, and None if the camera looks straight up or down.
        ground_share: share of the pixels that see the ground, from 0 to 1, however far away.
        nearest_m: horizontal distance to the nearest ground in view; infinite if there is none.
    """

    height_m: float
    elevation_rad: float
    roll_rad: float | None
    ground_share: float
    nearest_m: float

    @classmethod
    def of(cls, model: CameraModel, base_from_camera: RigidTransform) -> GroundSight:
        """Return the sight of a camera whose optical frame has this pose in the base frame.

        Example:
            >>> camera = CameraModel.pinhole(641, 481, focal_px=320.0)
            >>> ahead = RigidTransform.from_xyz_rpy((0.0, 0.0, 1.0), (-0.5 * np.pi, 0.0, -0.5 * np.pi))
            >>> sight = GroundSight.of(camera, ahead)
            >>> round(sight.ground_share, 2), round(sight.nearest_m, 2)
            (0.47, 1.33)
        """
        u = np.linspace(-0.5, model.image_width - 0.5, _COLUMNS)
        v = np.linspace(-0.5, model.image_height - 0.5, _ROWS)
        rays = rays_in_base(model, base_from_camera, np.stack(np.meshgrid(u, v), axis=-1).reshape(-1, 2))
        height_m = float(base_from_camera.translation[2])
        down = -rays[:, 2]  # NaN where the lens has no ray
        ground = rays[down > 1e-9]
        nearest_m = math.inf
        if len(ground) and height_m > 0:
            nearest_m = float((np.hypot(ground[:, 0], ground[:, 1]) / -ground[:, 2]).min()) * height_m
        # The vertical of the base frame, in the optical frame.
        right, below, ahead = base_from_camera.rotation[2].tolist()
        level = math.hypot(right, below) > _LEVEL_ENOUGH
        return cls(
            height_m,
            math.asin(max(-1.0, min(1.0, ahead))),
            math.atan2(-right, -below) if level else None,
            len(ground) / len(rays),
            nearest_m,
        )


def lens_share(model: CameraModel) -> float:
    """Return the share of the pixels, from 0 to 1, for which the lens model has a ray.

    For a fisheye lens, which often does not fill the image, only the middle of the image is looked at.
    """
    half = 0.5 if model.sees_behind or model.distortion_model == 'equidistant' else 1.0
    u, v = np.meshgrid(np.linspace(-half, half, _COLUMNS), np.linspace(-half, half, _ROWS))
    uv = np.stack([(u + 1) * model.image_width / 2, (v + 1) * model.image_height / 2], axis=-1) - 0.5
    rays = model.pixels_to_rays(uv.reshape(-1, 2))
    return float(np.isfinite(rays[:, 2]).mean())
