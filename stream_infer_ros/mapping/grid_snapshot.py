"""The map at one moment, as it is published."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

UNKNOWN = -1
FREE = 0
OCCUPIED = 100


@dataclass(frozen=True, slots=True, eq=False)
class GridSnapshot:
    """A square window of cells, axis-aligned in the map frame (nav_msgs/OccupancyGrid values).

    Attributes:
        stamp_ns: the moment it describes, nanoseconds.
        origin_x_m, origin_y_m: lower-left corner of cell (0, 0) in the map frame, metres; always a whole
            number of cells from the map frame's origin, so that windows of different moments line up.
        resolution_m: edge of a cell, metres.
        cells: (rows = y, columns = x) int8: -1 unknown, 0 free, 100 occupied. Its own copy: later updates
            of the map do not change it.
    """

    stamp_ns: int
    origin_x_m: float
    origin_y_m: float
    resolution_m: float
    cells: NDArray[np.int8]
