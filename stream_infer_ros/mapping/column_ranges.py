"""Lookup table from image rows to ground ranges, for the columns of a free-space boundary."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.camera_model import CameraModel
from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.errors import ModelError
from stream_infer_ros.mapping.ground import inverse_ground_range, rays_in_base

FloatArray = NDArray[np.float64]

# Rows of the table. The inverse range is almost linear in the row. Interpolation between this few rows has an
# error of less than 1 mm at 8 m, also with a distorted lens (test_mapping_ground).
_ROWS = 241

HORIZON_M = 1e6
"""Range for rows at or above the horizon, in metres."""


class ColumnRanges:
    """Ground range and direction for each row of each column, for one camera and one choice of columns.

    A range is the horizontal distance from the camera, in metres. Directions are in the base frame. If the
    lens is distorted or the camera is rolled, a column is a curve on the ground. Range and direction are
    still unique for each row.

    Attributes:
        column_u: (C,) float64, ascending and evenly spaced, in pixels of the source image.
        pitch_px: distance between neighbouring columns, in pixels.
        column_of_pixel: (image_width + 1,) intp. Entry u + 1 is the index of the column nearest to the image
            column u, plus one. It is 0 if u lies beside all columns. Entry 0 is 0, too.
    """

    def __init__(
        self, model: CameraModel, base_from_camera: RigidTransform, column_u: NDArray[np.float32]
    ) -> None:
        """Raises ModelError if the columns are not ascending or not evenly spaced."""
        self.column_u = _checked(column_u)
        columns = len(self.column_u)
        self.pitch_px = float(self.column_u[-1] - self.column_u[0]) / max(1, columns - 1) or 1.0
        self._row_pitch = model.image_height / (_ROWS - 1)
        rows = self._row_pitch * np.arange(_ROWS) - 0.5
        uv = np.stack(np.meshgrid(self.column_u, rows, indexing='ij'), axis=-1).reshape(-1, 2)
        rays = rays_in_base(model, base_from_camera, uv)
        self._inverse = inverse_ground_range(rays, float(base_from_camera.translation[2]))
        self._direction = rays[:, :2] / np.maximum(np.hypot(rays[:, 0], rays[:, 1]), 1e-9)[:, None]
        self._start = np.arange(columns) * _ROWS
        pixel = np.arange(-1, model.image_width)
        nearest = np.rint((pixel - self.column_u[0]) / self.pitch_px).astype(np.intp) + 1
        nearest[(nearest < 1) | (nearest > columns) | (pixel < 0)] = 0
        self.column_of_pixel: NDArray[np.intp] = nearest

    def __len__(self) -> int:
        return len(self.column_u)

    def matches(self, column_u: NDArray[np.float32]) -> bool:
        """True if this table was made for these columns."""
        return len(column_u) == len(self) and bool(np.array_equal(column_u, self.column_u))

    def first_from(self, u: float) -> int:
        """Return the index of the first column at or to the right of `u`, or C if there is none."""
        return min(max(math.ceil((u - float(self.column_u[0])) / self.pitch_px), 0), len(self))

    def range_m(self, row_v: FloatArray) -> FloatArray:
        """Return ranges (..., C) in metres for rows (..., C), one row per column.

        The range is HORIZON_M at and above the horizon, and NaN where the lens model has no ray. Rows outside
        the image are clamped to its edge. A NaN row counts as the upper edge.
        """
        at, part = self._position(row_v)
        inverse = self._inverse[at] * (1.0 - part) + self._inverse[at + 1] * part
        ranges: FloatArray = 1.0 / np.maximum(inverse, 1.0 / HORIZON_M)
        return ranges

    def direction(self, row_v: FloatArray) -> FloatArray:
        """Return horizontal unit vectors (..., C, 2) in the base frame for rows (..., C)."""
        at, part = self._position(row_v)
        # The direction changes by only a few degrees along a column, so that the nearest row is exact enough.
        unit: FloatArray = self._direction[at + (part > 0.5)]
        return unit

    def _position(self, row_v: FloatArray) -> tuple[NDArray[np.intp], FloatArray]:
        """Return indices into the table for rows (..., C), and the weights of the next entry."""
        position = (row_v + 0.5) * (1.0 / self._row_pitch)
        position = np.fmin(np.fmax(position, 0.0), _ROWS - 1.000001)
        below = position.astype(np.intp)
        return self._start + below, position - below


def _checked(column_u: NDArray[np.float32]) -> FloatArray:
    u = np.array(column_u, np.float64)
    steps = np.diff(u)
    if not len(u) or not np.isfinite(u).all() or (len(steps) and not steps.min() > 0):
        raise ModelError(f'expected ascending columns of a free-space boundary, got {u.tolist()}')
    if len(steps) and steps.max() - steps.min() > 0.01 * steps.max():
        raise ModelError(
            'expected evenly spaced columns of a free-space boundary, got steps from '
            f'{steps.min():.3f} to {steps.max():.3f} pixels; resample them in the decoder'
        )
    return u
