"""map_msgs/msg/OccupancyGridUpdate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream_infer_ros.errors import MessageError
from stream_infer_ros.messages.cdr_reader import Cdr, CdrReader
from stream_infer_ros.messages.cdr_writer import CdrWriter

TYPE_NAME = 'map_msgs/msg/OccupancyGridUpdate'


@dataclass(frozen=True, slots=True, eq=False)
class OccupancyGridUpdate:
    """A rectangle of cells that changed in a map sent before.

    Attributes:
        stamp_ns: the moment it describes, nanoseconds.
        column, row: its lowest cell in the map.
        cells: (rows = y, columns = x) int8, as in `GridSnapshot`.
    """

    stamp_ns: int
    column: int
    row: int
    cells: NDArray[np.int8]


def encode_occupancy_grid_update(frame_id: str, update: OccupancyGridUpdate) -> bytes:
    """Write a changed rectangle of the map that lives in the frame `frame_id`."""
    height, width = update.cells.shape
    writer = CdrWriter(TYPE_NAME)
    writer.header(update.stamp_ns, frame_id)
    writer.int32(update.column)
    writer.int32(update.row)
    writer.uint32(width)
    writer.uint32(height)
    return writer.finish_with_bytes(np.ascontiguousarray(update.cells, np.int8).data)


def decode_occupancy_grid_update(cdr: Cdr) -> OccupancyGridUpdate:
    """Read a changed rectangle; its cells are a copy. Raises MessageError."""
    reader = CdrReader(cdr, TYPE_NAME)
    stamp_ns, _ = reader.header()
    column, row = reader.int32(), reader.int32()
    width, height = reader.uint32(), reader.uint32()
    cells = reader.int8_sequence()
    reader.end()
    if width * height != cells.size or not cells.size:
        raise MessageError(f'{TYPE_NAME}: {width} x {height} cells were expected, {cells.size} came')
    return OccupancyGridUpdate(stamp_ns, column, row, cells.reshape(height, width).copy())
