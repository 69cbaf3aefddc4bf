"""The publications of the map: the grid, its updates, the objects on it, and their markers."""

from __future__ import annotations

import numpy as np

from stream_infer_ros.config import Config
from stream_infer_ros.graph.graph import LATCHED, RELIABLE, Graph
from stream_infer_ros.mapping.grid_snapshot import GridSnapshot
from stream_infer_ros.messages.detection3d_array import encode_detection3d_array
from stream_infer_ros.messages.markers import encode_marker_array
from stream_infer_ros.messages.occupancy_grid import (
    OccupancyGridUpdate,
    encode_occupancy_grid,
    encode_occupancy_grid_update,
)
from stream_infer_ros.pipeline.steps.fuse import Fused


class MapOutputs:
    """`~/occupancy_grid` (latched), `~/occupancy_grid_updates`, `~/detections_3d` and `~/markers`."""

    def __init__(self, graph: Graph, config: Config) -> None:
        base = config.graph.private
        self._map_frame = config.map.map_frame
        self._grid = graph.advertise(f'{base}/occupancy_grid', 'nav_msgs/msg/OccupancyGrid', LATCHED)
        self._updates = graph.advertise(
            f'{base}/occupancy_grid_updates', 'map_msgs/msg/OccupancyGridUpdate', RELIABLE
        )
        self._published: GridSnapshot | None = None
        self._objects = graph.advertise(f'{base}/detections_3d', 'vision_msgs/msg/Detection3DArray', RELIABLE)
        self._markers = (
            graph.advertise(f'{base}/markers', 'visualization_msgs/msg/MarkerArray', RELIABLE)
            if config.publish.markers
            else None
        )

    def publish(self, fused: Fused) -> None:
        """Publish the map and the objects on it, with the stamp of the map. Does nothing without a map."""
        grid = fused.map
        if grid is None:
            return
        self._publish_update(grid)
        self._grid.publish(encode_occupancy_grid(self._map_frame, grid))
        self._published = grid
        self._objects.publish(encode_detection3d_array(grid.stamp_ns, self._map_frame, fused.objects))
        # Encoding markers costs more than the map itself, so it is done only for a subscriber.
        if self._markers is not None and self._markers.subscribers():
            self._markers.publish(encode_marker_array(grid.stamp_ns, self._map_frame, fused.objects))

    def _publish_update(self, grid: GridSnapshot) -> None:
        """Publish the changes since the last map to subscribers of the updates."""
        if self._published is None or not self._updates.subscribers():
            return
        update = changed_part(self._published, grid)
        if update is not None:
            self._updates.publish(encode_occupancy_grid_update(self._map_frame, update))


def changed_part(before: GridSnapshot, after: GridSnapshot) -> OccupancyGridUpdate | None:
    """Return the smallest rectangle around all cells that differ; None if none do, or if the map has moved.

    An update is relative to the map before it. When the map has moved, only a whole map describes the change.
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
