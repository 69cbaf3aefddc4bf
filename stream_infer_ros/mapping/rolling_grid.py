"""A square window of cells that follows the base through the map frame."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


class RollingGrid:
    """A grid with one value per cell, aligned with the axes of the map frame. Rows are y, columns are x.

    The window moves by whole cells only, so that a cell always covers the same ground.

    Attributes:
        resolution_m: edge length of a cell, in metres.
        size: number of cells along an edge.
        left, bottom: column and row of cell (0, 0) in the infinite grid that begins at the origin of the map
            frame.
        values: (size, size) float32. A move of the window replaces this array by another one.
    """

    def __init__(self, size_m: float, resolution_m: float, empty: float = 0.0) -> None:
        self.resolution_m = resolution_m
        self.size = max(1, round(size_m / resolution_m))
        self.left = -(self.size // 2)
        self.bottom = -(self.size // 2)
        self._empty = empty
        self.values: NDArray[np.float32] = np.full((self.size, self.size), empty, np.float32)
        # A move copies into this array and exchanges the two. Allocating a new array would take longer.
        self._spare = np.empty_like(self.values)

    @property
    def origin_m(self) -> tuple[float, float]:
        """x and y of the lower-left corner in the map frame, in metres."""
        return self.left * self.resolution_m, self.bottom * self.resolution_m

    def recentre(self, x_m: float, y_m: float) -> None:
        """Move the window so that (x, y) is in its middle. Cells that remain keep their value."""
        left = math.floor(x_m / self.resolution_m) - self.size // 2
        bottom = math.floor(y_m / self.resolution_m) - self.size // 2
        right_by, up_by = left - self.left, bottom - self.bottom
        if right_by == 0 and up_by == 0:
            return
        self.left, self.bottom = left, bottom
        to_rows, from_rows = _overlap(up_by, self.size)
        to_columns, from_columns = _overlap(right_by, self.size)
        moved = self._spare
        moved[to_rows, to_columns] = self.values[from_rows, from_columns]
        moved[: to_rows.start] = moved[to_rows.stop :] = self._empty
        moved[:, : to_columns.start] = moved[:, to_columns.stop :] = self._empty
        self.values, self._spare = moved, self.values

    def cells_of(self, points_in_map: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return rows and columns (M,) of points (N, 2) in metres. Points outside the window are left out."""
        index = np.floor(points_in_map / self.resolution_m).astype(np.intp)
        columns, rows = index[:, 0] - self.left, index[:, 1] - self.bottom
        inside = (columns >= 0) & (rows >= 0) & (columns < self.size) & (rows < self.size)
        return rows[inside], columns[inside]


def _overlap(shift: int, size: int) -> tuple[slice, slice]:
    """Return the slices of the remaining cells after and before a move by `shift` cells along one axis."""
    shift = min(max(shift, -size), size)
    if shift >= 0:
        return slice(0, size - shift), slice(shift, size)
    return slice(-shift, size), slice(0, size + shift)
