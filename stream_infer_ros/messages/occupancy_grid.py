"""nav_msgs/msg/OccupancyGrid."""

from __future__ import annotations

import numpy as np

from stream_infer_ros.errors import MessageError
from stream_infer_ros.mapping.grid_snapshot import GridSnapshot
from stream_infer_ros.messages.cdr_reader import Cdr, CdrReader
from stream_infer_ros.messages.cdr_writer import CdrWriter

TYPE_NAME = 'nav_msgs/msg/OccupancyGrid'


def encode_occupancy_grid(frame_id: str, grid: GridSnapshot) -> bytes:
    """Write a map that lives in the frame `frame_id`; the cells are copied once."""
    height, width = grid.cells.shape
    writer = CdrWriter(TYPE_NAME)
    writer.header(grid.stamp_ns, frame_id)
    writer.time_ns(grid.stamp_ns)
    writer.float32(grid.resolution_m)
    writer.uint32(width)
    writer.uint32(height)
    writer.float64_array([grid.origin_x_m, grid.origin_y_m, 0.0, 0.0, 0.0, 0.0, 1.0])
    return writer.finish_with_bytes(np.ascontiguousarray(grid.cells, np.int8).data)


def decode_occupancy_grid(cdr: Cdr) -> GridSnapshot:
    """Read a map; its cells are a copy.

    The resolution travels as float32: the shortest decimal that stands for it is taken, so 0.1 stays 0.1.

    Raises:
        MessageError: the bytes are no OccupancyGrid, its sizes do not agree, or it is turned in its frame.
    """
    reader = CdrReader(cdr, TYPE_NAME)
    stamp_ns, _ = reader.header()
    reader.time_ns()
    resolution_m = float(str(np.float32(reader.float32())))
    width, height = reader.uint32(), reader.uint32()
    origin = reader.float64_array(7)
    cells = reader.int8_sequence()
    reader.end()
    if width * height != cells.size or not cells.size:
        raise MessageError(f'{TYPE_NAME}: {width} x {height} cells were expected, {cells.size} came')
    if not (0.0 < resolution_m < np.inf and np.isfinite(origin).all()):
        raise MessageError(
            f'{TYPE_NAME}: a resolution above 0 m and a finite origin were expected, '
            f'{resolution_m} and {origin.tolist()} came'
        )
    if np.any(np.abs(origin[3:6]) > 1e-6):
        raise MessageError(
            f'{TYPE_NAME}: a map along the axes of its frame was expected, one turned by the quaternion '
            f'{origin[3:].tolist()} came'
        )
    return GridSnapshot(
        stamp_ns, float(origin[0]), float(origin[1]), resolution_m, cells.reshape(height, width).copy()
    )
