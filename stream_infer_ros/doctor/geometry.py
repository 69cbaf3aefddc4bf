"""The views of the cameras at the end of an observation, and the ground in them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from stream_infer_ros.cameras.camera_model import CameraModel
from stream_infer_ros.cameras.image_fit import fitted
from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.doctor.observation import CameraFacts, Observation
from stream_infer_ros.errors import CalibrationError, TransformError
from stream_infer_ros.inference.detections import Detections, Perception
from stream_infer_ros.mapping.ground import rays_in_base
from stream_infer_ros.mapping.view import View

# The image is sampled on a grid of so many columns and rows.
_COLUMNS, _ROWS = 64, 48


@dataclass(frozen=True, slots=True)
class GroundInView:
    """The ground in the image of a camera.

    Attributes:
        height_m: height of the optical centre above the ground.
        share: share of the image, 0 to 1, that shows ground within `map.range_m`.
        nearest_m, farthest_m: horizontal distances of ground from the camera. The farthest is infinite if the
            horizon is in view; both are NaN without any ground.
        horizon_v: image row of the horizon in the middle column; None if it is not in view.
    """

    height_m: float
    share: float
    nearest_m: float
    farthest_m: float
    horizon_v: float | None

    @classmethod
    def of(cls, model: CameraModel, base_from_camera: RigidTransform, range_m: float) -> GroundInView:
        """Return the ground that a camera at this pose above the ground sees."""
        u, v = np.meshgrid(
            np.linspace(0, model.image_width - 1, _COLUMNS), np.linspace(0, model.image_height - 1, _ROWS)
        )
        rays = rays_in_base(model, base_from_camera, np.stack([u.ravel(), v.ravel()], axis=-1))
        height_m = float(base_from_camera.translation[2])
        middle = rays.reshape(_ROWS, _COLUMNS, 3)[:, _COLUMNS // 2, 2]
        crossings = np.flatnonzero(
            (middle[:-1] >= 0) & (middle[1:] < 0) | (middle[:-1] < 0) & (middle[1:] >= 0)
        )
        horizon_v = float(v[crossings[0] : crossings[0] + 2, 0].mean()) if len(crossings) else None
        ground = rays[rays[:, 2] < -1e-6]
        if not len(ground) or height_m <= 0:
            return cls(height_m, 0.0, math.nan, math.nan, horizon_v)
        distance_m = np.hypot(ground[:, 0], ground[:, 1]) * height_m / -ground[:, 2]
        return cls(
            height_m,
            float((distance_m <= range_m).sum()) / len(rays),
            float(distance_m.min()),
            math.inf if horizon_v is not None else float(distance_m.max()),
            horizon_v,
        )


def views(seen: Observation) -> Iterator[View]:
    """Yield a view without perception of each camera whose calibration and place are known."""
    config, nothing = seen.config.map, Perception(Detections.empty(()))
    try:
        map_from_base = seen.buffer.lookup(config.map_frame, config.base_frame, 0)
    except TransformError:
        map_from_base = RigidTransform.identity()
    for camera in seen.heard:
        place = _place(camera, seen)
        model = _fitted_model(camera)
        if model is not None and place is not None:
            frame_id = camera.frame_id or camera.state.info_frame_id
            yield View(
                camera.name, camera.newest_ns, model, place, map_from_base, nothing, frame_id.lstrip('/')
            )


def ground_in_view(camera: CameraFacts, seen: Observation) -> GroundInView | None:
    """Return the ground that a camera sees; None if its calibration or its place is not known."""
    place = _place(camera, seen) if seen.config.map.enabled and camera.frame_id else None
    model = _fitted_model(camera)
    if model is None or place is None:
        return None
    return GroundInView.of(model, place, seen.config.map.range_m)


def _fitted_model(camera: CameraFacts) -> CameraModel | None:
    """Return the calibration for the size of the images, or as it is if it does not fit; None without one."""
    if camera.model is None or camera.size is None:
        return camera.model
    try:
        return fitted(camera.model, *camera.size)
    except CalibrationError:
        return camera.model


def _place(camera: CameraFacts, seen: Observation) -> RigidTransform | None:
    """Return the pose of the camera in the base frame, moved so that the ground is at z = 0."""
    try:
        frame_id = camera.frame_id or camera.state.info_frame_id
        pose = seen.buffer.lookup(seen.config.map.base_frame, frame_id, 0)
    except TransformError:
        return None
    return RigidTransform(pose.rotation, pose.translation - (0.0, 0.0, seen.config.map.ground_z_m))
