"""Where each patch of ground around the base lies in a camera's image, computed once per camera."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.cameras.camera_model import CameraModel
from stream_infer_ros.cameras.rigid_transform import RigidTransform
from stream_infer_ros.mapping.ground import check_above_ground, inverse_2x2
from stream_infer_ros.mapping.rolling_grid import RollingGrid

FloatArray = NDArray[np.float64]

# Outside the image the table holds this instead of a pixel. It is far enough below zero for a cell that
# blends one neighbour outside with three inside (bilinear, weights in 1/1024) still to come out as outside.
_OUTSIDE = -1e7


@dataclass(frozen=True, slots=True, eq=False)
class CellsInView:
    """The cells of a grid that a camera can see at one pose: in its field of view and within range.

    Attributes:
        index: (K,) intp, into the grid's cells taken row by row; none twice.
        u: (K,) float32, image column of each cell's centre, source pixels.
        range_m: (K,) float32, horizontal distance of each cell's centre from the camera.
    """

    index: NDArray[np.intp]
    u: NDArray[np.float32]
    range_m: NDArray[np.float32]


class ViewTable:
    """For cells of the base frame: image column and range; moved onto the map grid by one warp per view.

    A cell is in view when its centre, on the ground, projects into the image and lies within `range_m` of the
    camera (horizontally). Works for any lens, and for rolled and pitched cameras.
    """

    def __init__(
        self,
        camera: str,
        model: CameraModel,
        base_from_camera: RigidTransform,
        range_m: float,
        resolution_m: float,
    ) -> None:
        check_above_ground(camera, base_from_camera)
        self._resolution_m = resolution_m
        reach = int(np.ceil(range_m / resolution_m)) + 1
        self._corner = base_from_camera.translation[:2] - reach * resolution_m
        centres = (np.arange(2 * reach) + 0.5) * resolution_m
        x, y = np.meshgrid(self._corner[0] + centres, self._corner[1] + centres)
        points = np.stack([x, y, np.zeros_like(x)], axis=-1).reshape(-1, 3)
        uv = model.points_to_pixels(base_from_camera.inverse().apply(points))
        distance = np.hypot(*(points[:, :2] - base_from_camera.translation[:2]).T)
        inside = (
            (uv[:, 0] >= -0.5)
            & (uv[:, 0] < model.image_width - 0.5)
            & (uv[:, 1] >= -0.5)
            & (uv[:, 1] < model.image_height - 0.5)
            & (distance <= range_m)
        )
        columns = np.where(inside, uv[:, 0], _OUTSIDE)
        self._u = columns.reshape(2 * reach, 2 * reach).astype(np.float32)
        self._position = base_from_camera.translation[:2]
        self._outline = _outline(points[inside, :2], resolution_m)

    def on(self, grid: RollingGrid, map_from_base: RigidTransform) -> CellsInView:
        """The cells of a grid that the camera can see with the base at a pose."""
        linear, shift = map_from_base.rotation[:2, :2], map_from_base.translation[:2]
        outline = (self._outline @ linear.T + shift) / grid.resolution_m - (grid.left, grid.bottom)
        low = np.maximum(np.floor(outline.min(axis=0)), 0).astype(int)
        high = np.minimum(np.ceil(outline.max(axis=0)), grid.size).astype(int)
        width, height = (high - low).tolist()
        if width <= 0 or height <= 0:
            none = np.zeros(0, np.float32)
            return CellsInView(np.zeros(0, np.intp), none, none)
        # From cells of the window `low`..`high` to the base frame: a motion of the plane.
        base_from_map = inverse_2x2(linear)
        step = base_from_map * grid.resolution_m
        first = base_from_map @ ((low + (grid.left, grid.bottom) + 0.5) * grid.resolution_m - shift)
        warp = np.column_stack([step, first - self._corner]) / self._resolution_m
        warp[:, 2] -= 0.5
        sampled = cv2.warpAffine(
            self._u,
            warp,
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=_OUTSIDE,
        ).reshape(-1)
        inside = np.flatnonzero(sampled > -1.0)
        row = inside // width
        column = inside - row * width
        across, up = column.astype(np.float32), row.astype(np.float32)
        (from_x, from_y), ((xx, xy), (yx, yy)) = (first - self._position).tolist(), step.tolist()
        # Python floats keep float32 arrays what they are.
        x, y = from_x + xx * across + xy * up, from_y + yx * across + yy * up
        range_m = np.sqrt(x * x + y * y)
        index = inside + row * (grid.size - width) + int(low[1] * grid.size + low[0])
        return CellsInView(index, sampled[inside].astype(np.float32, copy=False), range_m)

    def u_at(self, in_base: FloatArray) -> NDArray[np.float32]:
        """Image column (N,) float32 of ground points (N, 2) of the base frame; < -1: not in view."""
        cell = np.floor((in_base - self._corner) / self._resolution_m).astype(np.intp)
        within = ((cell >= 0) & (cell < len(self._u))).all(axis=1)
        cell[~within] = 0
        u: NDArray[np.float32] = np.where(within, self._u[cell[:, 1], cell[:, 0]], np.float32(_OUTSIDE))
        return u


def _outline(points: FloatArray, resolution_m: float) -> FloatArray:
    """Corners (K, 2) around all cells with these centres (N, 2), metres; a point where there are none."""
    if not len(points):
        return np.zeros((1, 2))
    half = resolution_m / 2
    to_corners = np.array([(sx * half, sy * half) for sx in (-1, 1) for sy in (-1, 1)])
    corners = (points[:, None] + to_corners).reshape(-1, 2)
    hull: FloatArray = cv2.convexHull(corners.astype(np.float32))[:, 0].astype(np.float64)
    return hull
