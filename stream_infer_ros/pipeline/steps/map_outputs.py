"""What the map gives, published: the grid, the objects on it, and markers of them."""

from __future__ import annotations

from collections.abc import Sequence, Set

from stream_infer_ros.config import Config
from stream_infer_ros.graph.graph import LATCHED, RELIABLE, Graph
from stream_infer_ros.mapping.grid_snapshot import GridSnapshot
from stream_infer_ros.mapping.ground_object import GroundObject
from stream_infer_ros.messages.detection3d_array import encode_detection3d_array
from stream_infer_ros.messages.markers import encode_marker_array
from stream_infer_ros.messages.occupancy_grid import encode_occupancy_grid, encode_occupancy_grid_update
from stream_infer_ros.pipeline.processed_set import FusedSet
from stream_infer_ros.pipeline.steps.grid_update import changed_part


class MapOutputs:
    """`~/occupancy_grid` (latched), `~/detections_3d`, `~/markers`.

    `~/occupancy_grid_updates` says what changed since the last map, while someone listens and the window
    stands; where it moves, the whole map says it.
    """

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

    def publish(self, fused: FusedSet) -> None:
        """What one set made of the map."""
        if fused.grid is not None:
            self.publish_map(fused.grid, fused.objects)

    def scanned(self) -> Set[str]:
        """None: scans are published with the cameras."""
        return frozenset()

    def publish_map(self, grid: GridSnapshot, objects: Sequence[GroundObject]) -> None:
        """The map and the objects on it, at the snapshot's stamp."""
        self._publish_update(grid)
        self._grid.publish(encode_occupancy_grid(self._map_frame, grid))
        self._published = grid
        self._objects.publish(encode_detection3d_array(grid.stamp_ns, self._map_frame, objects))
        # Markers cost more than the map itself to write: only while someone looks.
        if self._markers is not None and self._markers.subscribers():
            self._markers.publish(encode_marker_array(grid.stamp_ns, self._map_frame, objects))

    def _publish_update(self, grid: GridSnapshot) -> None:
        if self._published is None or not self._updates.subscribers():
            return
        update = changed_part(self._published, grid)
        if update is not None:
            self._updates.publish(encode_occupancy_grid_update(self._map_frame, update))

    def retune(self, config: Config) -> None:
        """The map's topics have no live settings."""
