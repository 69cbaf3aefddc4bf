"""One view projected to the ground, with its free-space boundary in metres."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.mapping.camera_geometry import CameraGeometry
from stream_infer_ros.mapping.column_ranges import ColumnRanges
from stream_infer_ros.mapping.ground import inverse_2x2
from stream_infer_ros.mapping.sensor_model import Boundary, SensorModel, boundary_on_ground
from stream_infer_ros.mapping.view import View

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

# Number of network rows that is assumed for a model without free space. Most models have about this many.
_USUAL_ROWS = 240
_LEAST_CONFIDENCE = 0.3
_BEYOND_M = 0.2


class GroundView:
    """A view together with the geometry of its camera.

    Attributes:
        view, geometry: the arguments.
        columns, boundary: the free-space boundary on the ground; None if the model gives no free space.
        row_px: height of one network row in the source image, in pixels.
    """

    def __init__(self, view: View, geometry: CameraGeometry, sensor: SensorModel) -> None:
        self.view, self.geometry = view, geometry
        self.columns: ColumnRanges | None = None
        self.boundary: Boundary | None = None
        self.row_px = geometry.model.image_height / _USUAL_ROWS
        self._linear = view.map_from_base.rotation[:2, :2]
        self._shift = view.map_from_base.translation[:2].tolist()
        self._base_from_map: list[list[float]] | None = None
        free_space = view.perception.free_space
        if free_space is not None and len(free_space.column_u):
            self.columns = geometry.columns(free_space.column_u)
            self.row_px = sensor.row_px(self.columns)
            self.boundary = boundary_on_ground(
                self.columns, free_space, sensor, geometry.focal_px, geometry.height_m
            )

    def to_map(self, in_base: FloatArray) -> FloatArray:
        """Transform ground points (N, 2), in metres, from the base frame to the map frame."""
        moved: FloatArray = in_base @ self._linear.T + self._shift
        return moved

    def boundary_in_base(self) -> tuple[FloatArray, FloatArray]:
        """Return boundary points (C, 2) and unit vectors (C, 2) from the camera to them, in the base frame.

        If a column is free beyond the range or has no confidence, its point lies at the range limit. The view
        must have a boundary.
        """
        free_space = self.view.perception.free_space
        assert free_space is not None
        assert self.columns is not None
        assert self.boundary is not None
        direction = self.columns.direction(free_space.boundary_v.astype(np.float64))
        reach = np.minimum(self.boundary.range_m, self.geometry.range_m)
        reach[self.boundary.confidence == 0.0] = self.geometry.range_m
        return self.geometry.base_from_camera.translation[:2] + direction * reach[:, None], direction

    def boundary_in_map(self) -> tuple[FloatArray, FloatArray]:
        """Return the same as `boundary_in_base`, in the map frame."""
        points, direction = self.boundary_in_base()
        return self.to_map(points), direction @ self._linear.T

    def sees_ground_behind(self, x_m: float, y_m: float) -> bool:
        """True if this view sees free ground at and behind a point of the map: no object can stand there.

        Without a boundary, it is true if the point is in view and within range.
        """
        pixel, distance_m = self.geometry.table.look_up(*self._into_base(x_m, y_m))
        if pixel < 0:
            return False
        if self.columns is None or self.boundary is None:
            return True
        column = int(self.columns.column_of_pixel[pixel + 1]) - 1
        if column < 0:
            return False
        clear = self.boundary.range_m[column] > distance_m + _BEYOND_M
        return bool(clear and self.boundary.confidence[column] > _LEAST_CONFIDENCE)

    def _into_base(self, x_m: float, y_m: float) -> tuple[float, float]:
        if self._base_from_map is None:
            self._base_from_map = inverse_2x2(self._linear).tolist()
        (xx, xy), (yx, yy) = self._base_from_map
        from_x, from_y = x_m - self._shift[0], y_m - self._shift[1]
        return xx * from_x + xy * from_y, yx * from_x + yy * from_y
