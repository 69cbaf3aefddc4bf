"""The occupancy map at one moment, as it is published."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

UNKNOWN = -1
FREE = 0
OCCUPIED = 100


@dataclass(frozen=True, slots=True, eq=False)
class GridSnapshot:
    """A square window of cells, aligned with the axes of the map frame.

    Attributes:
        stamp_ns: the time that the map describes, in nanoseconds.
        origin_x_m, origin_y_m: lower-left corner of cell (0, 0) in the map frame, in metres. It is a whole
            number of cells away from the origin of the map frame, so that the cells of different windows
            coincide.
        resolution_m: edge length of a cell, in metres.
        cells: (rows = y, columns = x) int8: -1 unknown, 0 free, 100 occupied. It is a copy that later updates
            of the map do not change.
    """

    stamp_ns: int
    origin_x_m: float
    origin_y_m: float
    resolution_m: float
    cells: NDArray[np.int8]
