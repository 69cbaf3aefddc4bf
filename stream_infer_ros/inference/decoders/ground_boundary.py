"""Where ground ends in each column of a map of its probability."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_GROUND = np.float32(0.5)


def boundary_rows(
    ground: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where, seen from below, ground ends in each column of probabilities (h, C).

    Returns (C,) rows, whole numbers at cell centres, where the probability passes one half (h - 0.5 where not
    even the lowest cell is ground, -0.5 where all are), and (C,) confidence: how sure the network is of the
    ground below, or of the lowest cells where hardly one is ground.
    """
    height, columns = ground.shape
    upward = ground[::-1]
    is_free = upward >= _GROUND
    free_cells = np.where(is_free.all(axis=0), height, is_free.argmin(axis=0))
    column = np.arange(columns)
    below = upward[np.maximum(free_cells - 1, 0), column]
    above = upward[np.minimum(free_cells, height - 1), column]
    part = (below - _GROUND) / np.maximum(below - above, np.float32(1e-6))
    row = height - free_cells + np.float32(0.0) - part.clip(0.0, 1.0)
    row = np.where(free_cells == 0, height - 0.5, np.where(free_cells == height, -0.5, row))
    # The cell at the boundary is partly ground for no doubt of the network's; those below it tell.
    sure = np.cumsum(2.0 * upward - 1.0, axis=0)[np.maximum(free_cells - 2, 0), column]
    sure = sure / np.maximum(free_cells - 1, 1)
    lowest = np.abs(2.0 * upward[:2] - 1.0).max(axis=0)
    confidence = np.where(free_cells < 2, lowest, sure).clip(0.0, 1.0)
    return row.astype(np.float32), confidence.astype(np.float32)
