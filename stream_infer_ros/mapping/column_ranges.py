"""Image rows to ground ranges along the columns of a free-space boundary, by table."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.camera_model import CameraModel
from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.errors import ModelError
from stream_infer_ros.mapping.ground import inverse_ground_range, rays_in_base

FloatArray = NDArray[np.float64]

# Rows of the table. The inverse range is close to straight in the row: interpolating between so few is exact
# to a millimetre at 8 m, also with a distorted lens (test_mapping_ground).
_ROWS = 241

HORIZON_M = 1e6
"""Range of what lies at the horizon or above."""


class ColumnRanges:
    """For one camera and one set of columns: where on the ground a row of a column lies.

    Ranges are horizontal distances from the camera's own position, metres, in the base frame. A column of a
    distorted or rolled camera bends over the ground; range and direction are still well defined, row by row.

    Attributes:
        column_u: (C,) float64, evenly spaced and rising, source-image pixels.
        pitch_px: distance between them.
        of_pixel: (image_width + 1,) intp, for an image column plus one the nearest of these columns plus one;
            0 for 0, and beside all columns.
    """

    def __init__(
        self, model: CameraModel, base_from_camera: RigidTransform, column_u: NDArray[np.float32]
    ) -> None:
        """Raises ModelError if the columns are not evenly spaced from left to right."""
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
        self.of_pixel: NDArray[np.intp] = nearest

    def __len__(self) -> int:
        return len(self.column_u)

    def matches(self, column_u: NDArray[np.float32]) -> bool:
        """Whether this table was made for these columns."""
        return len(column_u) == len(self) and bool(np.array_equal(column_u, self.column_u))

    def first_from(self, u: float) -> int:
        """Index of the first column at or right of an image column; their number if there is none."""
        return min(max(math.ceil((u - float(self.column_u[0])) / self.pitch_px), 0), len(self))

    def range_m(self, row_v: FloatArray) -> FloatArray:
        """Rows (..., C), one per column, to ranges (..., C), metres; HORIZON_M at and above the horizon.

        Rows beyond the image's edges count as its edge, NaN as the upper one. NaN where the lens has no ray.
        """
        at, part = self._position(row_v)
        inverse = self._inverse[at] * (1.0 - part) + self._inverse[at + 1] * part
        ranges: FloatArray = 1.0 / np.maximum(inverse, 1.0 / HORIZON_M)
        return ranges

    def direction(self, row_v: FloatArray) -> FloatArray:
        """Rows (..., C) to horizontal unit vectors (..., C, 2) in the base frame; edges and NaN as above."""
        at, part = self._position(row_v)
        # Columns bend by a few degrees from edge to edge of the image: the nearest row of the table will do.
        unit: FloatArray = self._direction[at + (part > 0.5)]
        return unit

    def _position(self, row_v: FloatArray) -> tuple[NDArray[np.intp], FloatArray]:
        """Rows (..., C) to an index into the table, and the share of the next."""
        position = (row_v + 0.5) * (1.0 / self._row_pitch)
        position = np.fmin(np.fmax(position, 0.0), _ROWS - 1.000001)
        below = position.astype(np.intp)
        return self._start + below, position - below


def _checked(column_u: NDArray[np.float32]) -> FloatArray:
    u = np.array(column_u, np.float64)
    steps = np.diff(u)
    if not len(u) or not np.isfinite(u).all() or (len(steps) and not steps.min() > 0):
        raise ModelError(f'rising columns of a free-space boundary were expected, {u.tolist()} came')
    if len(steps) and steps.max() - steps.min() > 0.01 * steps.max():
        raise ModelError(
            'evenly spaced columns of a free-space boundary were expected, steps from '
            f'{steps.min():.3f} to {steps.max():.3f} pixels came; resample them in the decoder'
        )
    return u
