"""What changed from one published map to the next."""

from __future__ import annotations

import numpy as np

from stream_infer_ros.mapping.grid_snapshot import GridSnapshot
from stream_infer_ros.messages.occupancy_grid import OccupancyGridUpdate


def changed_part(before: GridSnapshot, after: GridSnapshot) -> OccupancyGridUpdate | None:
    """The smallest rectangle around all cells that differ; None if none do, or the window has moved.

    An update is relative to the map it follows: where that lies elsewhere, only a whole map will do.
    """
    if (before.origin_x_m, before.origin_y_m) != (after.origin_x_m, after.origin_y_m):
        return None
    changed = before.cells != after.cells
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    if not len(rows):
        return None
    x, y = int(columns[0]), int(rows[0])
    part = after.cells[y : int(rows[-1]) + 1, x : int(columns[-1]) + 1]
    return OccupancyGridUpdate(after.stamp_ns, x, y, part)
