"""The output grids of dense detectors: one cell for every `stride` pixels in each direction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# Of nearly all networks; of networks for large pictures; of networks for small objects.
USUAL_STRIDES = ((8, 16, 32), (8, 16, 32, 64), (4, 8, 16, 32))
# Networks that select boxes in the graph return at most this number. An output with more rows has cells.
MOST_SELECTED = 1000


def grid_cells(height: int, width: int, strides: Sequence[int]) -> NDArray[np.float32]:
    """Return (A, 3) float32: column, row and stride of each cell, grid by grid, row by row.

    `height` and `width` are those of the network's input, pixels. Incomplete cells at an edge are left out.
    """
    grids = []
    for stride in strides:
        row, column = np.mgrid[: height // stride, : width // stride]
        grids.append(np.stack([column.ravel(), row.ravel(), np.full(row.size, stride)], axis=1))
    cells: NDArray[np.float32] = np.concatenate(grids).astype(np.float32)
    return cells


def count_cells(height: int, width: int, strides: Sequence[int]) -> int:
    """Return the number of `grid_cells`."""
    return sum((height // stride) * (width // stride) for stride in strides)


def strides_of(height: int, width: int, rows: int, per_cell: int = 1) -> tuple[int, ...]:
    """Return the usual strides whose grids have `per_cell` rows for each cell; empty if none have."""
    for strides in USUAL_STRIDES:
        if count_cells(height, width, strides) * per_cell == rows:
            return strides
    return ()


def corners(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Convert rows (N, >= 4) of centre u, v, width, height to (N, 4) xyxy.

    YOLO networks measure from the corner of the image, so that pixel centres are at halves. In the result,
    they are at whole numbers.
    """
    centre, half = rows[:, :2] - np.float32(0.5), rows[:, 2:4] * np.float32(0.5)
    xyxy: NDArray[np.float32] = np.concatenate([centre - half, centre + half], axis=1)
    return xyxy
