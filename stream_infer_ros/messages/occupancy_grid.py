"""nav_msgs/msg/OccupancyGrid and map_msgs/msg/OccupancyGridUpdate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.mapping.grid_snapshot import GridSnapshot
from stream_infer_ros.messages.cdr_writer import CdrWriter

GRID_TYPE_NAME = 'nav_msgs/msg/OccupancyGrid'
UPDATE_TYPE_NAME = 'map_msgs/msg/OccupancyGridUpdate'


def encode_occupancy_grid(frame_id: str, grid: GridSnapshot) -> bytes:
    """Encode a map in the frame `frame_id`. The cells are copied once."""
    height, width = grid.cells.shape
    writer = CdrWriter(GRID_TYPE_NAME)
    writer.header(grid.stamp_ns, frame_id)
    writer.time_ns(grid.stamp_ns)
    writer.float32(grid.resolution_m)
    writer.uint32(width)
    writer.uint32(height)
    writer.float64_array([grid.origin_x_m, grid.origin_y_m, 0.0, 0.0, 0.0, 0.0, 1.0])
    return writer.finish_with_bytes(np.ascontiguousarray(grid.cells, np.int8).data)


@dataclass(frozen=True, slots=True, eq=False)
class OccupancyGridUpdate:
    """A rectangle of cells that changed since the last map or update.

    Attributes:
        stamp_ns: time of the cells, in nanoseconds.
        column, row: position of its lower-left cell in the map.

        cells: (rows = y, columns = x) int8, as in `GridSnapshot`.
    """

    stamp_ns: int
    column: int
    row: int
    cells: NDArray[np.int8]


def encode_occupancy_grid_update(frame_id: str, update: OccupancyGridUpdate) -> bytes:
    """Encode a changed rectangle of a map in the frame `frame_id`."""
    height, width = update.cells.shape
    writer = CdrWriter(UPDATE_TYPE_NAME)
    writer.header(update.stamp_ns, frame_id)
    writer.int32(update.column)
    writer.int32(update.row)
    writer.uint32(width)
    writer.uint32(height)
    return writer.finish_with_bytes(np.ascontiguousarray(update.cells, np.int8).data)
