"""The bearings of the scans of a camera, which are the same in all of its scans."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.mapping.column_ranges import ColumnRanges

FloatArray = NDArray[np.float64]

_ROWS = 17


@dataclass(frozen=True, slots=True)
class ScanBearings:
    """Evenly spaced bearings at the origin of the base, one for each column.

    Attributes:
        heading_rad: bearing of the viewing direction of the camera in the base frame, in radians.
        first_rad: the smallest bearing, relative to `heading_rad`.
        step_rad: difference between neighbouring bearings, counter-clockwise.
        count: number of bearings.
    """

    heading_rad: float
    first_rad: float
    step_rad: float
    count: int

    @classmethod
    def of(
        cls, columns: ColumnRanges, base_from_camera: RigidTransform, image_height: int, range_m: float
    ) -> ScanBearings:
        """Return bearings that span the ground within range between the outermost columns."""
        heading = _heading(base_from_camera)
        rows = np.repeat(np.linspace(-0.5, image_height - 0.5, _ROWS)[:, None], len(columns), axis=1)
        reach = np.minimum(columns.range_m(rows), range_m)[..., None]
        points = base_from_camera.translation[:2] + columns.direction(rows) * reach
        outermost = polar(points[:, [0, -1]].reshape(-1, 2), heading)[0]
        low, high = float(np.nanmin(outermost)), float(np.nanmax(outermost))
        count = len(columns)
        step = (high - low) / (count - 1) if count > 1 and high > low else 1e-3
        return cls(heading, low, step, count)

    def all(self) -> FloatArray:
        """Return all bearings (count,) relative to the heading, in radians."""
        return self.first_rad + self.step_rad * np.arange(self.count, dtype=np.float64)

    def nearest(self, bearing: FloatArray) -> NDArray[np.intp]:
        """Return the indices nearest to bearings relative to the heading.

        They may lie outside 0..count - 1.
        """
        return np.rint((bearing - self.first_rad) / self.step_rad).astype(np.intp)


def polar(points: FloatArray, heading_rad: float) -> tuple[FloatArray, FloatArray]:
    """Return bearings (N,) relative to a heading, in -pi..pi, and distances (N,) of points (N, 2)."""
    angle = np.arctan2(points[:, 1], points[:, 0]) - heading_rad
    return np.mod(angle + np.pi, 2 * np.pi) - np.pi, np.hypot(points[:, 0], points[:, 1])


def _heading(base_from_camera: RigidTransform) -> float:
    """Return the bearing of the viewing direction in the base frame.

    For a camera that looks straight down, it is the direction of the upper edge of the image.
    """
    forward = base_from_camera.rotation[:, 2]
    if math.hypot(forward[0], forward[1]) < 1e-3:
        forward = -base_from_camera.rotation[:, 1]
    return math.atan2(forward[1], forward[0])
