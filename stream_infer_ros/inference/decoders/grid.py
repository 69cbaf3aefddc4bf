"""The grids that networks without queries look at: a cell for every so many pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# Those that are in use: nearly all networks; those for large pictures; those for small objects.
USUAL_STRIDES = ((8, 16, 32), (8, 16, 32, 64), (4, 8, 16, 32))
# Networks that pick the best boxes themselves give at most so many; more rows are cells.
MOST_PICKED = 1000


def grid_cells(height: int, width: int, strides: Sequence[int]) -> NDArray[np.float32]:
    """(A, 3) float32: column, row and stride of each cell, grid by grid, row by row.

    `height` and `width` are the network's, pixels; what is left over at an edge has no cell.
    """
    grids = []
    for stride in strides:
        row, column = np.mgrid[: height // stride, : width // stride]
        grids.append(np.stack([column.ravel(), row.ravel(), np.full(row.size, stride)], axis=1))
    cells: NDArray[np.float32] = np.concatenate(grids).astype(np.float32)
    return cells


def count_cells(height: int, width: int, strides: Sequence[int]) -> int:
    """How many `grid_cells` there are."""
    return sum((height // stride) * (width // stride) for stride in strides)


def strides_of(height: int, width: int, rows: int, per_cell: int = 1) -> tuple[int, ...]:
    """The strides whose grids have that many rows, `per_cell` for each cell; none if no usual ones do."""
    for strides in USUAL_STRIDES:
        if count_cells(height, width, strides) * per_cell == rows:
            return strides
    return ()


def centred(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows (N, >= 4) of centre u, v, width, height to (N, 4) xyxy, centres of pixels at whole numbers.

    YOLO networks measure from the image's corner, where pixel centres lie at halves.
    """
    centre, half = rows[:, :2] - np.float32(0.5), rows[:, 2:4] * np.float32(0.5)
    xyxy: NDArray[np.float32] = np.concatenate([centre - half, centre + half], axis=1)
    return xyxy
