"""The cameras of the robot, and their mounting."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from stream_infer_ros.cameras.camera_model import CameraModel
from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.errors import WorldError

LINK_FROM_OPTICAL = RigidTransform(
    np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]), np.zeros(3)
)
"""REP-103: optical z is x of the link, optical x is -y, optical y is -z."""

MOST_CAMERAS = 12


@dataclass(frozen=True, slots=True, eq=False)
class SimCamera:
    """One camera on the robot, and the response of its sensor.

    Attributes:
        name: 'cam0' ...
        model: a pinhole camera without distortion; the renderer refuses any other.
        base_from_camera: from the optical frame (REP-103) to the robot's base.
        gain: exposure, 1 leaves the picture as it is.
        white_balance: gains of red, green and blue.
        noise_std: of the sensor's noise, grey levels.
    """

    name: str
    model: CameraModel
    base_from_camera: RigidTransform
    gain: float = 1.0
    white_balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    noise_std: float = 3.0

    @property
    def base_from_link(self) -> RigidTransform:
        """The pose of the camera link: x forward, y left, z up."""
        return self.base_from_camera @ LINK_FROM_OPTICAL.inverse()


def base_from_optical(
    xyz_m: tuple[float, float, float], yaw_rad: float, pitch_rad: float, roll_rad: float = 0.0
) -> RigidTransform:
    """Return the pose of a camera that looks along `yaw_rad` (left: positive), `pitch_rad` down."""
    return RigidTransform.from_xyz_rpy(xyz_m, (roll_rad, pitch_rad, yaw_rad)) @ LINK_FROM_OPTICAL


def surround_rig(
    n: int = 6, width: int = 640, height: int = 480, hfov_rad: float | None = None
) -> tuple[SimCamera, ...]:
    """Return cameras 'cam0' ... that look outward from a ring of 0.25 m radius, 0.9 m high, 12 degrees down.

    Args:
        n: 1 to 12 cameras, evenly in yaw: cam0 ahead, then counter-clockwise.
        width, height: of their images, pixels.
        hfov_rad: horizontal field of view; None: 15 degrees more than an even share, between 60 and 100
            degrees (75 for the six of the standard rig).

    Raises:
        WorldError: an argument is out of range.
    """
    if not 1 <= n <= MOST_CAMERAS:
        raise WorldError(f'1 to {MOST_CAMERAS} cameras were expected, {n} came')
    hfov = math.radians(min(100.0, max(60.0, 360 / n + 15))) if hfov_rad is None else hfov_rad
    if not 0 < hfov < math.radians(150):
        raise WorldError(f'a field of view between 0 and 2.6 rad was expected, {hfov} came')
    if min(width, height) < 16:
        raise WorldError(f'images of at least 16 x 16 pixels were expected, {width} x {height} came')
    model = CameraModel.pinhole(width, height, width / 2 / math.tan(hfov / 2))
    cameras = []
    for i in range(n):
        yaw = 2 * math.pi * i / n
        xyz = (0.25 * math.cos(yaw), 0.25 * math.sin(yaw), 0.9)
        cameras.append(SimCamera(f'cam{i}', model, base_from_optical(xyz, yaw, math.radians(12))))
    return tuple(cameras)


def with_uneven_sensors(cameras: Sequence[SimCamera], seed: int) -> tuple[SimCamera, ...]:
    """Return the same cameras with exposures that differ by up to 15 % and colours by up to 5 %."""
    rng = np.random.default_rng([seed, 0x5E45])
    uneven = []
    for camera in cameras:
        red, green, blue = (1 + rng.uniform(-0.05, 0.05, 3)).tolist()
        gain = rng.uniform(0.85, 1.15)
        uneven.append(replace(camera, gain=gain, white_balance=(red, green, blue)))
    return tuple(uneven)
