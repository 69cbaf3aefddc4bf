"""Lookup table from the ground around the base to image columns, computed once per camera."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.camera_model import CameraModel
from stream_infer_ros.cameras.image_mask import ImageMask
from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.mapping.ground import check_above_ground
from stream_infer_ros.mapping.rolling_grid import RollingGrid

FloatArray = NDArray[np.float64]

# Largest number of table cells along the radius. It limits the memory for large ranges.
_MOST_REACH = 400
# A smaller product of the two grid axes is a rounding error, which changes distances by less than 1 mm.
_UPRIGHT_M2 = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class ViewWindow:
    """The part of a grid that contains the view of a camera at one pose of the base.

    Attributes:
        rows, columns: position of the window in the grid.
        pixel: (h, w) int16, rounded image column of the centre of each cell, plus one. It is 0 for cells that
            are not in view.
        square_m2: (h, w) float32, squared horizontal distance of the centre of each cell from the camera.
    """

    rows: slice
    columns: slice
    pixel: NDArray[np.int16]
    square_m2: NDArray[np.float32]


class ViewTable:
    """Image columns for points on the ground in the base frame.

    A point is in view if it projects into the image, not on an ignored pixel, and its horizontal distance
    from the camera is at most `range_m`. This holds for any lens and for rolled and pitched cameras. The
    table has twice the resolution of the map, so that the nearest entry is at most a quarter of a cell away.
    """

    def __init__(
        self,
        camera: str,
        model: CameraModel,
        base_from_camera: RigidTransform,
        range_m: float,
        resolution_m: float,
        mask: ImageMask | None = None,
    ) -> None:
        check_above_ground(camera, base_from_camera)
        self._pitch_m = max(resolution_m / 2, range_m / _MOST_REACH)
        self._x, self._y = base_from_camera.translation[:2].tolist()
        reach = math.ceil(range_m / self._pitch_m) + 1
        along = (np.arange(2 * reach) + 0.5 - reach) * self._pitch_m
        near = np.square(along)[:, None] + np.square(along) <= range_m**2
        x, y = self._x + along, self._y + along
        camera_from_base = base_from_camera.inverse()
        if not model.sees_behind:  # half of the points need not be projected
            ahead = camera_from_base.rotation[2]
            near &= ahead[0] * x + (ahead[1] * y + camera_from_base.translation[2])[:, None] > 0
        row, column = np.nonzero(near)
        points = np.stack([x[column], y[row], np.zeros(len(row))], axis=-1)
        uv = model.points_to_pixels(camera_from_base.apply(points))
        in_view = (uv[:, 0] >= -0.5) & (uv[:, 0] < model.image_width - 0.5)
        in_view &= (uv[:, 1] >= -0.5) & (uv[:, 1] < model.image_height - 0.5)
        if mask is not None:
            in_view[in_view] = ~mask.ignores(uv[in_view, 0], uv[in_view, 1])
        row, column = row[in_view], column[in_view]
        self._pixel: NDArray[np.int16] = np.zeros((2 * reach, 2 * reach), np.int16)
        self._pixel[row, column] = np.rint(uv[in_view, 0]).astype(np.int16) + 1
        first, last = _row_ends(row, column)
        ends = np.concatenate([np.stack([x[column[k]], y[row[k]]], axis=-1) for k in (first, last)])
        self._outline_x, self._outline_y = _outline(ends, self._pitch_m)
        # The largest window is that of the table at 45 degrees.
        self._count = np.arange(math.ceil(3 * reach * self._pitch_m / resolution_m) + 3, dtype=np.float32)
        self._last: tuple[tuple[float, ...], RigidTransform, ViewWindow] | None = None

    def window(self, grid: RollingGrid, map_from_base: RigidTransform) -> ViewWindow:
        """Return the view on the cells of a grid, with the base at a pose; empty if it lies outside.

        If `map_from_base` is the same object as in the last call, as with static transforms, the last window
        is returned again. The caller must not change it.
        """
        place = (grid.left, grid.bottom, grid.size, grid.resolution_m)
        if self._last is None or self._last[0] != place or self._last[1] is not map_from_base:
            self._last = place, map_from_base, self._compute_window(grid, map_from_base)
        return self._last[2]

    def _compute_window(self, grid: RollingGrid, map_from_base: RigidTransform) -> ViewWindow:
        # Python floats, because numpy takes ten times as long for two numbers.
        (xx, xy), (yx, yy) = (map_from_base.rotation[:2, :2] / grid.resolution_m).tolist()
        left, bottom = (map_from_base.translation[:2] / grid.resolution_m - (grid.left, grid.bottom)).tolist()
        outline_x = self._outline_x * xx + self._outline_y * xy
        outline_y = self._outline_x * yx + self._outline_y * yy
        columns = _between(outline_x.min() + left, outline_x.max() + left, grid.size)
        rows = _between(outline_y.min() + bottom, outline_y.max() + bottom, grid.size)
        width, height = columns.stop - columns.start, rows.stop - rows.start
        if not width or not height:
            empty = np.zeros((height, width), np.float32)
            return ViewWindow(rows, columns, empty.astype(np.int16), empty)
        # The inverse of the motion above: from cells of the window to metres from the camera, in the base
        # frame.
        scale = 1.0 / (xx * yy - xy * yx)
        across_x, up_x, across_y, up_y = yy * scale, -xy * scale, -yx * scale, xx * scale
        column, row = columns.start + 0.5 - left, rows.start + 0.5 - bottom
        x = across_x * column + up_x * row - self._x
        y = across_y * column + up_y * row - self._y
        # Distances from the camera along both axes. If the base is upright, rows and columns stay
        # perpendicular, and the theorem of Pythagoras applies.
        across = self._count[:width] + np.float32(column - xx * self._x - xy * self._y)
        up = self._count[:height] + np.float32(row - yx * self._x - yy * self._y)
        square = np.add.outer(
            np.float32(up_x**2 + up_y**2) * up * up, np.float32(across_x**2 + across_y**2) * across * across
        )
        skew = 2.0 * (across_x * up_x + across_y * up_y)
        if abs(skew) > _UPRIGHT_M2:
            square += np.float32(skew) * np.outer(up, across)
        pitch, middle = self._pitch_m, len(self._pixel) / 2 - 0.5
        warp = np.array([[across_x, up_x, x + middle * pitch], [across_y, up_y, y + middle * pitch]]) / pitch
        pixel: NDArray[np.int16] = cv2.warpAffine(  # type: ignore[assignment]
            self._pixel,
            warp,
            (width, height),
            flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=0,
        )
        return ViewWindow(rows, columns, pixel, square)

    def look_up(self, x_m: float, y_m: float) -> tuple[int, float]:
        """Return image column (-1: not in view) and distance in metres of a point on the ground."""
        x, y, half = x_m - self._x, y_m - self._y, len(self._pixel) // 2
        column, row = math.floor(x / self._pitch_m) + half, math.floor(y / self._pitch_m) + half
        if not (0 <= row < len(self._pixel) and 0 <= column < len(self._pixel)):
            return -1, math.inf
        return int(self._pixel[row, column]) - 1, math.hypot(x, y)


def _between(low: float, high: float, size: int) -> slice:
    """Return the cells of 0..size that the interval touches."""
    start = min(max(math.floor(low), 0), size)
    return slice(start, min(max(math.ceil(high), start), size))


def _row_ends(row: NDArray[np.intp], column: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the indices of the first and the last cell of each row, for cells in row-major order."""
    starts = np.flatnonzero(np.diff(row, prepend=-1))
    return starts, np.append(starts, len(row))[1:] - 1


def _outline(points: FloatArray, pitch_m: float) -> tuple[FloatArray, FloatArray]:
    """Return x and y (K,) in metres of the convex hull of cells with these centres (N, 2)."""
    if not len(points):
        return np.zeros(1), np.zeros(1)
    half = pitch_m / 2
    to_corners = np.array([(sx * half, sy * half) for sx in (-1, 1) for sy in (-1, 1)])
    corners = (points[:, None] + to_corners).reshape(-1, 2)
    x, y = cv2.convexHull(corners.astype(np.float32))[:, 0].astype(np.float64).T
    return np.ascontiguousarray(x), np.ascontiguousarray(y)
